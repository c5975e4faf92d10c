//! Conditional requests, lost answers and servers that do not honour conditions.

use super::*;

fn parts(bed: &Bed) -> S3Options {
    S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, ..bed.options() }
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_has_succeeded() {
    let bed = Bed::new();
    let store = bed.store().await;
    bed.inject("PUT", "meta/", 1, Fault::LostReply);
    let version = store.create("meta/a", Bytes::from_static(b"mine")).await.unwrap();
    assert_eq!(store.head("meta/a").await.unwrap().version, version);
    bed.inject("PUT", "meta/", 1, Fault::LostReply);
    let next = store.replace("meta/a", Bytes::from_static(b"next"), version).await.unwrap();
    assert_eq!(store.get_versioned("meta/a").await.unwrap(), (Bytes::from_static(b"next"), next));
}

#[tokio::test]
async fn an_object_of_somebody_else_with_the_same_bytes_is_not_ours() {
    let bed = Bed::new();
    let (one, other) = (bed.store().await, bed.store().await);
    one.create("meta/a", Bytes::from_static(b"same")).await.unwrap();
    // The other request is lost before it arrives, so the object that it finds is not its own.
    bed.inject("PUT", "meta/", 1, Fault::Reset);
    let error = other.create("meta/a", Bytes::from_static(b"same")).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
}

#[tokio::test]
async fn completion_of_an_upload_whose_answer_was_lost_has_succeeded() {
    let bed = Bed::new();
    let store = bed.store_with(parts(&bed)).await;
    bed.inject("POST", "uploadId", 1, Fault::LostReply);
    let bytes = pattern(6 << 20);
    let version = store.create("data/a", bytes.clone()).await.unwrap();
    assert_eq!(store.get_versioned("data/a").await.unwrap(), (bytes, version));
    assert_eq!(bed.server.open_uploads("bucket"), 0);
}

#[tokio::test]
async fn parts_do_not_overwrite() {
    let bed = Bed::new();
    let store = bed.store_with(parts(&bed)).await;
    store.create("data/a", pattern(6 << 20)).await.unwrap();
    let error = store.create("data/a", pattern(7 << 20)).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    assert_eq!(store.head("data/a").await.unwrap().size, 6 << 20);
    // Created by another writer between the check and the completion.
    bed.server.inject(FaultRule::new("HEAD", "data/b", 1, Fault::error(404, "")));
    store.put("data/b", Bytes::from_static(b"theirs"), PutCondition::Absent).await.unwrap();
    let error = store.create("data/b", pattern(7 << 20)).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    assert_eq!(store.get("data/b", None).await.unwrap(), "theirs");
    assert_eq!(bed.server.open_uploads("bucket"), 0);
}

