use super::*;
use crate::{environment::ManualClock, memory::MemoryStore, store::StoreExt};

fn metered() -> MeterStore {
    MeterStore::new(Arc::new(MemoryStore::new(Arc::new(ManualClock::default()))))
}

#[tokio::test]
async fn calls_and_bytes_are_counted_by_component_and_method() {
    let store = metered();
    let version = store.create("data/g/1", Bytes::from_static(b"12345")).await.unwrap();
    assert!(store.create("data/g/1", Bytes::from_static(b"123")).await.is_err());
    store.replace("data/g/1", Bytes::from_static(b"1234"), version).await.unwrap();
    store.get("data/g/1", Some(1..3)).await.unwrap();
    assert!(store.get("meta/keys/a", None).await.is_err());
    store.get_versioned("data/g/1").await.unwrap();
    store.head("data/g/1").await.unwrap();
    store.list("").await.unwrap();
    store.list("data/").await.unwrap();
    store.delete("data/g/1", None).await.unwrap();

    let usage = store.usage();
    assert_eq!(usage.by_component.keys().collect::<Vec<_>>(), ["", "data", "meta"]);
    let data = &usage.by_component["data"];
    assert_eq!(data[&Method::Put], MethodUsage { calls: 3, failures: 1, bytes_read: 0, bytes_written: 12 });
    assert_eq!(data[&Method::Get], MethodUsage { calls: 1, bytes_read: 2, ..MethodUsage::default() });
    assert_eq!(
        data[&Method::GetVersioned],
        MethodUsage { calls: 1, bytes_read: 4, ..MethodUsage::default() }
    );
    for method in [Method::Head, Method::List, Method::Delete] {
        assert_eq!(data[&method], MethodUsage { calls: 1, ..MethodUsage::default() });
    }
    assert_eq!(usage.of_component("meta"), MethodUsage { calls: 1, failures: 1, ..MethodUsage::default() });
    assert_eq!(usage.of_method(Method::List).calls, 2);
    assert_eq!(usage.of_component("none"), MethodUsage::default());
    assert_eq!(usage.total(), MethodUsage { calls: 10, failures: 2, bytes_read: 6, bytes_written: 12 });
}

#[tokio::test]
async fn the_counts_outlive_the_store_and_clones_share_them() {
    let store = metered();
    let meter = store.meter();
    assert_eq!(meter.usage(), StoreUsage::default());
    store.clone().list("").await.unwrap();
    drop(store);
    assert_eq!(meter.usage().total().calls, 1);
}

#[tokio::test]
async fn the_number_of_components_is_bounded() {
    let store = metered();
    for number in 0..COMPONENTS_MAX + 10 {
        store.create(&format!("c{number}/a"), Bytes::from_static(b"1")).await.unwrap();
    }
    let usage = store.usage();
    assert_eq!(usage.by_component.len(), COMPONENTS_MAX + 1);
    assert_eq!(usage.of_component(OTHER_COMPONENTS).calls, 10);
    assert_eq!(usage.total().calls, COMPONENTS_MAX as u64 + 10);
}
