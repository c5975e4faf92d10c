//! Finds the snapshot that a reference means.

use std::{collections::BTreeSet, fmt::Write};

use icecore_format::{
    entry::Time,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::snapshots::SnapshotList;
use jiff::tz::TimeZone;

use super::{Moment, Reference, SnapshotChoice};
use crate::{
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::text,
};

/// Candidates that are listed for an ambiguous reference.
const CANDIDATES_MAX: usize = 10;

/// Returns the complete snapshot that a reference means; `host` is this machine, whose sources come first where several
/// hosts have one of the same name.
pub(crate) fn resolve<'a>(
    list: &'a SnapshotList,
    reference: &Reference,
    host: &str,
    zone: &TimeZone,
) -> Outcome<&'a Snapshot> {
    let source = reference.source.as_deref();
    let candidates = || of_one_source(list, source, host);
    match &reference.snapshot {
        SnapshotChoice::Id(digits) => by_id(list, source, digits, zone),
        SnapshotChoice::Latest(back) => latest(list, &candidates()?, *back),
        SnapshotChoice::At(moment) => newest_at(list, &candidates()?, *moment, zone),
    }
}

/// Says that there is no such snapshot; where some cannot be read, it may be one of them, and that is damage.
fn not_found(list: &SnapshotList, message: &str) -> Failure {
    if list.damaged.is_empty() {
        return Failure::new(ExitStatus::Failed, message).hint("`icecore snapshots` lists what there is");
    }
    let keys: Vec<&str> = list.damaged.iter().take(CANDIDATES_MAX).map(|(key, _)| key.as_str()).collect();
    let more = if list.damaged.len() > keys.len() { " and others" } else { "" };
    let message = format!("{message}, as far as snapshots can be read: {}{more} cannot", keys.join(", "));
    Failure::new(ExitStatus::Damage, message).hint("`icecore check` says what is damaged")
}

/// Makes the failure of a source without snapshots.
pub(crate) fn no_snapshot_of(list: &SnapshotList, source: &str) -> Failure {
    not_found(list, &format!("there is no snapshot of the source {source:?}"))
}

fn is_of(snapshot: &Snapshot, source: &str) -> bool {
    names_source(source, &snapshot.origin.host, &snapshot.origin.source)
}

/// Says whether the source of a reference is this one: `SOURCE` or `HOST/SOURCE`.
pub(crate) fn names_source(reference: &str, host: &str, source: &str) -> bool {
    let with_host = || reference.strip_prefix(host)?.strip_prefix('/');
    reference == source || with_host() == Some(source)
}

fn by_id<'a>(
    list: &'a SnapshotList,
    source: Option<&str>,
    digits: &str,
    zone: &TimeZone,
) -> Outcome<&'a Snapshot> {
    let matching = |snapshot: &&Snapshot| {
        snapshot.origin.run.snapshot_id().starts_with(digits)
            && source.is_none_or(|source| is_of(snapshot, source))
    };
    let found: Vec<&Snapshot> = list.complete(None).filter(matching).collect();
    match found.as_slice() {
        [snapshot] => Ok(snapshot),
        [] => {
            let unfinished = list.snapshots.iter().find(matching);
            let state = unfinished.map_or("", |snapshot| match snapshot.state {
                SnapshotState::Pending { .. } => " (that run has not finished)",
                SnapshotState::Aborted { .. } => " (that run ended without a snapshot)",
                SnapshotState::Deleted(_) => " (that snapshot was removed)",
                SnapshotState::Complete(_) => "",
            });
            Err(not_found(list, &format!("there is no snapshot whose id begins with {digits}{state}")))
        }
        several => {
            let mut message = format!("{} snapshots have an id that begins with {digits}:", several.len());
            for snapshot in several.iter().take(CANDIDATES_MAX) {
                let origin = &snapshot.origin;
                let time = text::local_time(origin.started, zone);
                let _ = write!(message, "\n  {}  {time}  {}", origin.run.snapshot_id(), origin.source);
            }
            Err(Failure::new(ExitStatus::Failed, message).hint("write more digits of the id"))
        }
    }
}

