use std::sync::Mutex;

use super::*;
use crate::{
    environment::{InstantSleep, ManualClock, SeededEntropy, Sleep},
    fault::{Fault, FaultPlan, FaultStore, FaultWhen, InjectedError},
    memory::MemoryStore,
    store::StoreExt,
    waits::{CallNumber, Wait, WaitState},
};

const UNAVAILABLE: Fault = Fault::Error(InjectedError::Unavailable { retry_after: None });

struct Bench {
    memory: Arc<MemoryStore>,
    faulty: Arc<FaultStore>,
    sleep: Arc<InstantSleep>,
    store: RetryStore,
}

fn bench(plan: FaultPlan, policy: RetryPolicy) -> Bench {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    let memory = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
    let faulty = FaultStore::new(Arc::clone(&memory) as _, plan, Arc::clone(&sleep) as Arc<dyn Sleep>);
    let faulty = Arc::new(faulty);
    let environment = Environment {
        clock,
        entropy: Arc::new(SeededEntropy::new(1)),
        sleep: Arc::clone(&sleep) as Arc<dyn Sleep>,
    };
    let store = RetryStore::new(Arc::clone(&faulty) as _, policy, environment);
    Bench { memory, faulty, sleep, store }
}

fn attempts(attempts_max: u32) -> RetryPolicy {
    RetryPolicy { attempts_max: NonZeroU32::new(attempts_max).unwrap(), ..RetryPolicy::default() }
}

fn first(matches: u64, fault: Fault) -> FaultPlan {
    FaultPlan::new(0).rule(None, "", FaultWhen::FirstMatches(matches), fault)
}

#[tokio::test]
async fn transient_errors_are_retried_with_growing_waits() {
    let bench =
        bench(first(4, UNAVAILABLE), RetryPolicy { delay_max: Duration::from_secs(1), ..attempts(10) });
    assert!(bench.store.list("").await.unwrap().is_empty());
    assert_eq!(bench.faulty.calls(), 5);
    let waits = bench.sleep.recorded();
    assert_eq!(waits.len(), 4);
    for (wait, bound) in waits.iter().zip([200, 400, 800, 1_000]) {
        let bound = Duration::from_millis(bound);
        assert!(*wait >= bound / 2 && *wait <= bound, "{wait:?} of {bound:?}");
    }
}

#[tokio::test]
async fn every_call_is_retried() {
    let bench = bench(FaultPlan::new(0).rule(None, "", FaultWhen::Always, UNAVAILABLE), attempts(3));
    let (store, condition) = (&bench.store, PutCondition::Absent);
    assert!(store.get("a", None).await.unwrap_err().is_transient());
    assert!(store.get_versioned("a").await.unwrap_err().is_transient());
    assert!(store.put("a", Bytes::new(), condition).await.unwrap_err().is_transient());
    assert!(store.head("a").await.unwrap_err().is_transient());
    assert!(store.list("").await.unwrap_err().is_transient());
    assert!(store.delete("a", None).await.unwrap_err().is_transient());
    let methods: Vec<_> = bench.faulty.trace().iter().map(|call| call.method).collect();
    let expected: Vec<_> =
        [0, 1, 2, 3, 4, 5].into_iter().flat_map(|method| [Method::ALL[method]; 3]).collect();
    assert_eq!(methods, expected);
}

#[tokio::test]
async fn lasting_errors_pass_at_once() {
    for error in
        [InjectedError::AccessDenied, InjectedError::NoSpace, InjectedError::Io(std::io::ErrorKind::Other)]
    {
        let bench = bench(first(1, Fault::Error(error)), attempts(10));
        assert!(bench.store.create("a", Bytes::new()).await.is_err());
        assert_eq!(bench.faulty.calls(), 1);
    }
    let bench = bench(first(1, Fault::Crash), attempts(10));
    assert!(matches!(bench.store.get("a", None).await, Err(StoreError::Crashed { .. })));
    assert!(bench.sleep.recorded().is_empty());
}

#[tokio::test]
async fn the_store_says_how_long_to_wait() {
    let retry_after = Some(Duration::from_secs(70));
    let plan = first(2, Fault::Error(InjectedError::Unavailable { retry_after }));
    let bench = bench(plan, attempts(10));
    bench.store.create("a", Bytes::new()).await.unwrap();
    assert_eq!(bench.sleep.recorded(), [Duration::from_secs(70); 2]);
}

