//! Each attempt, page and part is counted.

use super::*;

#[tokio::test]
async fn every_request_counts() {
    let bed = Bed::with(&ServerOptions { page_keys_max: 2, ..ServerOptions::default() });
    let mut options = S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, ..bed.options() };
    options.data_class = "STANDARD_IA".parse().unwrap();
    let store = bed.store_with(options).await;
    bed.inject("PUT", "meta/a", 1, Fault::slow_down());
    for key in ["meta/a", "meta/b", "meta/c"] {
        store.create(key, Bytes::from_static(b"12345")).await.unwrap();
    }
    store.create("data/large", pattern(6 << 20)).await.unwrap();
    store.list("meta/").await.unwrap();
    store.get("meta/a", Some(1..3)).await.unwrap();
    store.head("meta/a").await.unwrap();
    store.delete("meta/a", None).await.unwrap();
    let usage = store.meter().usage();
    let count = |class, name: &str| usage.counts.get(&(class, name.to_owned())).copied().unwrap_or_default();
    assert_eq!(count(RequestClass::Put, "STANDARD").requests, 4, "one of them was repeated");
    assert_eq!(count(RequestClass::Put, "STANDARD").bytes_sent, 20);
    assert_eq!(count(RequestClass::Put, "STANDARD_IA").requests, 4, "begin, two parts, complete");
    assert_eq!(count(RequestClass::Put, "STANDARD_IA").bytes_sent, 6 << 20);
    assert_eq!(usage.requests(RequestClass::List), 3, "two pages, and a wrong guess where the second begins");
    assert_eq!(usage.requests(RequestClass::Get), 3, "a look before the parts, a get, a head");
    assert_eq!(usage.total().bytes_received, 2);
    assert_eq!(usage.requests(RequestClass::Delete), 1);
    assert_eq!(usage.total().requests as usize, bed.server.requests().len());
}
