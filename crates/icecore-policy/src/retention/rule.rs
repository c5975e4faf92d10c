//! Rules that keep snapshots.

use std::{fmt, num::NonZeroU32, str::FromStr};

use super::{
    civil::CivilMoment,
    duration::RetentionDuration,
    parse_error::RetentionParseError,
    period::{Period, PeriodUnit},
    selection::TagFilter,
};

/// How many periods a rule keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeepCount {
    /// This many.
    Newest(NonZeroU32),
    /// All.
    Unlimited,
}

impl KeepCount {
    /// Returns whether there may be more than `count` periods.
    pub(super) fn exceeds(self, count: usize) -> bool {
        match self {
            Self::Newest(newest) => count < usize::try_from(newest.get()).unwrap_or(usize::MAX),
            Self::Unlimited => true,
        }
    }
}

impl FromStr for KeepCount {
    type Err = RetentionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "unlimited" => Ok(Self::Unlimited),
            number => number
                .parse()
                .map(Self::Newest)
                .map_err(|_| RetentionParseError::Count { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for KeepCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest(count) => write!(formatter, "{count}"),
            Self::Unlimited => formatter.write_str("unlimited"),
        }
    }
}

/// How far back a rule reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// This many periods that have snapshots.
    Newest(KeepCount),
    /// All periods within this duration before the newest snapshot of the group.
    Within(RetentionDuration),
}

/// A rule. A snapshot is kept if at least one rule keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RetentionRule {
    /// Keeps the newest snapshot of each period.
    Periods {
        /// Kind of period.
        unit: PeriodUnit,
        /// How far back.
        reach: Reach,
    },
    /// Keeps all snapshots with a tag.
    Tag(TagFilter),
    /// Keeps the newest day of a disc of the Towers of Hanoi: disc 0 moves every second day, disc 1 every
    /// fourth, and so on.
    HanoiDisc {
        /// Number of the disc, from 0.
        disc: u8,
        /// Number of all discs; the last one takes every move that is left.
        discs: u8,
    },
    /// Keeps the newest snapshot of each of the newest blocks of 2^`power` civil days.
    DayBlocks {
        /// Logarithm of the days of a block.
        power: u8,
        /// How many blocks.
        count: KeepCount,
    },
}

impl RetentionRule {
    /// Returns a rule for the newest periods, as in `--keep-daily 7`.
    pub fn newest(unit: PeriodUnit, count: KeepCount) -> Self {
        Self::Periods { unit, reach: Reach::Newest(count) }
    }

    /// Returns a rule for the periods within a duration, as in `--keep-within-daily 7d`.
    pub fn within(unit: PeriodUnit, duration: RetentionDuration) -> Self {
        Self::Periods { unit, reach: Reach::Within(duration) }
    }

    /// Returns the period that the rule puts a moment into; none if it does not look at it.
    pub(super) fn period(&self, moment: &CivilMoment) -> Option<Period> {
        match self {
            Self::Periods { unit, .. } => Some(unit.period(moment)),
            Self::Tag(_) => None,
            Self::HanoiDisc { disc, discs } => {
                (hanoi_disc(moment.day_number(), *discs) == *disc).then_some(Period::Day(moment.date))
            }
            Self::DayBlocks { power, .. } => Some(Period::day_block(moment, *power)),
        }
    }

    /// Returns how far back the rule reaches; none for tags.
    pub(super) fn reach(&self) -> Option<Reach> {
        match self {
            Self::Periods { reach, .. } => Some(*reach),
            Self::Tag(_) => None,
            Self::HanoiDisc { .. } => Some(Reach::Newest(KeepCount::Newest(NonZeroU32::MIN))),
            Self::DayBlocks { count, .. } => Some(Reach::Newest(*count)),
        }
    }

    /// Returns whether the oldest snapshot is kept as long as the rule could keep more periods.
    pub(super) fn keeps_oldest(&self) -> bool {
        matches!(self, Self::Periods { .. })
    }

    /// Returns whether only one of two rules can count, because they differ in their number or duration
    /// alone. Several tags never contradict each other.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Periods { unit, reach }, Self::Periods { unit: other_unit, reach: other_reach }) => {
                unit == other_unit && std::mem::discriminant(reach) == std::mem::discriminant(other_reach)
            }
            _ => false,
        }
    }
}

/// Returns the disc that moves on a day: the number of times that two divides the day's number.
fn hanoi_disc(day_number: i64, discs: u8) -> u8 {
    let zeros = u8::try_from(day_number.trailing_zeros()).unwrap_or(u8::MAX);
    zeros.min(discs.saturating_sub(1))
}

/// Writes the rule as the option that gives it, or as the part of a scheme that it is.
impl fmt::Display for RetentionRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |unit: &PeriodUnit| match unit {
            PeriodUnit::Snapshot => "last",
            PeriodUnit::Hour => "hourly",
            PeriodUnit::Day => "daily",
            PeriodUnit::Week => "weekly",
            PeriodUnit::Month => "monthly",
            PeriodUnit::Quarter => "quarterly",
            PeriodUnit::Year => "yearly",
        };
        match self {
            Self::Periods { unit, reach: Reach::Newest(count) } => {
                write!(formatter, "keep-{} {count}", name(unit))
            }
            Self::Periods { unit: PeriodUnit::Snapshot, reach: Reach::Within(duration) } => {
                write!(formatter, "keep-within {duration}")
            }
            Self::Periods { unit, reach: Reach::Within(duration) } => {
                write!(formatter, "keep-within-{} {duration}", name(unit))
            }
            Self::Tag(tag) => write!(formatter, "keep-tag {tag}"),
            Self::HanoiDisc { disc, .. } => write!(formatter, "tower-of-hanoi disc {}", disc + 1),
            Self::DayBlocks { power, .. } => write!(formatter, "decaying {} days", 1_u64 << power),
        }
    }
}

#[cfg(test)]
mod tests;
