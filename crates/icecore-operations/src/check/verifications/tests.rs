use super::*;

#[test]
fn spans_are_as_long_as_they_have_been() {
    // 2026-03-31 12:00 UTC.
    let now = SystemTime::UNIX_EPOCH + Duration::from_hours(493_044);
    let hours = |text: &str| length(text.parse().unwrap(), now, &TimeZone::UTC).unwrap().as_secs() / 3600;
    assert_eq!(hours("90d"), 90 * 24);
    assert_eq!(hours("2w"), 14 * 24);
    assert_eq!(hours("36h"), 36);
    // To the last day of February.
    assert_eq!(hours("1mo"), 31 * 24);
    assert!(length("19000y".parse().unwrap(), now, &TimeZone::UTC).is_err());
}
