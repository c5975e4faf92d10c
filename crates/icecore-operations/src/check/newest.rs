//! The newest snapshot of each source that can be restored completely: a good choice if objects are missing.

use std::collections::BTreeSet;

use icecore_check::CheckReport;
use icecore_format::{history::Loss, ids::RunId, log::CompletedSnapshot, snapshot::Snapshot};
use icecore_repo::snapshots::SnapshotList;

/// A source and its newest snapshot that can be restored completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestWhole<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Its host.
    pub host: &'a str,
    /// The snapshot; none if no snapshot of the source can be restored completely.
    pub snapshot: Option<&'a Snapshot>,
    /// Newer snapshots that exist, but not completely.
    pub newer_damaged: u64,
    /// Newer snapshots that the log or this host knows, and that are missing.
    pub newer_missing: u64,
}

/// Returns every source that has, or had, a complete snapshot, sorted by host and name. `unreadable` are the
/// snapshots whose objects cannot be read.
pub(super) fn newest_whole<'a>(
    report: &'a CheckReport,
    list: &'a SnapshotList,
    unreadable: &'a [CompletedSnapshot],
) -> Vec<NewestWhole<'a>> {
    let lost: Vec<&CompletedSnapshot> = report
        .losses
        .iter()
        .filter_map(|loss| match loss {
            Loss::Snapshot { snapshot, .. } => Some(snapshot),
            Loss::SeenRecord(_) | Loss::ReferredRecord { .. } | Loss::NamingRecord(_) => None,
        })
        .collect();
    let lost_runs: BTreeSet<RunId> = lost.iter().map(|snapshot| snapshot.run).collect();
    let restorable = report.snapshots.iter().filter(|snapshot| snapshot.restorable);
    let restorable: BTreeSet<RunId> = restorable.map(|snapshot| snapshot.run).collect();
    let of_list = list.complete(None).map(|found| (found.origin.host.as_str(), found.origin.source.as_str()));
    let known = lost.iter().copied().chain(unreadable);
    let of_lost = known.map(|snapshot| (snapshot.host.as_str(), snapshot.source.as_str()));
    let sources: BTreeSet<(&str, &str)> = of_list.chain(of_lost).collect();
    let newest = |(host, source)| {
        // A snapshot that differs from the log is not offered.
        let there = list
            .complete(Some(source))
            .rev()
            .filter(|found| found.origin.host == host && !lost_runs.contains(&found.origin.run));
        let mut newer_damaged = 0;
        let snapshot = there.into_iter().find(|found| {
            let is_whole = restorable.contains(&found.origin.run);
            newer_damaged += u64::from(!is_whole);
            is_whole
        });
        let is_newer = |other: &&CompletedSnapshot| {
            (other.host.as_str(), other.source.as_str()) == (host, source)
                && snapshot.is_none_or(|snapshot| other.run > snapshot.origin.run)
        };
        newer_damaged += unreadable.iter().filter(is_newer).count() as u64;
        let newer_missing = lost.iter().copied().filter(is_newer).count() as u64;
        NewestWhole { source, host, snapshot, newer_damaged, newer_missing }
    };
    sources.into_iter().map(newest).collect()
}

#[cfg(test)]
mod tests;
