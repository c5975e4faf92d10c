use super::*;
use crate::{environment::ManualClock, memory::MemoryStore, store::StoreExt};

#[tokio::test]
async fn reads_pass_and_changes_do_not() {
    let memory = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
    let bytes = Bytes::from_static(b"0123");
    let version = memory.create("a/b", bytes.clone()).await.unwrap();
    let store = ReadOnlyStore::new(Arc::clone(&memory) as Arc<dyn Store>);

    assert_eq!(store.location(), memory.location());
    assert_eq!(store.get("a/b", None).await.unwrap(), bytes);
    assert_eq!(store.get("a/b", Some(1..3)).await.unwrap(), bytes.slice(1..3));
    assert_eq!(store.get_versioned("a/b").await.unwrap(), (bytes.clone(), version.clone()));
    assert_eq!(store.head("a/b").await.unwrap().version, version);
    assert_eq!(store.list("a/").await.unwrap().len(), 1);

    let refused = |result: StoreResult<()>| matches!(result, Err(StoreError::ReadOnly { .. }));
    assert!(refused(store.create("c", bytes.clone()).await.map(drop)));
    assert!(refused(store.replace("a/b", bytes.clone(), version.clone()).await.map(drop)));
    assert!(refused(store.delete("a/b", None).await));
    assert!(refused(store.delete("a/b", Some(version)).await));
    assert_eq!(memory.get("a/b", None).await.unwrap(), bytes);
    assert_eq!(memory.list("").await.unwrap().len(), 1);
}
