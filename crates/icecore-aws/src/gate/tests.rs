use icecore_store::environment::ManualClock;

use super::*;

fn gate(requests_max: usize) -> (Gate, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Gate::new(NonZeroUsize::new(requests_max).unwrap(), Arc::clone(&clock) as _), clock)
}

#[tokio::test]
async fn no_more_than_the_limit() {
    let (gate, _) = gate(2);
    let first = gate.enter().await;
    let _second = gate.enter().await;
    let mut third = Box::pin(gate.enter());
    assert!(futures_util::poll!(&mut third).is_pending());
    drop(first);
    assert!(futures_util::poll!(&mut third).is_ready());
}

#[test]
fn halves_once_an_interval_and_recovers() {
    let (gate, clock) = gate(16);
    gate.slowed();
    gate.slowed();
    assert_eq!(gate.limit(), 8, "answers to requests of the same moment count once");
    for expected in [4, 2, 1, 1] {
        clock.advance(REDUCTION_INTERVAL);
        gate.slowed();
        assert_eq!(gate.limit(), expected);
    }
    for _ in 0..1_000 {
        gate.succeeded();
    }
    assert_eq!(gate.limit(), 16, "grows no further than what is allowed");
}

#[tokio::test]
async fn those_who_wait_are_woken_when_the_limit_grows() {
    let (gate, clock) = gate(2);
    clock.advance(REDUCTION_INTERVAL);
    gate.slowed();
    let _first = gate.enter().await;
    let mut second = Box::pin(gate.enter());
    assert!(futures_util::poll!(&mut second).is_pending());
    gate.succeeded();
    assert!(futures_util::poll!(&mut second).is_ready());
}
