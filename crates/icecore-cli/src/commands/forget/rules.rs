//! Options with the rules of retention.

use clap::Args;
use icecore_policy::retention::{
    KeepCount, PeriodUnit, RetentionDuration, RetentionError, RetentionPolicy, RetentionRule, Scheme,
    TagFilter,
};

/// Which snapshots the rules keep; a snapshot stays if at least one rule keeps it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct RuleArguments {
    /// Keep the newest N snapshots; N is a number or `unlimited`
    #[arg(long, value_name = "N")]
    keep_last: Option<KeepCount>,
    /// Keep the newest snapshot of each of the last N hours that have snapshots
    #[arg(long, value_name = "N")]
    keep_hourly: Option<KeepCount>,
    /// The same for days
    #[arg(long, value_name = "N")]
    keep_daily: Option<KeepCount>,
    /// The same for weeks, from Monday
    #[arg(long, value_name = "N")]
    keep_weekly: Option<KeepCount>,
    /// The same for months
    #[arg(long, value_name = "N")]
    keep_monthly: Option<KeepCount>,
    /// The same for quarters of a year
    #[arg(long, value_name = "N")]
    keep_quarterly: Option<KeepCount>,
    /// The same for years
    #[arg(long, value_name = "N")]
    keep_yearly: Option<KeepCount>,
    /// Keep all snapshots within this time before the newest one, such as 1y6m3d2h
    #[arg(long, value_name = "TIME")]
    keep_within: Option<RetentionDuration>,
    /// Keep the newest snapshot of each hour within this time
    #[arg(long, value_name = "TIME")]
    keep_within_hourly: Option<RetentionDuration>,
    /// The same for days
    #[arg(long, value_name = "TIME")]
    keep_within_daily: Option<RetentionDuration>,
    /// The same for weeks
    #[arg(long, value_name = "TIME")]
    keep_within_weekly: Option<RetentionDuration>,
    /// The same for months
    #[arg(long, value_name = "TIME")]
    keep_within_monthly: Option<RetentionDuration>,
    /// The same for quarters of a year
    #[arg(long, value_name = "TIME")]
    keep_within_quarterly: Option<RetentionDuration>,
    /// The same for years
    #[arg(long, value_name = "TIME")]
    keep_within_yearly: Option<RetentionDuration>,
    /// Keep all snapshots with this tag; can be given several times
    #[arg(long, value_name = "KEY[=VALUE]")]
    keep_tag: Vec<TagFilter>,
    /// Keep what this rotation keeps: gfs, weekly-full, daily-14, tower-of-hanoi or decaying
    #[arg(long, value_name = "NAME")]
    scheme: Option<Scheme>,
}

impl RuleArguments {
    /// Returns the rules.
    pub(super) fn policy(&self) -> Result<RetentionPolicy, RetentionError> {
        let counts = [
            (PeriodUnit::Snapshot, self.keep_last),
            (PeriodUnit::Hour, self.keep_hourly),
            (PeriodUnit::Day, self.keep_daily),
            (PeriodUnit::Week, self.keep_weekly),
            (PeriodUnit::Month, self.keep_monthly),
            (PeriodUnit::Quarter, self.keep_quarterly),
            (PeriodUnit::Year, self.keep_yearly),
        ];
        let durations = [
            (PeriodUnit::Snapshot, self.keep_within),
            (PeriodUnit::Hour, self.keep_within_hourly),
            (PeriodUnit::Day, self.keep_within_daily),
            (PeriodUnit::Week, self.keep_within_weekly),
            (PeriodUnit::Month, self.keep_within_monthly),
            (PeriodUnit::Quarter, self.keep_within_quarterly),
            (PeriodUnit::Year, self.keep_within_yearly),
        ];
        let newest = counts.into_iter().filter_map(|(unit, count)| Some(RetentionRule::newest(unit, count?)));
        let within =
            durations.into_iter().filter_map(|(unit, time)| Some(RetentionRule::within(unit, time?)));
        let tags = self.keep_tag.iter().cloned().map(RetentionRule::Tag);
        RetentionPolicy::new(newest.chain(within).chain(tags).collect(), self.scheme)
    }

    /// Returns whether any rule is given.
    pub(super) fn is_given(&self) -> bool {
        !matches!(self.policy(), Err(RetentionError::KeepsNothing))
    }
}