#[tokio::test]
async fn a_conflict_begins_the_put_anew() {
    let bed = Bed::new();
    let store = bed.store_with(parts(&bed)).await;
    bed.inject("PUT", "meta/a", 2, Fault::error(409, "ConditionalRequestConflict"));
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("POST", "uploadId", 1, Fault::error(409, "ConditionalRequestConflict"));
    store.create("data/a", pattern(6 << 20)).await.unwrap();
    assert_eq!(bed.requests("POST", "uploads"), 2, "the upload was begun anew");
    assert_eq!(bed.server.open_uploads("bucket"), 0);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_has_succeeded() {
    let bed = Bed::new();
    let store = bed.store().await;
    let version = store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("DELETE", "meta/a", 1, Fault::LostReply);
    store.delete("meta/a", Some(version)).await.unwrap();
    assert!(!store.exists("meta/a").await.unwrap());
}

#[tokio::test]
async fn a_server_that_cannot_delete_on_condition() {
    let bed = Bed::new();
    let store = bed.store().await;
    let version = store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("DELETE", "meta/a", 1, Fault::error(501, "NotImplemented"));
    store.delete("meta/a", Some(version)).await.unwrap();
    assert!(!store.exists("meta/a").await.unwrap());
}

#[tokio::test]
async fn a_server_that_compares_tags_without_quotes() {
    let bed = Bed::new();
    let store = bed.store().await;
    let version = store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("PUT", "meta/a", 1, Fault::error(412, "PreconditionFailed"));
    let version = store.replace("meta/a", Bytes::from_static(b"b"), version).await.unwrap();
    assert!(store.has_bare_etags.load(Ordering::Relaxed));
    // A real mismatch is still reported, and is not retried forever.
    let stale = Version("state-0".to_owned());
    let error = store.replace("meta/a", Bytes::from_static(b"c"), stale).await.unwrap_err();
    assert!(matches!(error, StoreError::VersionMismatch { .. }), "{error}");
    assert_eq!(store.get_versioned("meta/a").await.unwrap(), (Bytes::from_static(b"b"), version));
}

#[tokio::test]
async fn a_good_server_passes_the_probe_and_keeps_nothing_of_it() {
    let bed = Bed::new();
    let store = bed.store().await;
    assert!(probe_conditions(&store).await.unwrap().is_safe());
    require_conditions(&store).await.unwrap();
    assert_eq!(bed.server.keys("bucket"), [""; 0]);
}

#[tokio::test]
async fn a_server_that_ignores_conditions_is_refused_for_several_writers() {
    let bed = Bed::with(&ServerOptions { has_conditions: false, ..ServerOptions::default() });
    let store = bed.store().await;
    let report = probe_conditions(&store).await.unwrap();
    assert!(!report.has_create && !report.is_safe());
    let error = require_conditions(&store).await.unwrap_err();
    assert!(error.to_string().contains("ignores conditional requests"), "{error}");
    assert_eq!(bed.server.keys("bucket"), [""; 0]);
}

#[tokio::test]
async fn a_server_that_ignores_one_kind_of_condition_is_found() {
    let ignored = [
        (0, 8, "ignores If-None-Match"),
        (1, 2, "let 3 of 8 writers create the same object"),
        (8, 1, "ignores If-Match"),
    ];
    for (skip, times, ignored) in ignored {
        let bed = Bed::new();
        let store = bed.store().await;
        bed.server
            .inject(FaultRule { skip, ..FaultRule::new("PUT", "probe", times, Fault::IgnoreConditions) });
        let error = require_conditions(&store).await.unwrap_err();
        assert!(error.to_string().contains(ignored), "{error}");
        assert_eq!(bed.server.keys("bucket"), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_never_replaces_is_found() {
    let bed = Bed::new();
    let store = bed.store().await;
    let rule = FaultRule::new("PUT", "probe", 9, Fault::error(412, "PreconditionFailed"));
    bed.server.inject(FaultRule { skip: 9, ..rule });
    let error = require_conditions(&store).await.unwrap_err();
    assert!(error.to_string().contains("ignores If-Match"), "{error}");
}

#[tokio::test]
async fn a_server_that_refuses_a_range_past_the_end_is_found() {
    let bed = Bed::new();
    let store = bed.store().await;
    bed.inject("GET", "probe", 1, Fault::error(416, "InvalidRange"));
    let error = require_conditions(&store).await.unwrap_err();
    assert!(error.to_string().contains("past the end of an object"), "{error}");
    assert_eq!(bed.server.keys("bucket"), [""; 0]);
}

#[tokio::test]
async fn a_probe_makes_few_requests_and_a_lost_answer_is_no_second_winner() {
    let bed = Bed::new();
    let store = bed.store().await;
    require_conditions(&store).await.unwrap();
    let methods: Vec<String> = bed.server.requests().into_iter().map(|line| line.method).collect();
    let count = |method: &str| methods.iter().filter(|one| *one == method).count();
    assert_eq!([count("PUT"), count("GET"), count("HEAD"), count("DELETE")], [10, 1, 0, 1]);
    bed.inject("PUT", "probe", 8, Fault::LostReply);
    require_conditions(&store).await.unwrap();
}

#[tokio::test]
async fn a_single_writer_looks_before_it_writes_and_others_learn_that_they_have_to() {
    let bed = Bed::with(&ServerOptions { has_conditions: false, ..ServerOptions::default() });
    let store = bed.store_with(S3Options { single_writer: true, ..bed.options() }).await;
    let version = store.create("icecore", Bytes::from_static(b"header")).await.unwrap();
    let error = store.create("icecore", Bytes::from_static(b"another")).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    let later = bed.store().await;
    assert!(!later.is_single_writer());
    assert_eq!(later.get("icecore", None).await.unwrap(), "header");
    assert!(later.is_single_writer(), "the header says so");
    let stale = Version("state-0".to_owned());
    let error = later.replace("icecore", Bytes::from_static(b"x"), stale).await.unwrap_err();
    assert!(matches!(error, StoreError::VersionMismatch { .. }), "{error}");
    later.replace("icecore", Bytes::from_static(b"next"), version).await.unwrap();
}
