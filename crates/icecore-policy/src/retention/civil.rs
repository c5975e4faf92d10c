//! Moments as a calendar and a clock on the wall show them.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
    tz::{Offset, TimeZone},
};

const EPOCH: Date = date(1970, 1, 1);

/// A moment in a time zone, to the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CivilMoment {
    pub date: Date,
    pub hour: i8,
    /// Distinguishes the two passes of an hour that is repeated when daylight saving time ends.
    pub offset: Offset,
}

impl CivilMoment {
    pub(super) fn new(time: Timestamp, zone: &TimeZone) -> Self {
        let zoned = time.to_zoned(zone.clone());
        Self { date: zoned.date(), hour: zoned.hour(), offset: zoned.offset() }
    }

    /// Returns the number of the civil day: 0 is 1970-01-01.
    pub(super) fn day_number(&self) -> i64 {
        self.date.duration_since(EPOCH).as_hours().div_euclid(24)
    }
}

/// Returns the civil day of a number; one beyond the calendar becomes the last of the calendar.
pub(super) fn day_of_number(number: i64) -> Date {
    EPOCH.saturating_add(SignedDuration::from_hours(number.saturating_mul(24)))
}
