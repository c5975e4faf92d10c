use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    environment::{InstantSleep, ManualClock, SeededEntropy, Sleep},
    fault::{Fault, FaultPlan, FaultStore},
    memory::MemoryStore,
    store::StoreExt,
};

fn limits(calls_max: usize, bytes_per_second_max: u64) -> Limits {
    Limits {
        calls_max: NonZeroUsize::new(calls_max).unwrap(),
        upload_bytes_per_second_max: NonZeroU64::new(bytes_per_second_max),
        download_bytes_per_second_max: NonZeroU64::new(bytes_per_second_max),
    }
}

struct Bench {
    memory: Arc<MemoryStore>,
    sleep: Arc<InstantSleep>,
    environment: Environment,
}

fn bench() -> Bench {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    let memory = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
    let entropy = Arc::new(SeededEntropy::new(1));
    Bench { memory, environment: Environment { clock, entropy, sleep: Arc::clone(&sleep) as _ }, sleep }
}

/// Sleep that records the highest number of concurrent sleepers, and lets each other task run first.
#[derive(Debug, Default)]
struct CountingSleep {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Sleep for CountingSleep {
    async fn sleep(&self, _duration: Duration) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    async fn limit(&self, _duration: Duration) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn at_most_so_many_calls_are_under_way() {
    let bench = bench();
    let counting = Arc::new(CountingSleep::default());
    let plan = FaultPlan::new(0).per_mille(1_000, Fault::Delay(Duration::from_secs(1)));
    let slow = Arc::new(FaultStore::new(bench.memory, plan, Arc::clone(&counting) as Arc<dyn Sleep>));
    let store = Arc::new(LimitStore::new(slow, limits(3, 0), &bench.environment));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let key = format!("k{number}");
            store.create(&key, Bytes::new()).await?;
            store.head(&key).await?;
            store.get(&key, None).await?;
            store.get_versioned(&key).await?;
            store.list("").await?;
            store.delete(&key, None).await
        });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(counting.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn bytes_take_their_time() {
    let bench = bench();
    let store = LimitStore::new(Arc::clone(&bench.memory) as _, limits(8, 1_000), &bench.environment);
    let second = Duration::from_secs(1);
    store.create("a", Bytes::from(vec![0; 2_000])).await.unwrap();
    assert!(bench.sleep.recorded().is_empty(), "the first call need not wait");
    store.create("b", Bytes::from(vec![0; 500])).await.unwrap();
    assert_eq!(bench.sleep.recorded(), [2 * second]);
    store.get("a", Some(0..1_000)).await.unwrap();
    assert_eq!(bench.sleep.recorded().len(), 1, "what was written does not hold up what is read");
    store.get_versioned("b").await.unwrap();
    assert_eq!(bench.sleep.recorded()[1..], [second]);
    store.get("b", None).await.unwrap();
    assert_eq!(bench.sleep.recorded()[2..], [second / 2]);
}

#[tokio::test]
async fn each_direction_has_its_own_limit() {
    let bench = bench();
    let only_upload = Limits { download_bytes_per_second_max: None, ..limits(8, 1_000) };
    let store = LimitStore::new(Arc::clone(&bench.memory) as _, only_upload, &bench.environment);
    store.create("a", Bytes::from(vec![0; 2_000])).await.unwrap();
    for _ in 0..3 {
        store.get("a", None).await.unwrap();
    }
    assert!(bench.sleep.recorded().is_empty());
    store.create("b", Bytes::from(vec![0; 2_000])).await.unwrap();
    assert_eq!(bench.sleep.recorded().len(), 1);
}

#[tokio::test]
async fn idle_time_is_not_saved_up_and_calls_without_bytes_do_not_wait() {
    let bench = bench();
    let store = LimitStore::new(Arc::clone(&bench.memory) as _, limits(8, 1_000), &bench.environment);
    bench.environment.sleep.sleep(Duration::from_hours(1)).await;
    store.create("a", Bytes::from(vec![0; 3_000])).await.unwrap();
    store.head("a").await.unwrap();
    store.list("").await.unwrap();
    store.delete("a", None).await.unwrap();
    assert_eq!(bench.sleep.recorded().len(), 1);
    store.create("a", Bytes::from(vec![0; 1])).await.unwrap();
    assert_eq!(bench.sleep.recorded()[1..], [Duration::from_secs(3)]);
}

#[tokio::test]
async fn huge_limits_are_no_limits() {
    let bench = bench();
    let store = LimitStore::new(bench.memory, limits(usize::MAX, u64::MAX), &bench.environment);
    for key in ["a", "b", "c"] {
        store.create(key, Bytes::from(vec![0; 1_000_000])).await.unwrap();
        store.get(key, None).await.unwrap();
    }
    // The cost of a call is rounded up to a whole nanosecond.
    let waits = bench.sleep.recorded();
    assert!(waits.iter().all(|wait| *wait <= Duration::from_nanos(1)), "{waits:?}");
}
