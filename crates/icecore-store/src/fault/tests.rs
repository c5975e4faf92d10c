use std::time::Duration;

use super::*;
use crate::{
    environment::{InstantSleep, ManualClock},
    memory::MemoryStore,
    store::StoreExt,
};

struct Bench {
    memory: Arc<MemoryStore>,
    sleep: Arc<InstantSleep>,
    store: FaultStore,
}

fn bench(plan: FaultPlan) -> Bench {
    let memory = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
    let sleep = Arc::new(InstantSleep::new());
    let store = FaultStore::new(Arc::clone(&memory) as _, plan, Arc::clone(&sleep) as _);
    Bench { memory, sleep, store }
}

/// Makes some calls of every kind and returns their results.
async fn exercise(store: &FaultStore) -> Vec<String> {
    let mut seen = Vec::new();
    for number in 0..40 {
        let key = format!("k{number}");
        seen.push(format!("{:?}", store.create(&key, Bytes::from(key.clone())).await.is_ok()));
        seen.push(format!("{:?}", store.get(&key, None).await.ok()));
        seen.push(format!("{:?}", store.get_versioned(&key).await.ok().map(|(bytes, _)| bytes)));
        seen.push(format!("{:?}", store.head(&key).await.is_ok()));
        seen.push(format!("{:?}", store.list("").await.map_or(0, |objects| objects.len())));
        seen.push(format!("{:?}", store.delete(&key, None).await.is_ok()));
    }
    seen
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let plan = |seed| {
        FaultPlan::new(seed)
            .per_mille(100, Fault::Error(InjectedError::Unavailable { retry_after: None }))
            .per_mille(100, Fault::LostReply)
            .per_mille(100, Fault::FlipBit)
            .per_mille(100, Fault::Truncate(1))
    };
    let run = async |seed| {
        let bench = bench(plan(seed));
        (exercise(&bench.store).await, bench.store.trace())
    };
    let (seen, trace) = run(7).await;
    assert_eq!((seen, trace.clone()), run(7).await);
    assert_ne!(trace, run(8).await.1);
    let faults = trace.iter().filter(|call| call.fault.is_some()).count();
    assert!((40..160).contains(&faults), "{faults} of 240 calls");
}

#[tokio::test]
async fn without_rules_nothing_happens_but_the_trace() {
    let bench = bench(FaultPlan::new(0));
    bench.store.create("a", Bytes::from_static(b"123")).await.unwrap();
    bench.store.list("b/").await.unwrap();
    let call =
        |number, method, key: &str, bytes| TracedCall { number, method, key: key.into(), bytes, fault: None };
    assert_eq!(bench.store.trace(), [call(1, Method::Put, "a", 3), call(2, Method::List, "b/", 0)]);
    assert_eq!(bench.store.calls(), 2);
}

