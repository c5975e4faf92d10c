//! Finds the snapshot of a reference.

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
};

use icecore_format::{
    entry::Time,
    ids::RunId,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::snapshots::SnapshotList;
use jiff::tz::TimeZone;

use super::{Moment, Reference, SnapshotChoice};
use crate::text;

/// Maximum number of candidates that are listed for an ambiguous reference.
const CANDIDATES_MAX: usize = 10;

/// Returns the complete snapshot of a reference; `host` is this machine. Its sources come first if several
/// hosts have one with the same name.
///
/// # Errors
///
/// There is no such snapshot, or there are several.
pub fn resolve<'a>(
    list: &'a SnapshotList,
    reference: &Reference,
    host: &str,
    zone: &TimeZone,
) -> Result<&'a Snapshot, ResolveError> {
    let source = reference.source.as_deref();
    let candidates = || of_one_source(list, source, host);
    match &reference.snapshot {
        SnapshotChoice::Id(digits) => by_id(list, source, digits, zone),
        SnapshotChoice::Latest(back) => latest(list, &candidates()?, *back),
        SnapshotChoice::At(moment) => newest_at(list, &candidates()?, *moment, zone),
    }
}

/// Why a reference matches no snapshot, or several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is no such snapshot.
    #[error("{0}")]
    NotFound(Missing),
    /// No readable snapshot matches; it may be one of the unreadable ones.
    #[error("{missing} (unreadable snapshots: {unreadable})")]
    Unreadable {
        /// What is missing.
        missing: Missing,
        /// Unreadable objects, or some of them if there are many.
        unreadable: String,
    },
    /// Several ids begin with the digits.
    #[error("{number} snapshots have an id that begins with {digits}:{candidates}")]
    SeveralIds {
        /// The digits.
        digits: String,
        /// Number of these snapshots.
        number: usize,
        /// Id, time and source of some of them, each on its own line.
        candidates: String,
    },
    /// No source was named, and there are several; sorted.
    #[error("the repository has snapshots of several sources: {}", .names.join(", "))]
    SeveralSources {
        /// Their names.
        names: Vec<String>,
    },
    /// Several hosts have a source with this name, and this host has none.
    #[error("several hosts have a source {source_name:?}: {}", .choices.join(", "))]
    SeveralHosts {
        /// Name of the source.
        source_name: String,
        /// `HOST/SOURCE` for each of them, sorted.
        choices: Vec<String>,
    },
    /// The date is beyond the calendar.
    #[error("the date is out of range")]
    BeyondCalendar,
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A snapshot with this id.
    Id {
        /// Beginning of the id.
        digits: String,
        /// How the run with this id ended, if there is one.
        ended: Option<Unfinished>,
    },
    /// A snapshot of a source.
    Source(String),
    /// Any snapshot.
    Any,
    /// A snapshot that far back.
    TooFarBack {
        /// Name of the source.
        source: String,
        /// Number of its snapshots.
        number: usize,
        /// How far back the reference goes.
        back: usize,
    },
    /// A snapshot of a source that is that old.
    TooOld {
        /// Name of the source.
        source: String,
        /// Time of its oldest snapshot, in the local time zone.
        oldest: String,
    },
}

/// Why a run has no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It is not finished.
    Pending,
    /// It ended without a snapshot.
    Aborted,
    /// The snapshot was removed.
    Deleted,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { digits, ended } => {
                let state = match ended {
                    Some(Unfinished::Pending) => " (that run has not finished)",
                    Some(Unfinished::Aborted) => " (that run ended without a snapshot)",
                    Some(Unfinished::Deleted) => " (that snapshot was forgotten)",
                    None => "",
                };
                write!(formatter, "there is no snapshot whose id begins with {digits}{state}")
            }
            Self::Source(source) => write!(formatter, "there is no snapshot of the source {source:?}"),
            Self::Any => write!(formatter, "the repository has no snapshots"),
            Self::TooFarBack { source, number, back } => {
                let there_are = match number {
                    1 => "there is only 1 snapshot".to_owned(),
                    number => format!("there are only {number} snapshots"),
                };
                write!(formatter, "{there_are} of the source {source:?}, latest~{back} goes too far back")
            }
            Self::TooOld { source, oldest } => {
                write!(formatter, "the oldest snapshot of the source {source:?} is from {oldest}")
            }
        }
    }
}

/// Makes the error of a missing snapshot; if some cannot be read, it may be one of them.
fn not_found(list: &SnapshotList, missing: Missing) -> ResolveError {
    if list.damaged.is_empty() {
        return ResolveError::NotFound(missing);
    }
    let keys: Vec<&str> = list.damaged.iter().take(CANDIDATES_MAX).map(|(key, _)| key.as_str()).collect();
    let more = if list.damaged.len() > keys.len() { " and others" } else { "" };
    ResolveError::Unreadable { missing, unreadable: format!("{}{more}", keys.join(", ")) }
}

/// Makes the error of a source without snapshots.
pub fn no_snapshot_of(list: &SnapshotList, source: &str) -> ResolveError {
    not_found(list, Missing::Source(source.to_owned()))
}

/// Makes the error of a snapshot that does not exist in any state.
pub fn not_there(list: &SnapshotList, digits: &str) -> ResolveError {
    not_found(list, Missing::Id { digits: digits.to_owned(), ended: None })
}

