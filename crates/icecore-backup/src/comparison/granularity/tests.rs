use super::*;

fn time(seconds: i64, nanoseconds: u32) -> Time {
    Time { seconds, nanoseconds }
}

#[test]
fn each_time_says_how_exact_it_is() {
    const TICK: i128 = 10_000_000;
    assert_eq!(window(time(1_700_000_001, 0)), 2_000_000_000 + TICK);
    assert_eq!(window(time(1_700_000_001, 300_000_000)), 100_000_000 + TICK);
    assert_eq!(window(time(1_700_000_001, 310_000_000)), 10_000_000 + TICK);
    assert_eq!(window(time(1_700_000_001, 312_345_678)), TICK);
}

#[test]
fn the_granularity_is_measured_device_by_device() {
    let mut measured = Granularity::default();
    assert_eq!(measured.coarsest(), 0);
    measured.observe(0, time(1_700_000_002, 0));
    assert_eq!(measured.coarsest(), 2_000_000_000, "one time proves nothing");
    measured.observe(0, time(1_700_000_001, 0));
    assert_eq!(measured.coarsest(), 1_000_000_000);
    measured.observe(0, time(-3, 120_000_000));
    assert_eq!(measured.coarsest(), 10_000_000);
    measured.observe(0, time(5, 123_456_789));
    assert_eq!(measured.coarsest(), 10_000_000, "the clock has no more");
    measured.observe(2, time(4, 0));
    assert_eq!(measured.coarsest(), 2_000_000_000, "another device");
}
