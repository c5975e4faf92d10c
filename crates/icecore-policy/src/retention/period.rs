//! Periods of the calendar.

use std::fmt;

use jiff::{civil::Date, tz::Offset};

use super::civil::{CivilMoment, day_of_number};

/// A kind of period, of which a rule keeps one snapshot each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeriodUnit {
    /// Every snapshot is a period of its own.
    Snapshot,
    /// Hour of the clock on the wall; an hour that is repeated at the end of daylight saving time counts
    /// twice.
    Hour,
    /// Civil day of 23, 24 or 25 hours.
    Day,
    /// ISO week, from Monday.
    Week,
    /// Civil month.
    Month,
    /// Quarter of a year, from January, April, July and October.
    Quarter,
    /// Civil year.
    Year,
}

impl PeriodUnit {
    /// All units, the shortest first.
    pub const ALL: [Self; 7] =
        [Self::Snapshot, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    pub(super) fn period(self, moment: &CivilMoment) -> Period {
        let day = moment.date;
        match self {
            Self::Snapshot => Period::Snapshot,
            Self::Hour => Period::Hour { day, hour: moment.hour, offset: moment.offset },
            Self::Day => Period::Day(day),
            Self::Week => {
                let week = day.iso_week_date();
                Period::Week { year: week.year(), week: week.week() }
            }
            Self::Month => Period::Month { year: day.year(), month: day.month() },
            Self::Quarter => Period::Quarter { year: day.year(), quarter: (day.month() - 1) / 3 + 1 },
            Self::Year => Period::Year(day.year()),
        }
    }
}

/// One period of the calendar. Its text is the usual one: 2026-11-30, 2026-W49, 2026-11, 2026-Q4, 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// The snapshot itself.
    Snapshot,
    /// An hour.
    Hour {
        /// Civil day.
        day: Date,
        /// Hour of the day.
        hour: i8,
        /// Offset from UTC: distinguishes the two passes of a repeated hour.
        offset: Offset,
    },
    /// A civil day.
    Day(Date),
    /// An ISO week.
    Week {
        /// Year of the week, which around New Year may differ from that of the day.
        year: i16,
        /// Number of the week, from 1.
        week: i8,
    },
    /// A month.
    Month {
        /// Year.
        year: i16,
        /// Month, from 1.
        month: i8,
    },
    /// A quarter of a year.
    Quarter {
        /// Year.
        year: i16,
        /// Quarter, from 1.
        quarter: i8,
    },
    /// A year.
    Year(i16),
    /// Several civil days.
    Days {
        /// First day.
        first: Date,
        /// Last day.
        last: Date,
    },
}

impl Period {
    /// Returns the block of 2^`power` days that contains the moment. Blocks are aligned to 1970-01-01, so two
    /// blocks never overlap by half.
    pub(super) fn day_block(moment: &CivilMoment, power: u8) -> Self {
        let length = 1_i64 << power;
        let first = moment.day_number().div_euclid(length) * length;
        Self::Days { first: day_of_number(first), last: day_of_number(first + length - 1) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot => formatter.write_str("snapshot"),
            Self::Hour { day, hour, offset } => write!(formatter, "{day} {hour:02}h {offset}"),
            Self::Day(day) => write!(formatter, "{day}"),
            Self::Week { year, week } => write!(formatter, "{year:04}-W{week:02}"),
            Self::Month { year, month } => write!(formatter, "{year:04}-{month:02}"),
            Self::Quarter { year, quarter } => write!(formatter, "{year:04}-Q{quarter}"),
            Self::Year(year) => write!(formatter, "{year:04}"),
            Self::Days { first, last } if first == last => write!(formatter, "{first}"),
            Self::Days { first, last } => write!(formatter, "{first}..{last}"),
        }
    }
}

#[cfg(test)]
mod tests;
