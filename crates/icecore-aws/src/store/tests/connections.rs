//! Connections that break, and bytes that arrive damaged.

use s3_test_server::{Cut, CuttingProxy};

use super::*;

#[tokio::test]
async fn a_body_that_breaks_off_is_continued() {
    let bed = Bed::new();
    let store = bed.store().await;
    let bytes = pattern(1 << 20);
    store.create("data/a", bytes.clone()).await.unwrap();
    for _ in 0..2 {
        bed.inject("GET", "data/a", 1, Fault::CutBody(300_000));
    }
    assert_eq!(store.get("data/a", None).await.unwrap(), bytes);
    bed.inject("GET", "data/a", 1, Fault::CutBody(1_000));
    let range = 5_000..500_000;
    assert_eq!(store.get("data/a", Some(range)).await.unwrap(), bytes.slice(5_000..500_000));
    let received = store.meter().usage().total().bytes_received;
    assert!(received < (1 << 20) + 500_000, "what had come was not fetched again: {received}");
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_read_anew() {
    let bed = Bed::new();
    let store = bed.store().await;
    let version = store.create("meta/a", pattern(100_000)).await.unwrap();
    bed.inject("GET", "meta/a", 1, Fault::CutBody(50_000));
    let get = store.get_versioned("meta/a");
    let replace = async {
        while bed.requests("GET", "meta/a") == 0 {
            tokio::task::yield_now().await;
        }
        store.replace("meta/a", Bytes::from(vec![7; 200_000]), version.clone()).await.unwrap()
    };
    let (read, replaced) = tokio::join!(get, replace);
    let (bytes, of) = read.unwrap();
    // Either of the two contents, but never a mixture.
    let expected = if of == replaced { Bytes::from(vec![7; 200_000]) } else { pattern(100_000) };
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn bytes_that_arrive_damaged_are_fetched_again() {
    let bed = Bed::new();
    let store = bed.store().await;
    let bytes = pattern(100_000);
    store.create("meta/a", bytes.clone()).await.unwrap();
    bed.inject("GET", "meta/a", 1, Fault::FlipBit(77_777));
    assert_eq!(store.get("meta/a", None).await.unwrap(), bytes);
    assert_eq!(bed.requests("GET", "meta/a"), 2);
}

#[tokio::test]
async fn a_server_that_stores_other_bytes_is_found_and_leaves_nothing() {
    let bed =
        Bed::with(&ServerOptions { has_checksums: false, has_md5_etags: true, ..ServerOptions::default() });
    let store = bed.store().await;
    store.create("meta/a", pattern(100_000)).await.unwrap();
    assert!(crate::checksum::etag_contradicts(
        &store.head("meta/a").await.unwrap().version.0,
        b"other bytes"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_proxy_cuts_in_the_middle() {
    let bed = Bed::new();
    // No connection lives forever: some are cut while they send, some while they receive, after varying
    // numbers of bytes.
    let proxy = CuttingProxy::start(bed.server.port(), |number| match number % 2 {
        0 => Some(Cut::Upload(100_000 + number * 97_919 % 900_000)),
        _ => Some(Cut::Download(100 + number * 61_001 % 900_000)),
    })
    .unwrap();
    let store = bed.store_with(S3Options { endpoint_url: Some(proxy.url()), ..bed.options() }).await;
    for number in 0..40_usize {
        let (key, bytes) = (format!("data/{number}"), pattern(300_000 + number));
        store.create(&key, bytes.clone()).await.unwrap();
        assert_eq!(store.get(&key, None).await.unwrap(), bytes);
    }
    assert_eq!(store.list("data/").await.unwrap().len(), 40);
    assert!(proxy.cuts() >= 10, "{}", proxy.cuts());
}
