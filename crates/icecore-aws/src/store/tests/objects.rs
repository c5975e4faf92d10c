//! The objects in the bucket.

use std::time::Duration;

use super::*;
use crate::archive::ArchiveReport;

#[tokio::test]
async fn classes_and_encryption_by_kind_of_object() {
    let bed = Bed::new();
    let mut options = bed.options();
    options.data_class = "DEEP_ARCHIVE".parse().unwrap();
    options.meta_class = "STANDARD_IA".parse::<StorageClassName>().unwrap().try_into().unwrap();
    options.encryption = Encryption::Kms { key: Some("alias/backup".to_owned()) };
    options.multipart_above_bytes = 5 << 20;
    options.part_bytes_min = 5 << 20;
    let store = bed.store_with(options).await;
    store.create("data/group/small", Bytes::from_static(b"pack")).await.unwrap();
    store.create("data/group/large", pattern(6 << 20)).await.unwrap();
    store.create("meta/packs/one", Bytes::from_static(b"directory")).await.unwrap();
    let headers = |key: &str| bed.server.object_headers("bucket", &format!("some/prefix/{key}"));
    let expected = |class: &str| [class, "aws:kms", "alias/backup"].map(|text| Some(text.to_owned()));
    assert_eq!(headers("data/group/small"), expected("DEEP_ARCHIVE"));
    assert_eq!(headers("data/group/large"), expected("DEEP_ARCHIVE"));
    assert_eq!(headers("meta/packs/one"), expected("STANDARD_IA"));
    let error = store.get("data/group/small", None).await.unwrap_err();
    assert!(matches!(&error, StoreError::Archived { class, .. } if class == "DEEP_ARCHIVE"), "{error}");
}

#[tokio::test]
async fn what_is_not_said_is_left_to_the_bucket() {
    let bed = Bed::new();
    bed.store().await.create("data/a", Bytes::from_static(b"a")).await.unwrap();
    assert_eq!(bed.server.object_headers("bucket", "some/prefix/data/a"), [None, None, None]);
    let store = bed.store_with(S3Options { encryption: Encryption::S3, ..bed.options() }).await;
    store.create("data/b", Bytes::from_static(b"b")).await.unwrap();
    let [_, encryption, key] = bed.server.object_headers("bucket", "some/prefix/data/b");
    assert_eq!((encryption.as_deref(), key), (Some("AES256"), None));
}

#[tokio::test]
async fn objects_of_others_are_left_out_and_left_alone() {
    let bed = Bed::new();
    let others = [
        "some/prefix/with space",
        "some/prefix/ümlaut/ключ",
        "some/prefix/a+b&c=d?e#f",
        "some/prefix//double",
        "some/prefix/folder/",
        "some/prefix2/object",
        "some/prefix",
        "elsewhere",
    ];
    for key in others {
        bed.server.plant("bucket", key, b"foreign");
    }
    let store = bed.store().await;
    store.create("meta/own", Bytes::from_static(b"own")).await.unwrap();
    let keys: Vec<String> = store.list("").await.unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(keys, ["meta/own"]);
    store.delete("meta/own", None).await.unwrap();
    assert_eq!(bed.server.keys("bucket").len(), others.len());
}

#[tokio::test]
async fn listings_of_more_than_a_page() {
    let bed = Bed::new();
    for number in 0..2_345 {
        bed.server.plant("bucket", &format!("some/prefix/data/{number:05}"), b"x");
    }
    let objects = bed.store().await.list("data/").await.unwrap();
    assert_eq!(objects.len(), 2_345);
    assert!(objects.is_sorted_by(|one, other| one.key < other.key));
    // Of the three pages, the last two are requested at once, and a guess where they begin may be wrong.
    assert!(matches!(bed.requests("GET", "list-type=2"), 3..=5));
}