/// Returns the snapshots of the source that is meant, oldest first.
fn of_one_source<'a>(
    list: &'a SnapshotList,
    source: Option<&str>,
    this_host: &str,
) -> Outcome<Vec<&'a Snapshot>> {
    let mut found: Vec<&Snapshot> =
        list.complete(None).filter(|snapshot| source.is_none_or(|source| is_of(snapshot, source))).collect();
    if found.is_empty() {
        return Err(match source {
            Some(source) => no_snapshot_of(list, source),
            None => not_found(list, "there are no snapshots in the repository"),
        });
    }
    let names: BTreeSet<&str> = found.iter().map(|snapshot| snapshot.origin.source.as_str()).collect();
    if names.len() > 1 {
        let names: Vec<&str> = names.into_iter().collect();
        let message = format!("the repository has snapshots of several sources: {}", names.join(", "));
        return Err(Failure::usage(message).hint(format!("name the source, for example {}@latest", names[0])));
    }
    let hosts: BTreeSet<&str> = found.iter().map(|snapshot| snapshot.origin.host.as_str()).collect();
    if hosts.contains(this_host) {
        found.retain(|snapshot| snapshot.origin.host == this_host);
    } else if hosts.len() > 1 {
        let name = &found[0].origin.source;
        let choices: Vec<String> = hosts.into_iter().map(|host| format!("{host}/{name}")).collect();
        let message = format!("several hosts have a source {name:?}: {}", choices.join(", "));
        return Err(Failure::usage(message).hint(format!("name the host, for example {}@latest", choices[0])));
    }
    Ok(found)
}

fn latest<'a>(list: &SnapshotList, candidates: &[&'a Snapshot], back: usize) -> Outcome<&'a Snapshot> {
    candidates
        .len()
        .checked_sub(1)
        .and_then(|newest| newest.checked_sub(back))
        .map(|index| candidates[index])
        .ok_or_else(|| {
            let there_are = match candidates.len() {
                1 => "there is only 1 snapshot".to_owned(),
                number => format!("there are only {number} snapshots"),
            };
            let source = &candidates[0].origin.source;
            not_found(list, &format!("{there_are} of the source {source:?}, latest~{back} goes too far back"))
        })
}

fn newest_at<'a>(
    list: &SnapshotList,
    candidates: &[&'a Snapshot],
    moment: Moment,
    zone: &TimeZone,
) -> Outcome<&'a Snapshot> {
    let Some(end) = moment.end(zone) else {
        return Err(Failure::usage("the date lies beyond the calendar"));
    };
    // The newest one is the one that was made last, whatever the clock said.
    let latest_starts = latest_starts(list, candidates);
    let found =
        candidates.iter().zip(latest_starts).rev().find(|(_, started)| started.as_nanoseconds() < end);
    found.map(|(snapshot, _)| *snapshot).ok_or_else(|| {
        let oldest = candidates[0];
        let time = text::local_time(oldest.origin.started, zone);
        let source = &oldest.origin.source;
        not_found(list, &format!("the oldest snapshot of the source {source:?} is of {time}"))
    })
}

/// Returns the times at which the snapshots were made, in their order. Where the clock was wrong, it is the latest possible
/// one, that of the next snapshot: whoever names a time wants nothing that is newer.
fn latest_starts(list: &SnapshotList, candidates: &[&Snapshot]) -> Vec<Time> {
    let doubtful = list.doubtful_times();
    let is_sure = |snapshot: &&&Snapshot| !doubtful.contains_key(&snapshot.origin.run);
    let last_sure = candidates.iter().rev().find(is_sure).map(|snapshot| snapshot.origin.started);
    let mut next = None;
    let backwards = candidates.iter().rev().map(|snapshot| {
        let started = snapshot.origin.started;
        if is_sure(&snapshot) {
            next = Some(started);
            return started;
        }
        next.unwrap_or_else(|| last_sure.map_or(started, |last| started.max(last)))
    });
    let mut starts: Vec<Time> = backwards.collect();
    starts.reverse();
    starts
}
