use std::collections::HashSet;

use jiff::{Timestamp, tz::TimeZone};

use super::*;

fn moment(time: &str, zone: &str) -> CivilMoment {
    CivilMoment::new(time.parse().unwrap(), &TimeZone::get(zone).unwrap())
}

fn period(unit: PeriodUnit, time: &str, zone: &str) -> String {
    unit.period(&moment(time, zone)).to_string()
}

#[test]
fn a_moment_has_a_period_of_each_unit() {
    let texts = PeriodUnit::ALL.map(|unit| period(unit, "2026-11-30T23:30:00Z", "Europe/Berlin"));
    assert_eq!(
        texts,
        ["snapshot", "2026-12-01 00h +01", "2026-12-01", "2026-W49", "2026-12", "2026-Q4", "2026"]
    );
}

#[test]
fn weeks_belong_to_iso_years() {
    assert_eq!(period(PeriodUnit::Week, "2027-01-03T12:00:00Z", "UTC"), "2026-W53");
    assert_eq!(period(PeriodUnit::Week, "2024-12-30T12:00:00Z", "UTC"), "2025-W01");
    assert_eq!(period(PeriodUnit::Year, "2024-12-30T12:00:00Z", "UTC"), "2024");
}

#[test]
fn quarters_begin_in_january_april_july_and_october() {
    let quarters = ["01-01", "03-31", "04-01", "06-30", "07-01", "09-30", "10-01", "12-31"]
        .map(|day| period(PeriodUnit::Quarter, &format!("2026-{day}T00:00:00Z"), "UTC"));
    let expected = ["Q1", "Q1", "Q2", "Q2", "Q3", "Q3", "Q4", "Q4"].map(|quarter| format!("2026-{quarter}"));
    assert_eq!(quarters, expected);
}

/// Counts the different periods among all half hours of the day from `first` on, `hours` long.
fn count(unit: PeriodUnit, first: &str, hours: i64, zone: &str) -> usize {
    let zone = TimeZone::get(zone).unwrap();
    let first: Timestamp = first.parse().unwrap();
    let moments = (0..hours * 2).map(|half| first + jiff::SignedDuration::from_mins(30 * half));
    moments.map(|time| unit.period(&CivilMoment::new(time, &zone))).collect::<HashSet<_>>().len()
}

#[test]
fn days_may_have_23_or_25_hours() {
    for (first, hours) in [
        ("2026-03-29T00:00:00+01:00", 23),
        ("2026-10-25T00:00:00+02:00", 25),
        ("2026-11-01T00:00:00+01:00", 24),
    ] {
        assert_eq!(count(PeriodUnit::Day, first, hours, "Europe/Berlin"), 1, "{first}");
        assert_eq!(count(PeriodUnit::Day, first, hours + 1, "Europe/Berlin"), 2, "{first}");
        assert_eq!(count(PeriodUnit::Hour, first, hours, "Europe/Berlin"), usize::try_from(hours).unwrap());
    }
}

#[test]
fn a_day_that_a_zone_skipped_has_no_period() {
    let days: Vec<String> = ["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"]
        .map(|time| period(PeriodUnit::Day, time, "Pacific/Apia"))
        .to_vec();
    assert_eq!(days, ["2011-12-29", "2011-12-31"]);
}

#[test]
fn blocks_of_days_are_aligned_and_nested() {
    let noon = moment("2026-11-30T12:00:00Z", "UTC");
    assert_eq!(noon.day_number(), 20787);
    let blocks = [0, 1, 2, 5].map(|power| Period::day_block(&noon, power).to_string());
    assert_eq!(
        blocks,
        ["2026-11-30", "2026-11-29..2026-11-30", "2026-11-27..2026-11-30", "2026-11-11..2026-12-12"]
    );
    let early = moment("1969-12-31T12:00:00Z", "UTC");
    assert_eq!(early.day_number(), -1);
    assert_eq!(Period::day_block(&early, 1).to_string(), "1969-12-30..1969-12-31");
}
