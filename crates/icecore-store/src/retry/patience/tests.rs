use super::*;

fn at(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

#[test]
fn failures_count_from_the_first_one_behind_a_success() {
    let patience = Patience::default();
    assert_eq!(patience.failing_since(at(1)), None);
    patience.failed(at(1), at(2));
    patience.failed(at(3), at(4));
    assert_eq!(patience.failing_since(at(5)), Some(at(1)));
    patience.renew();
    assert_eq!(patience.failing_since(at(5)), None);
    patience.failed(at(6), at(6));
    assert_eq!(patience.failing_since(at(6)), Some(at(6)));
}

#[test]
fn a_failure_of_long_ago_takes_nobody_s_time() {
    let patience = Patience::default();
    patience.failed(at(1), at(1));
    // No calls for twenty minutes.
    assert_eq!(patience.failing_since(at(21)), None);
    patience.failed(at(21), at(22));
    assert_eq!(patience.failing_since(at(22)), Some(at(21)));
}
