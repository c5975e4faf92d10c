use super::*;

#[test]
fn manual_clock_moves_only_by_hand() {
    let clock = ManualClock::default();
    let start = clock.now();
    assert_eq!((clock.now(), clock.monotonic()), (start, Duration::ZERO));
    clock.advance(Duration::from_secs(5));
    clock.set(start);
    assert_eq!((clock.now(), clock.monotonic()), (start, Duration::from_secs(5)));
}

#[test]
fn seeded_entropy_repeats_itself() {
    let bytes = |seed| {
        let mut buffer = [0; 37];
        SeededEntropy::new(seed).fill(&mut buffer);
        buffer
    };
    assert_eq!(bytes(0), bytes(0));
    assert_ne!(bytes(0), bytes(1));
    assert!(bytes(0).iter().any(|byte| *byte != 0));
}

#[tokio::test]
async fn instant_sleep_notes_and_advances() {
    let clock = Arc::new(ManualClock::default());
    let sleep = InstantSleep::advancing(Arc::clone(&clock));
    sleep.sleep(Duration::from_hours(1)).await;
    sleep.sleep(Duration::from_millis(1)).await;
    assert_eq!(sleep.recorded(), [Duration::from_hours(1), Duration::from_millis(1)]);
    assert_eq!(clock.monotonic(), Duration::from_millis(3_600_001));
}

#[tokio::test]
async fn the_system_gives_time_randomness_and_waiting() {
    let environment = Environment::system();
    let before = environment.clock.monotonic();
    environment.sleep.sleep(Duration::from_millis(1)).await;
    assert!(environment.clock.monotonic() >= before + Duration::from_millis(1));
    assert!(environment.clock.now() > SystemTime::UNIX_EPOCH);
    let mut buffers = [[0; 16]; 2];
    for buffer in &mut buffers {
        environment.entropy.fill(buffer);
    }
    assert_ne!(buffers[0], buffers[1]);
}

#[tokio::test]
async fn limits_are_reached_when_the_test_says_so() {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    let limit = |seconds| {
        let sleep = Arc::clone(&sleep);
        tokio::spawn(async move { sleep.limit(Duration::from_secs(seconds)).await })
    };
    let (shorter, longer) = (limit(5), limit(30));
    while sleep.limit_of_the_slowest() != Some(Duration::from_secs(30)) {
        tokio::task::yield_now().await;
    }
    assert!(!shorter.is_finished() && !longer.is_finished());
    sleep.expire();
    shorter.await.unwrap();
    longer.await.unwrap();
    assert_eq!((clock.monotonic(), sleep.limit_of_the_slowest()), (Duration::from_secs(30), None));
}
