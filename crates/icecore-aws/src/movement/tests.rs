use std::time::Duration;

use futures_util::poll;
use icecore_store::{
    Environment,
    environment::{InstantSleep, ManualClock, SystemEntropy},
    retry::{Attempts, Repetition, RetryPolicy},
};

use super::*;

struct Bench {
    clock: Arc<ManualClock>,
    sleep: Arc<InstantSleep>,
    movement: Arc<Movement>,
}

fn bench(sent_bytes: u64) -> Bench {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    let environment = Environment {
        clock: Arc::clone(&clock) as _,
        entropy: Arc::new(SystemEntropy),
        sleep: Arc::clone(&sleep) as _,
    };
    let repetition = Repetition::new(environment);
    let attempts = Attempts::start(&repetition, &RetryPolicy::default(), "get", "a", String::new());
    let expectation = Expectation {
        sent_bytes,
        answer_time_max: Duration::from_secs(15),
        step_bytes: STEP_BYTES,
        whole_time_max: Duration::MAX,
    };
    let movement = Movement::begin(expectation, Arc::clone(&clock) as _, attempts.movement());
    Bench { clock, sleep, movement }
}

impl Bench {
    fn reason(&self) -> String {
        self.movement.left().unwrap_err().message
    }
}

#[test]
fn a_request_without_an_answer_ends_after_seconds() {
    let bench = bench(0);
    assert_eq!(bench.movement.left(), Ok(Duration::from_secs(15)));
    bench.clock.advance(Duration::from_secs(14));
    assert_eq!(bench.movement.left(), Ok(Duration::from_secs(1)));
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.reason(), "no answer within 15 s");
}

#[test]
fn a_body_may_take_long_if_it_moves() {
    let bench = bench(10 * STEP_BYTES);
    for _ in 0..9 {
        bench.clock.advance(Duration::from_secs(29));
        bench.movement.advance(Phase::Sending, STEP_BYTES);
        assert_eq!(bench.movement.left(), Ok(STALL_TIME_MAX));
    }
    bench.clock.advance(STALL_TIME_MAX);
    assert_eq!(bench.reason(), "the request could not be sent: no data moved for 30 s");
    bench.movement.advance(Phase::Sending, STEP_BYTES);
    assert_eq!(bench.movement.left(), Ok(Duration::from_secs(15)), "the answer is waited for");
    bench.clock.advance(Duration::from_secs(14));
    bench.movement.advance(Phase::Receiving, 0);
    assert_eq!(bench.movement.left(), Ok(STALL_TIME_MAX));
    assert!(!bench.movement.has_received());
    bench.movement.advance(Phase::Receiving, STEP_BYTES);
    assert!(bench.movement.has_received());
}

#[test]
fn a_byte_now_and_then_is_not_enough() {
    let bench = bench(0);
    bench.movement.advance(Phase::Receiving, 0);
    for _ in 0..3 {
        bench.clock.advance(Duration::from_secs(10));
        bench.movement.advance(Phase::Receiving, 1);
    }
    assert_eq!(bench.reason(), "the answer stopped: no data arrived for 30 s");
}

#[tokio::test]
async fn a_limit_counts_from_the_latest_movement() {
    let bench = bench(0);
    let mut watched = Box::pin(bench.movement.watch(&*bench.sleep, std::future::pending::<Result<(), _>>()));
    assert!(poll!(&mut watched).is_pending());
    bench.clock.advance(Duration::from_secs(5));
    bench.movement.advance(Phase::Receiving, STEP_BYTES);
    // The limit was for the answer; since then there is a new one.
    bench.sleep.expire();
    assert!(poll!(&mut watched).is_pending());
    bench.sleep.expire();
    assert!(poll!(&mut watched).is_ready());
}
