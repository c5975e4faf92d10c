use super::*;

fn duration(text: &str) -> RetentionDuration {
    text.parse().unwrap()
}

fn before(text: &str, time: &str, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap();
    duration(text).before(time.parse().unwrap(), &zone).to_zoned(zone).datetime().to_string()
}

#[test]
fn texts_are_read() {
    assert_eq!(duration("1y6m3d2h"), RetentionDuration { years: 1, months: 6, days: 3, hours: 2 });
    assert_eq!(duration(" 2h1y "), RetentionDuration { years: 1, hours: 2, ..RetentionDuration::default() });
    assert_eq!(duration("2w1d").days, 15);
    assert_eq!(duration("65535d").to_string(), "65535d");
    assert_eq!(duration("2w1y36h").to_string(), "1y14d36h");
}

#[test]
fn wrong_texts_are_refused() {
    for text in
        ["", " ", "7", "d", "7x", "1.5y", "-1d", "7d,", "1 y", "7D", "65536d", "9999w", "7d65535d", "1µ"]
    {
        let error = text.parse::<RetentionDuration>().unwrap_err();
        assert_eq!(error, RetentionParseError::Duration { text: text.to_owned() });
    }
    assert!(matches!("0y0d".parse::<RetentionDuration>(), Err(RetentionParseError::ZeroDuration { .. })));
}

#[test]
fn durations_follow_the_calendar() {
    assert_eq!(before("1m", "2026-03-31T12:00:00Z", "UTC"), "2026-02-28T12:00:00");
    assert_eq!(before("1y", "2028-02-29T12:00:00Z", "UTC"), "2027-02-28T12:00:00");
    // Days keep the time of day across a change of the clock; hours do not.
    assert_eq!(before("1d", "2026-03-29T10:00:00+02:00", "Europe/Berlin"), "2026-03-28T10:00:00");
    assert_eq!(before("24h", "2026-03-29T10:00:00+02:00", "Europe/Berlin"), "2026-03-28T09:00:00");
    assert_eq!(before("1d", "2026-10-25T10:00:00+01:00", "Europe/Berlin"), "2026-10-24T10:00:00");
    assert_eq!(before("24h", "2026-10-25T10:00:00+01:00", "Europe/Berlin"), "2026-10-24T11:00:00");
    // Samoa skipped 2011-12-30: the day before the 31st does not exist.
    assert_eq!(before("2d", "2011-12-31T12:00:00+14:00", "Pacific/Apia"), "2011-12-29T12:00:00");
}

#[test]
fn a_moment_before_all_time_is_the_first_one() {
    let time = "2026-01-01T00:00:00Z".parse().unwrap();
    for text in ["65535y", "30000m65535y", "12030y"] {
        assert_eq!(duration(text).before(time, &TimeZone::UTC), Timestamp::MIN);
    }
}