/// Keys like those of Icecore: many with the same time, times at all distances, several writers, and some
/// that are not hexadecimal numbers.
fn many_keys() -> Vec<String> {
    let hash = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut keys: Vec<String> = (0..300)
        .map(|number| {
            format!("meta/packs/{:012x}{:020x}-{:06}", number * number * 7919, hash(number), number % 3)
        })
        .chain((0..50).map(|number| format!("meta/packs/{:012x}{:020x}-000000", 5_000_000, hash(number))))
        .chain((0..200).map(|number| format!("meta/log/{:032x}/{:06}", hash(number % 5), number / 5 + 1)))
        .chain((0..40).map(|number| format!("meta/packs/foreign-{number}")))
        .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_of_many_pages_have_every_key_once() {
    let keys = many_keys();
    for page_keys_max in [1, 2, 7, 64, 1_000] {
        for has_start_after in [true, false] {
            let bed =
                Bed::with(&ServerOptions { page_keys_max, has_start_after, ..ServerOptions::default() });
            for key in &keys {
                bed.server.plant("bucket", &format!("some/prefix/{key}"), b"x");
            }
            let store = bed.store().await;
            for prefix in ["", "meta/packs/", "meta/log/", "meta/none/"] {
                let listed = store.list(prefix).await.unwrap();
                let listed: Vec<&str> = listed.iter().map(|object| object.key.as_str()).collect();
                let expected: Vec<&str> =
                    keys.iter().map(String::as_str).filter(|key| key.starts_with(prefix)).collect();
                assert_eq!(listed, expected, "{prefix:?} in pages of {page_keys_max}, {has_start_after}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_gives_the_same_page_again_and_again_does_not_keep_us() {
    let options = ServerOptions { page_keys_max: 10, repeats_pages: true, ..ServerOptions::default() };
    let bed = Bed::with(&options);
    for number in 0..100 {
        bed.server.plant("bucket", &format!("some/prefix/meta/{number:03}"), b"x");
    }
    let store = bed.store().await;
    let listed = tokio::time::timeout(Duration::from_secs(20), store.list("meta/")).await;
    let error = listed.expect("it ends").unwrap_err();
    assert!(matches!(error, StoreError::IncompleteList { .. }), "{error}");
    assert!(error.to_string().contains("lists only some of the objects below \"meta/\""), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_that_a_server_cuts_short_are_no_listing() {
    let options = ServerOptions { page_keys_max: 10, repeats_pages: true, ..ServerOptions::default() };
    let bed = Bed::with(&options);
    for number in 0..400u64 {
        let key = format!("some/prefix/meta/snapshots/{:012x}{:020x}", number * 86_400_000, number);
        bed.server.plant("bucket", &key, b"x");
    }
    let error = bed.store().await.list("meta/snapshots/").await.unwrap_err();
    assert!(matches!(error, StoreError::IncompleteList { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_listed_side_by_side() {
    let bed = Bed::with(&ServerOptions { page_keys_max: 10, ..ServerOptions::default() });
    for number in 0..400u64 {
        let key = format!("some/prefix/meta/snapshots/{:012x}{:020x}", number * 86_400_000, number);
        bed.server.plant("bucket", &key, b"x");
    }
    assert_eq!(bed.store().await.list("meta/snapshots/").await.unwrap().len(), 400);
    let made = bed.server.requests();
    let lists = made.iter().filter(|line| line.query.contains("list-type=2"));
    let (at_once, in_turn): (Vec<_>, Vec<_>) = lists.partition(|line| line.query.contains("start-after"));
    assert!((36..60).contains(&at_once.len()), "{} ranges", at_once.len());
    assert!(in_turn.len() < 8, "{} pages that another had to name", in_turn.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_listed_side_by_side_again_behind_one_that_tells_nothing() {
    let bed = Bed::with(&ServerOptions { page_keys_max: 10, ..ServerOptions::default() });
    // The first page begins in one range and ends in the other.
    for (prefix, count) in [("data/group", 5), ("meta/packs", 300)] {
        for number in 0..count {
            let key = format!("some/prefix/{prefix}/{:012x}", number * 86_400_000u64);
            bed.server.plant("bucket", &key, b"x");
        }
    }
    assert_eq!(bed.store().await.list("").await.unwrap().len(), 305);
    assert!(bed.requests("GET", "start-after") > 20);
}

#[tokio::test]
async fn what_is_left_of_uploads_is_taken_away_when_it_is_old() {
    let bed = Bed::new();
    let options = S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, ..bed.options() };
    let store = bed.store_with(options).await;
    // The answer to the start of an upload is lost, so nobody knows its id.
    bed.inject("POST", "uploads", 1, Fault::LostReply);
    store.create("data/a", pattern(6 << 20)).await.unwrap();
    assert_eq!(bed.server.open_uploads("bucket"), 1);
    let day = Duration::from_hours(24);
    let now = Environment { clock: Environment::system().clock, ..bed.environment.clone() };
    assert_eq!(S3Store::open(bed.options(), now.clone()).await.abort_stale_uploads(day).await.unwrap(), 0);
    let tomorrow = ManualClock::new(now.clock.now() + day + Duration::from_mins(1));
    let later = S3Store::open(bed.options(), Environment { clock: Arc::new(tomorrow), ..now }).await;
    assert_eq!(later.abort_stale_uploads(day).await.unwrap(), 1);
    assert_eq!(bed.server.open_uploads("bucket"), 0);
    assert_eq!(store.head("data/a").await.unwrap().size, 6 << 20);
}

#[tokio::test]
async fn an_upload_that_somebody_takes_away_begins_anew() {
    let bed = Bed::new();
    let options = S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, ..bed.options() };
    let store = bed.store_with(options).await;
    bed.inject("PUT", "partNumber=2", 1, Fault::error(404, "NoSuchUpload"));
    bed.inject("POST", "uploadId", 1, Fault::error(404, "NoSuchUpload"));
    let bytes = pattern(6 << 20);
    store.create("data/a", bytes.clone()).await.unwrap();
    assert_eq!(store.get("data/a", None).await.unwrap(), bytes);
    assert_eq!(bed.server.open_uploads("bucket"), 0);
}

#[tokio::test]
async fn large_objects_go_in_parts_and_leave_none_behind() {
    let bed = Bed::new();
    let options = S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, ..bed.options() };
    let store = bed.store_with(options).await;
    let bytes = pattern((11 << 20) + 5);
    store.create("data/large", bytes.clone()).await.unwrap();
    assert_eq!(store.get("data/large", None).await.unwrap(), bytes);
    assert_eq!(bed.requests("PUT", "partNumber"), 3);
    store.create("meta/large", bytes.clone()).await.unwrap();
    assert_eq!(bed.requests("PUT", "partNumber"), 3, "only what nobody else can write goes in parts");
    // A part that fails permanently stops the others.
    bed.inject("PUT", "partNumber=2", 1, Fault::error(403, "AccessDenied"));
    let error = store.create("data/other", bytes).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPermitted { .. }), "{error}");
    assert_eq!(bed.server.open_uploads("bucket"), 0);
    assert!(!store.exists("data/other").await.unwrap());
}

#[tokio::test]
async fn large_objects_go_whole_until_one_connection_is_too_slow() {
    let bed = Bed::new();
    let parts = Parts::BelowSpeed { bytes_per_second: 1 << 20 };
    let options =
        S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, parts, ..bed.options() };
    let store = bed.store_with(options.clone()).await;
    store.create("data/fast", pattern(6 << 20)).await.unwrap();
    assert_eq!((bed.requests("PUT", "data/fast"), bed.requests("HEAD", "")), (1, 0));
    // Seven failed attempts take longer than six seconds, in which the object should have been uploaded.
    bed.inject("PUT", "data/slow", 7, Fault::slow_down());
    store.create("data/slow", pattern(6 << 20)).await.unwrap();
    assert!(store.has_slow_connections());
    store.create("data/next", pattern(6 << 20)).await.unwrap();
    assert_eq!((bed.requests("PUT", "data/next"), bed.requests("POST", "data/next")), (2, 2));
    let later = bed.store_with(options).await;
    later.expect_slow_connections();
    later.create("data/later", pattern(6 << 20)).await.unwrap();
    assert_eq!(bed.requests("PUT", "data/later"), 2);
}

#[tokio::test]
async fn archived_metadata_is_found_whoever_archived_it() {
    let bed = Bed::new();
    let store = bed.store().await;
    let full = |key: &str| format!("some/prefix/{key}");
    for number in 0..12 {
        store.create(&format!("meta/packs/{number:02}"), Bytes::from_static(b"directory")).await.unwrap();
    }
    store.create("data/a", Bytes::from_static(b"pack")).await.unwrap();
    bed.server.archive("bucket", &full("data/a"), "GLACIER", None);
    assert_eq!(store.archived_metadata().await.unwrap(), ArchiveReport::default());
    bed.server.archive("bucket", &full("meta/packs/03"), "GLACIER", None);
    // Intelligent-Tiering: three are in an archive tier, which a listing does not show; one of them is too
    // young for it.
    for number in [1, 4, 7, 8] {
        let tier = (number != 8).then_some("DEEP_ARCHIVE_ACCESS");
        let key = full(&format!("meta/packs/{number:02}"));
        bed.server.archive("bucket", &key, "INTELLIGENT_TIERING", tier);
        let age = Duration::from_hours(if number == 7 { 24 } else { 200 * 24 });
        bed.server.set_modified("bucket", &key, bed.environment.clock.now() - age);
    }
    let report = store.archived_metadata().await.unwrap();
    let example = Some(("meta/packs/03".to_owned(), "GLACIER".to_owned()));
    assert_eq!(report, ArchiveReport { archived: 3, example, unknown: 0 });
    let error = store.get("meta/packs/04", None).await.unwrap_err();
    let expected = "INTELLIGENT_TIERING, DEEP_ARCHIVE_ACCESS";
    assert!(matches!(&error, StoreError::Archived { class, .. } if class == expected), "{error}");
    bed.server.thaw("bucket", &full("meta/packs/04"));
    store.get("meta/packs/04", None).await.unwrap();
}
