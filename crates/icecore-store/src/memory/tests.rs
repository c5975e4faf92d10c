use std::time::Duration;

use super::*;
use crate::{conformance, environment::ManualClock, store::StoreExt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
    conformance::run(Arc::clone(&store) as Arc<dyn Store>, "conformance/a1/").await.unwrap();
    conformance::run(Arc::clone(&store) as Arc<dyn Store>, "").await.unwrap();
    assert!(store.lock().by_key.is_empty());
}

#[tokio::test]
async fn modified_is_the_clocks_time_of_the_put() {
    let clock = Arc::new(ManualClock::default());
    let store = MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>);
    let start = clock.now();
    let first = store.create("a", Bytes::new()).await.unwrap();
    clock.advance(Duration::from_mins(1));
    assert_eq!(store.head("a").await.unwrap().modified, start);
    store.replace("a", Bytes::new(), first).await.unwrap();
    assert_eq!(store.head("a").await.unwrap().modified, start + Duration::from_mins(1));
}

#[tokio::test]
async fn a_fork_goes_its_own_way() {
    let store = MemoryStore::new(Arc::new(ManualClock::default()));
    let version = store.create("a", Bytes::from_static(b"1")).await.unwrap();
    let fork = store.fork();
    fork.replace("a", Bytes::from_static(b"2"), version.clone()).await.unwrap();
    assert_eq!(store.get_if_exists("a").await.unwrap(), Some((Bytes::from_static(b"1"), version)));
    assert_eq!(store.get_if_exists("b").await.unwrap(), None);
    assert!(fork.exists("a").await.unwrap() && !fork.exists("b").await.unwrap());
}
