use std::future::pending;

use super::*;
use crate::{environment::ManualClock, memory::MemoryStore, store::StoreExt};

#[tokio::test]
async fn whoever_waits_is_woken() {
    let stop = Stop::default();
    let waiting = tokio::spawn({
        let stop = stop.clone();
        async move { stop.interrupts(pending::<StoreResult<()>>()).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished() && !stop.is_requested());
    stop.request();
    assert!(matches!(waiting.await.unwrap(), Err(StoreError::Interrupted)));
    assert!(stop.is_requested() && stop.flag().load(Ordering::Acquire));
}

#[tokio::test]
async fn nothing_is_begun_after_the_request() {
    let stop = Stop::default();
    assert_eq!(stop.interrupts(async { Ok(1) }).await.unwrap(), 1);
    stop.request();
    stop.requested().await;
    assert!(matches!(stop.interrupts(async { Ok(1) }).await, Err(StoreError::Interrupted)));
}

#[tokio::test]
async fn every_call_of_a_store_ends() {
    let memory = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
    let stop = Stop::default();
    let store = StopStore::new(Arc::clone(&memory) as _, stop.clone());
    let version = store.create("a", Bytes::new()).await.unwrap();
    assert!(store.list("").await.unwrap().len() == 1 && store.head("a").await.unwrap().version == version);
    stop.request();
    let interrupted = |error: StoreError| matches!(error, StoreError::Interrupted);
    assert!(interrupted(store.get("a", None).await.unwrap_err()));
    assert!(interrupted(store.get_versioned("a").await.unwrap_err()));
    assert!(interrupted(store.create("b", Bytes::new()).await.unwrap_err()));
    assert!(interrupted(store.head("a").await.unwrap_err()));
    assert!(interrupted(store.list("").await.unwrap_err()));
    assert!(interrupted(store.delete("a", None).await.unwrap_err()));
    assert_eq!(memory.list("").await.unwrap().len(), 1);
}
