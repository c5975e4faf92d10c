//! The newest snapshot of each source that can be restored in full: what to restore where objects are missing.

use std::{collections::BTreeSet, fmt::Write};

use icecore_check::CheckReport;
use icecore_format::{history::Loss, ids::RunId, log::CompletedSnapshot, snapshot::Snapshot};
use icecore_repo::snapshots::SnapshotList;
use serde::Serialize;

use crate::context::Context;
use icecore_operations::text::{self, shell_word};

/// Sources that are shown.
const SOURCES_SHOWN_MAX: usize = 50;

/// A source and its newest snapshot that can be restored in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewestWhole<'a> {
    source: &'a str,
    host: &'a str,
    snapshot: Option<&'a Snapshot>,
    /// Newer snapshots that are there, but not in full.
    newer_damaged: u64,
    /// Newer snapshots that the log or this host knows, and that are gone.
    newer_missing: u64,
}

/// The same for machines.
#[derive(Debug, Serialize)]
pub(super) struct NewestWholeDocument<'a> {
    source: &'a str,
    host: &'a str,
    id: Option<String>,
    run: Option<String>,
    time: Option<String>,
    newer_damaged: u64,
    newer_missing: u64,
}

/// Returns every source of which there is, or was, a complete snapshot, sorted by host and name.
/// `unreadable` are those whose objects cannot be read.
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
        // One that is there, but not as the log says, is not offered.
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

/// Describes them, if that is not simply the newest snapshot of each source.
pub(super) fn describe(text: &mut String, context: &Context, repository: &str, newest: &[NewestWhole<'_>]) {
    let is_newest =
        |one: &NewestWhole<'_>| one.snapshot.is_some() && one.newer_damaged + one.newer_missing == 0;
    if newest.iter().all(is_newest) {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "newest snapshot of each source that can be restored in full:");
    for one in newest.iter().take(SOURCES_SHOWN_MAX) {
        let found = one.snapshot.map_or_else(
            || "none".to_owned(),
            |snapshot| {
                let origin = &snapshot.origin;
                format!(
                    "{} of {}",
                    origin.run.snapshot_id(),
                    text::local_time(origin.started, &context.access.machine.zone)
                )
            },
        );
        let line = format!("{} (host {}): {found}{}", one.source, one.host, newer(one));
        let _ = writeln!(text, "  {}", text::printable_message(&line));
    }
    if newest.len() > SOURCES_SHOWN_MAX {
        let _ = writeln!(text, "  {} more (--json lists all)", newest.len() - SOURCES_SHOWN_MAX);
    }
    if newest.iter().any(|one| one.snapshot.is_some()) {
        let repository = shell_word(repository.as_bytes()).into_owned();
        let command = format!("icecore restore ID --target DIRECTORY -r {repository}");
        let _ = writeln!(text, "  to restore one: {}", text::printable_message(&command));
    }
}

/// Says how many newer snapshots there are or were.
fn newer(one: &NewestWhole<'_>) -> String {
    let count = |number: u64, what: &str| {
        let snapshots = if one.snapshot.is_some() { "newer snapshot" } else { "snapshot" };
        (number > 0).then(|| format!("{} {what}", text::counted(number, snapshots)))
    };
    let parts = [count(one.newer_damaged, "damaged"), count(one.newer_missing, "missing")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Returns what goes into the JSON document.
pub(super) fn documents<'a>(newest: &[NewestWhole<'a>]) -> Vec<NewestWholeDocument<'a>> {
    let document = |one: &NewestWhole<'a>| {
        let origin = one.snapshot.map(|snapshot| &snapshot.origin);
        NewestWholeDocument {
            source: one.source,
            host: one.host,
            id: origin.map(|origin| origin.run.snapshot_id()),
            run: origin.map(|origin| origin.run.to_string()),
            time: origin.and_then(|origin| text::utc_time(origin.started)),
            newer_damaged: one.newer_damaged,
            newer_missing: one.newer_missing,
        }
    };
    newest.iter().map(document).collect()
}

#[cfg(test)]
mod tests;