#[tokio::test]
async fn total_time_is_bounded() {
    let policy = RetryPolicy { total_max: Duration::from_mins(1), ..attempts(1_000) };
    let bench = bench(first(1_000, UNAVAILABLE), policy);
    assert!(bench.store.get("a", None).await.unwrap_err().is_transient());
    let waited: Duration = bench.sleep.recorded().iter().sum();
    assert!(waited <= policy.total_max && waited > policy.total_max / 4, "{waited:?}");
}

#[tokio::test]
async fn a_wait_that_would_end_too_late_is_not_begun() {
    let retry_after = Some(Duration::from_hours(1));
    let bench = bench(first(1, Fault::Error(InjectedError::Unavailable { retry_after })), attempts(10));
    assert!(bench.store.get("a", None).await.unwrap_err().is_transient());
    assert!(bench.sleep.recorded().is_empty());
}

#[tokio::test]
async fn lost_answer_of_a_creation_is_found_out() {
    let bench = bench(first(1, Fault::LostReply), attempts(10));
    let version = bench.store.create("a", Bytes::from_static(b"mine")).await.unwrap();
    assert_eq!(bench.memory.get_versioned("a").await.unwrap(), (Bytes::from_static(b"mine"), version));
}

#[tokio::test]
async fn lost_answer_of_a_replacement_is_found_out() {
    let bench = bench(FaultPlan::new(0).at_call(2, Fault::LostReply), attempts(10));
    let old = bench.store.create("a", Bytes::from_static(b"old")).await.unwrap();
    let new = bench.store.replace("a", Bytes::from_static(b"new"), old.clone()).await.unwrap();
    assert_ne!(old, new);
    assert_eq!(bench.memory.get_versioned("a").await.unwrap(), (Bytes::from_static(b"new"), new));
}

