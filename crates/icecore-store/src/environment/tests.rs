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