fn is_of(snapshot: &Snapshot, source: &str) -> bool {
    names_source(source, &snapshot.origin.host, &snapshot.origin.source)
}

/// Returns whether the source in a reference is this one: `SOURCE` or `HOST/SOURCE`.
pub fn names_source(reference: &str, host: &str, source: &str) -> bool {
    let with_host = || reference.strip_prefix(host)?.strip_prefix('/');
    reference == source || with_host() == Some(source)
}

/// Finds a snapshot by its own id. If there is none, finds one by the id of its original: a forgotten
/// snapshot that was brought back has a new id, and is still found under the old one.
fn by_id<'a>(
    list: &'a SnapshotList,
    source: Option<&str>,
    digits: &str,
    zone: &TimeZone,
) -> Result<&'a Snapshot, ResolveError> {
    let has_id = |run: RunId| run.snapshot_id().starts_with(digits);
    let is_of_source = |snapshot: &&Snapshot| source.is_none_or(|source| is_of(snapshot, source));
    let matching = |snapshot: &&Snapshot| has_id(snapshot.origin.run) && is_of_source(snapshot);
    let mut found: Vec<&Snapshot> = list.complete(None).filter(matching).collect();
    if found.is_empty() {
        let has_original =
            |snapshot: &&Snapshot| snapshot.origin.copy_of.is_some_and(|original| has_id(original.run));
        found = list.complete(None).filter(is_of_source).filter(has_original).collect();
    }
    match found.as_slice() {
        [snapshot] => Ok(snapshot),
        [] => {
            let unfinished = list.snapshots.iter().find(matching);
            let ended = unfinished.and_then(|snapshot| match snapshot.state {
                SnapshotState::Pending { .. } => Some(Unfinished::Pending),
                SnapshotState::Aborted { .. } => Some(Unfinished::Aborted),
                SnapshotState::Deleted(_) => Some(Unfinished::Deleted),
                SnapshotState::Complete(_) => None,
            });
            Err(not_found(list, Missing::Id { digits: digits.to_owned(), ended }))
        }
        several => {
            let mut candidates = String::new();
            for snapshot in several.iter().take(CANDIDATES_MAX) {
                let origin = &snapshot.origin;
                let time = text::local_time(origin.started, zone);
                let _ = write!(candidates, "\n  {}  {time}  {}", origin.run.snapshot_id(), origin.source);
            }
            Err(ResolveError::SeveralIds { digits: digits.to_owned(), number: several.len(), candidates })
        }
    }
}

/// Returns the snapshots of the chosen source, oldest first.
fn of_one_source<'a>(
    list: &'a SnapshotList,
    source: Option<&str>,
    this_host: &str,
) -> Result<Vec<&'a Snapshot>, ResolveError> {
    let mut found: Vec<&Snapshot> =
        list.complete(None).filter(|snapshot| source.is_none_or(|source| is_of(snapshot, source))).collect();
    if found.is_empty() {
        return Err(match source {
            Some(source) => no_snapshot_of(list, source),
            None => not_found(list, Missing::Any),
        });
    }
    let names: BTreeSet<&str> = found.iter().map(|snapshot| snapshot.origin.source.as_str()).collect();
    if names.len() > 1 {
        return Err(ResolveError::SeveralSources { names: names.into_iter().map(str::to_owned).collect() });
    }
    let hosts: BTreeSet<&str> = found.iter().map(|snapshot| snapshot.origin.host.as_str()).collect();
    if hosts.contains(this_host) {
        found.retain(|snapshot| snapshot.origin.host == this_host);
    } else if hosts.len() > 1 {
        let source_name = found[0].origin.source.clone();
        let choices = hosts.into_iter().map(|host| format!("{host}/{source_name}")).collect();
        return Err(ResolveError::SeveralHosts { source_name, choices });
    }
    Ok(found)
}

fn latest<'a>(
    list: &SnapshotList,
    candidates: &[&'a Snapshot],
    back: usize,
) -> Result<&'a Snapshot, ResolveError> {
    candidates
        .len()
        .checked_sub(1)
        .and_then(|newest| newest.checked_sub(back))
        .map(|index| candidates[index])
        .ok_or_else(|| {
            let source = candidates[0].origin.source.clone();
            not_found(list, Missing::TooFarBack { source, number: candidates.len(), back })
        })
}

fn newest_at<'a>(
    list: &SnapshotList,
    candidates: &[&'a Snapshot],
    moment: Moment,
    zone: &TimeZone,
) -> Result<&'a Snapshot, ResolveError> {
    let Some(end) = moment.end(zone) else {
        return Err(ResolveError::BeyondCalendar);
    };
    // The newest one is the one that was made last, whatever the clock said.
    let latest_starts = latest_starts(list, candidates);
    let found =
        candidates.iter().zip(latest_starts).rev().find(|(_, started)| started.as_nanoseconds() < end);
    found.map(|(snapshot, _)| *snapshot).ok_or_else(|| {
        let oldest = candidates[0];
        let time = text::local_time(oldest.origin.started, zone);
        not_found(list, Missing::TooOld { source: oldest.origin.source.clone(), oldest: time })
    })
}

/// Returns the times at which the snapshots were made, in their order. If the clock was wrong, this is the
/// latest possible time, that of the next snapshot: a user who names a time wants nothing newer.
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