#[tokio::test]
async fn lost_answer_of_a_deletion_is_found_out() {
    let bench = bench(FaultPlan::new(0).at_call(2, Fault::LostReply), attempts(10));
    let version = bench.store.create("a", Bytes::new()).await.unwrap();
    bench.store.delete("a", Some(version)).await.unwrap();
    assert!(bench.memory.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn somebody_elses_object_is_not_taken_for_ones_own() {
    let bench = bench(first(1, UNAVAILABLE), attempts(10));
    let theirs = bench.memory.create("a", Bytes::from_static(b"theirs")).await.unwrap();
    let refused = bench.store.create("a", Bytes::from_static(b"mine")).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    assert_eq!(bench.memory.get_versioned("a").await.unwrap(), (Bytes::from_static(b"theirs"), theirs));
}

#[tokio::test]
async fn somebody_elses_replacement_is_not_taken_for_ones_own() {
    let bench = bench(first(1, UNAVAILABLE), attempts(10));
    let old = bench.memory.create("a", Bytes::from_static(b"old")).await.unwrap();
    bench.memory.replace("a", Bytes::from_static(b"theirs"), old.clone()).await.unwrap();
    let refused = bench.store.replace("a", Bytes::from_static(b"mine"), old).await;
    assert!(matches!(refused, Err(StoreError::VersionMismatch { .. })), "{refused:?}");
}

#[tokio::test]
async fn without_an_earlier_failure_equal_bytes_are_no_success() {
    let bench = bench(FaultPlan::new(0), attempts(10));
    let bytes = Bytes::from_static(b"equal");
    bench.memory.create("a", bytes.clone()).await.unwrap();
    assert!(matches!(bench.store.create("a", bytes).await, Err(StoreError::AlreadyExists { .. })));
    assert_eq!(bench.faulty.calls(), 1);
}

#[tokio::test]
async fn an_object_deleted_before_the_reading_back_is_a_refusal() {
    let bench = bench(FaultPlan::new(0).at_call(1, UNAVAILABLE), attempts(10));
    let old = bench.memory.create("a", Bytes::from_static(b"old")).await.unwrap();
    bench.memory.delete("a", None).await.unwrap();
    let refused = bench.store.replace("a", Bytes::from_static(b"new"), old).await;
    assert!(matches!(refused, Err(StoreError::VersionMismatch { .. })), "{refused:?}");
    assert_eq!(bench.faulty.trace().last().unwrap().method, Method::GetVersioned);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_read_back_stays_unknown() {
    let plan = FaultPlan::new(0).at_call(1, Fault::LostReply).rule(
        Some(Method::GetVersioned),
        "",
        FaultWhen::Always,
        UNAVAILABLE,
    );
    let bench = bench(plan, attempts(3));
    assert!(bench.store.create("a", Bytes::new()).await.unwrap_err().is_transient());
}

/// Observer that records what it is told.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<(u32, WaitState, Option<String>)>>, Mutex<u32>);

impl Waits for Seen {
    fn changed(&self, _: CallNumber, wait: &Wait) {
        self.0.lock().unwrap().push((wait.attempt, wait.state, wait.last_error.clone()));
    }

    fn moved(&self, _: CallNumber, _: Duration) {}

    fn ended(&self, _: CallNumber) {
        *self.1.lock().unwrap() += 1;
    }
}

#[tokio::test]
async fn an_observer_learns_of_attempts_pauses_and_the_end() {
    let bench = bench(first(1, UNAVAILABLE), attempts(10));
    let seen = Arc::new(Seen::default());
    let store = bench.store.observed(Arc::clone(&seen) as _);
    store.list("").await.unwrap();
    let until = bench.sleep.recorded()[0];
    let learned = seen.0.lock().unwrap().clone();
    let states: Vec<_> = learned.iter().map(|(attempt, state, _)| (*attempt, *state)).collect();
    assert_eq!(
        states,
        [
            (1, WaitState::Queued),
            (1, WaitState::Attempting),
            (1, WaitState::Pausing { until }),
            (2, WaitState::Attempting)
        ]
    );
    assert_eq!(learned[1].2, None);
    assert!(learned[2].2.is_some() && learned[2].2 == learned[3].2, "{learned:?}");
    assert_eq!(*seen.1.lock().unwrap(), 1);
}

#[tokio::test]
async fn all_calls_have_one_time_to_fail_and_a_success_renews_it() {
    let policy = RetryPolicy { total_max: Duration::from_mins(5), ..attempts(1_000) };
    let plan = FaultPlan::new(0).rule(Some(Method::Get), "bad", FaultWhen::Always, UNAVAILABLE);
    let bench = bench(plan, policy);
    assert!(bench.store.get("bad/a", None).await.unwrap_err().is_transient());
    let waited = |bench: &Bench| bench.sleep.recorded().iter().sum::<Duration>();
    let first = waited(&bench);
    assert!(first > Duration::from_mins(4), "{first:?}");
    // The next calls find the time used up, except for a rest in which no longer pause would have fitted.
    for key in ["bad/b", "bad/c"] {
        assert!(bench.store.get(key, None).await.unwrap_err().is_transient());
    }
    assert!(waited(&bench) <= policy.total_max, "{:?}", waited(&bench));
    bench.store.list("").await.unwrap();
    assert!(bench.store.get("bad/d", None).await.unwrap_err().is_transient());
    assert!(waited(&bench) > first + Duration::from_mins(4), "{:?}", waited(&bench));
}

#[tokio::test]
async fn a_pause_ends_when_everything_is_to_stop() {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(Forever);
    let repetition = Repetition::new(Environment { clock, entropy: Arc::new(SeededEntropy::new(1)), sleep });
    let policy = RetryPolicy::default();
    let mut attempts = Attempts::start(&repetition, &policy, "get", "a", "here".to_owned());
    attempts.begin();
    let error = StoreError::Unavailable {
        operation: "get",
        key: "a".to_owned(),
        reason: "busy".to_owned(),
        retry_after: None,
    };
    let stop = async {
        tokio::task::yield_now().await;
        repetition.stop.request();
    };
    let (ended, ()) = tokio::join!(attempts.wait(&policy, error), stop);
    assert!(matches!(ended, Err(StoreError::Interrupted)), "{ended:?}");
}

/// Sleep that never ends.
#[derive(Debug)]
struct Forever;

#[async_trait]
impl Sleep for Forever {
    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }

    async fn limit(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}
