//! What each month added to a repository.

use std::collections::{BTreeMap, HashSet};

use icecore_format::{entry::Time, ids::RunId, snapshot::Snapshot};
use icecore_prune::{PackSums, PackTable};
use jiff::tz::TimeZone;

use crate::text;

/// What the runs of a month added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonthGrowth {
    /// The month, `2026-11`.
    pub month: String,
    /// Number of snapshots that were made in the month and still exist.
    pub snapshots: u64,
    /// New contents that these snapshots brought, in bytes before compression.
    pub bytes_new: u64,
    /// What their runs uploaded in bytes.
    pub bytes_uploaded: u64,
    /// Packs that were written in the month and still exist.
    pub packs: PackSums,
}

/// Returns the months in order. `runs` are the runs whose packs count; all if there are none.
pub(super) fn by_month<'a>(
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
    packs: &PackTable,
    runs: Option<&HashSet<RunId>>,
    zone: &TimeZone,
) -> Vec<MonthGrowth> {
    let mut months: BTreeMap<String, MonthGrowth> = BTreeMap::new();
    for snapshot in snapshots {
        let Some(completion) = snapshot.completion() else { continue };
        let growth = months.entry(month(snapshot.origin.started, zone)).or_default();
        let statistics = &completion.statistics;
        growth.snapshots += 1;
        growth.bytes_new = growth.bytes_new.saturating_add(statistics.bytes_new);
        growth.bytes_uploaded = growth.bytes_uploaded.saturating_add(statistics.bytes_stored);
    }
    for (number, pack) in packs.iter() {
        if runs.is_none_or(|runs| runs.contains(&pack.name.run)) {
            let growth = months.entry(month(begin(pack.name.run), zone)).or_default();
            growth.packs += PackSums::of(packs, [number]);
        }
    }
    months.into_iter().map(|(month, growth)| MonthGrowth { month, ..growth }).collect()
}

/// Returns when a run began.
fn begin(run: RunId) -> Time {
    Time { seconds: (run.unix_milliseconds() / 1000).cast_signed(), ..Time::default() }
}

fn month(time: Time, zone: &TimeZone) -> String {
    let date = text::local_date(time, zone);
    date.rsplit_once('-').map_or(date.clone(), |(month, _)| month.to_owned())
}

#[cfg(test)]
mod tests;
