//! Classic rotations by name.
//!
//! Each function returns the rules of a scheme. In all of them a restore needs one snapshot only, because
//! every snapshot is complete by itself: the length of the restore chain is always one.

use std::{fmt, num::NonZeroU32, str::FromStr};

use super::{
    parse_error::RetentionParseError,
    period::PeriodUnit,
    rule::{KeepCount, RetentionRule},
};

/// Discs of [`Scheme::TowerOfHanoi`]. With a snapshot every day, the oldest restore point is 256 to 511 days
/// old.
pub const HANOI_DISCS: u8 = 10;
/// Blocks of each length that [`Scheme::Decaying`] keeps: a week of single days, two weeks of pairs, and so
/// on.
pub const DECAYING_BLOCKS: u32 = 7;
/// Lengths of blocks of [`Scheme::Decaying`]: 1, 2, 4 days and so on. The longest have 90 years, so nothing
/// is forgotten only because it is old.
pub const DECAYING_POWERS: u8 = 16;

/// A rotation with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Grandfather, father, son: 7 days, 5 weeks, 12 months, 7 years.
    GrandfatherFatherSon,
    /// The last 7 days, and the last 5 weeks: what a full on each weekend with incrementals between them
    /// gives.
    WeeklyFull,
    /// The last 14 days.
    Daily14,
    /// The Towers of Hanoi: few snapshots whose ages double.
    TowerOfHanoi,
    /// Distances between snapshots grow with their age, without an end.
    Decaying,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 5] =
        [Self::GrandfatherFatherSon, Self::WeeklyFull, Self::Daily14, Self::TowerOfHanoi, Self::Decaying];

    /// Returns the name of the scheme as users write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GrandfatherFatherSon => "gfs",
            Self::WeeklyFull => "weekly-full",
            Self::Daily14 => "daily-14",
            Self::TowerOfHanoi => "tower-of-hanoi",
            Self::Decaying => "decaying",
        }
    }

    /// Returns the rules of the scheme.
    pub fn rules(self) -> Vec<RetentionRule> {
        match self {
            Self::GrandfatherFatherSon => grandfather_father_son(),
            Self::WeeklyFull => weekly_full(),
            Self::Daily14 => daily_14(),
            Self::TowerOfHanoi => tower_of_hanoi(),
            Self::Decaying => decaying(),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = RetentionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|scheme| scheme.name() == text.trim());
        named.ok_or_else(|| RetentionParseError::Scheme { text: text.to_owned() })
    }
}

/// Returns the rule that keeps the newest `count` periods.
fn newest(unit: PeriodUnit, count: u32) -> RetentionRule {
    RetentionRule::newest(unit, keep(count))
}

fn keep(count: u32) -> KeepCount {
    NonZeroU32::new(count).map_or(KeepCount::Unlimited, KeepCount::Newest)
}

/// Returns the rules of grandfather, father, son. With a snapshot every day for seven years or more these are
/// 25 to 31 restore points:
///
/// | restore points | reach back |
/// |---|---|
/// | one for each of 7 days | a week |
/// | one for each of 5 weeks | five weeks |
/// | one for each of 12 months | a year |
/// | one for each of 7 years | seven years |
fn grandfather_father_son() -> Vec<RetentionRule> {
    vec![
        newest(PeriodUnit::Day, 7),
        newest(PeriodUnit::Week, 5),
        newest(PeriodUnit::Month, 12),
        newest(PeriodUnit::Year, 7),
    ]
}

/// Returns the rules of a weekly full with daily incrementals: every day of a week, and the end of each of 5
/// weeks. With a snapshot every day these are 10 or 11 restore points.
fn weekly_full() -> Vec<RetentionRule> {
    vec![newest(PeriodUnit::Day, 7), newest(PeriodUnit::Week, 5)]
}

/// Returns the rule for 14 days: 14 restore points.
fn daily_14() -> Vec<RetentionRule> {
    vec![newest(PeriodUnit::Day, 14)]
}

/// Returns the rules of the Towers of Hanoi: every day has a disc, and each disc keeps its newest day. With a
/// snapshot every day these are [`HANOI_DISCS`] restore points, at most 2, 4, 8 … 512 days old.
fn tower_of_hanoi() -> Vec<RetentionRule> {
    (0..HANOI_DISCS).map(|disc| RetentionRule::HanoiDisc { disc, discs: HANOI_DISCS }).collect()
}

/// Returns the rules of decay: the newest 7 blocks of 1 day, of 2 days, of 4 days and so on. With a snapshot
/// every day, 3 or 4 restore points are added whenever the history doubles. Two restore points are never
/// further apart than a third of the age of the older one, apart from the first days.
fn decaying() -> Vec<RetentionRule> {
    let count = keep(DECAYING_BLOCKS);
    (0..DECAYING_POWERS).map(|power| RetentionRule::DayBlocks { power, count }).collect()
}

#[cfg(test)]
mod tests;