#[tokio::test]
async fn after_a_crash_nothing_is_applied() {
    let bench = bench(FaultPlan::crash_from(2));
    bench.store.create("a", Bytes::new()).await.unwrap();
    assert!(!bench.store.has_crashed());
    for _ in 0..3 {
        let refused = bench.store.delete("a", None).await;
        assert!(matches!(refused, Err(StoreError::Crashed { .. })), "{refused:?}");
        assert!(!refused.unwrap_err().is_transient());
        assert!(bench.store.has_crashed());
        assert!(bench.store.create("b", Bytes::new()).await.is_err());
        assert!(bench.store.get("a", None).await.is_err());
        assert!(bench.store.get_versioned("a").await.is_err());
        assert!(bench.store.head("a").await.is_err());
        assert!(bench.store.list("").await.is_err());
    }
    assert_eq!(bench.memory.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_crash_after_the_call_applies_it() {
    let bench = bench(FaultPlan::new(0).at_call(1, Fault::CrashAfter));
    assert!(matches!(bench.store.create("a", Bytes::new()).await, Err(StoreError::Crashed { .. })));
    assert!(matches!(bench.store.create("b", Bytes::new()).await, Err(StoreError::Crashed { .. })));
    assert!(bench.memory.exists("a").await.unwrap() && !bench.memory.exists("b").await.unwrap());
}

#[tokio::test]
async fn a_lost_reply_applies_the_call_but_real_errors_stay() {
    let bench = bench(FaultPlan::new(0).per_mille(1_000, Fault::LostReply));
    assert!(bench.store.create("a", Bytes::new()).await.unwrap_err().is_transient());
    assert!(bench.memory.exists("a").await.unwrap());
    assert!(matches!(bench.store.create("a", Bytes::new()).await, Err(StoreError::AlreadyExists { .. })));
}

#[tokio::test]
async fn errors_are_injected_in_place_of_the_call() {
    let kind = std::io::ErrorKind::TimedOut;
    let plan = FaultPlan::new(0)
        .at_call(1, Fault::Error(InjectedError::NoSpace))
        .at_call(2, Fault::Error(InjectedError::AccessDenied))
        .at_call(3, Fault::Error(InjectedError::Io(kind)))
        .at_call(4, Fault::Error(InjectedError::Unavailable { retry_after: Some(Duration::from_secs(9)) }));
    let bench = bench(plan);
    let mut errors = Vec::new();
    for _ in 0..4 {
        errors.push(bench.store.create("a", Bytes::new()).await.unwrap_err());
    }
    assert!(matches!(errors[0], StoreError::NoSpace { .. }));
    assert!(matches!(errors[1], StoreError::AccessDenied { .. }));
    assert!(matches!(&errors[2], StoreError::Io { source, .. } if source.kind() == kind));
    assert!(
        matches!(errors[3], StoreError::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() == 9)
    );
    assert!(bench.memory.list("").await.unwrap().is_empty());
    bench.store.create("a", Bytes::new()).await.unwrap();
}

#[tokio::test]
async fn reads_are_shortened_and_damaged() {
    let bytes = Bytes::from_static(b"0123456789");
    let plan = FaultPlan::new(3)
        .rule(Some(Method::Get), "", FaultWhen::Match(1), Fault::Truncate(4))
        .rule(Some(Method::Get), "", FaultWhen::Match(2), Fault::Truncate(400))
        .rule(Some(Method::GetVersioned), "", FaultWhen::Always, Fault::FlipBit);
    let bench = bench(plan);
    bench.store.create("a", bytes.clone()).await.unwrap();
    bench.store.create("empty", Bytes::new()).await.unwrap();
    assert_eq!(bench.store.get("a", None).await.unwrap(), bytes.slice(..4));
    assert_eq!(bench.store.get("a", None).await.unwrap(), bytes);
    let (damaged, _) = bench.store.get_versioned("a").await.unwrap();
    let flipped: u32 = damaged.iter().zip(&bytes).map(|(left, right)| (left ^ right).count_ones()).sum();
    assert_eq!((damaged.len(), flipped), (bytes.len(), 1));
    assert!(bench.store.get_versioned("empty").await.unwrap().0.is_empty());
}

#[tokio::test]
async fn rules_match_by_method_and_prefix() {
    let delay = Fault::Delay(Duration::from_secs(3));
    let plan = FaultPlan::new(0).rule(Some(Method::Put), "meta/", FaultWhen::Match(2), delay.clone()).rule(
        None,
        "data/",
        FaultWhen::FirstMatches(1),
        Fault::LostReply,
    );
    let bench = bench(plan);
    for key in ["meta/1", "data/1", "meta/2", "data/2", "meta/3"] {
        let result = bench.store.create(key, Bytes::new()).await;
        assert_eq!(result.is_ok(), key != "data/1", "{key}");
    }
    assert_eq!(bench.sleep.recorded(), [Duration::from_secs(3)]);
    let faults: Vec<_> = bench.store.trace().into_iter().map(|call| call.fault).collect();
    assert_eq!(faults, [None, Some(Fault::LostReply), Some(delay), None, None]);
}
