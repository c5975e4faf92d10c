//! The log (section 19): what it proves about snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    names::Run,
    snapshots::{Snapshot, State},
    values::{Fault, Value},
};

/// Writer, sequence and hash of a record.
type Reference = (Run, u32, [u8; 32]);

pub(super) struct LogRecord {
    references: Vec<Reference>,
    completed: BTreeMap<Run, [u8; 32]>,
    pub(super) deleted: Vec<Run>,
    accepted_records: Vec<Reference>,
    accepted_runs: Vec<Run>,
}

/// All log records, by writer, sequence and hash of the object.
pub(super) type Log = BTreeMap<Reference, LogRecord>;

/// Snapshots by run.
pub(super) type Snapshots = BTreeMap<Run, Snapshot>;

impl LogRecord {
    /// Reads the record in the object of this writer and sequence.
    pub(super) fn read(record: &Value, writer: Run, sequence: u32) -> Result<Self, Fault> {
        if record.field(0)?.fixed()? != writer.0 || record.field(1)?.unsigned::<u32>()? != sequence {
            return Err("the log record is another one than its key says".into());
        }
        let run = |value: &Value| value.fixed().map(Run);
        let completed = record.list(6, |item| Ok((run(item.field(0)?)?, item.field(1)?.fixed()?)))?;
        Ok(Self {
            references: record.list(5, reference)?,
            completed: completed.into_iter().collect(),
            deleted: record.list(7, |item| run(item.field(0)?))?,
            accepted_records: record.list(8, reference)?,
            accepted_runs: record.list(9, run)?,
        })
    }
}

fn reference(value: &Value) -> Result<Reference, Fault> {
    match value.array()? {
        [writer, sequence, hash] => Ok((Run(writer.fixed()?), sequence.unsigned()?, hash.fixed()?)),
        _ => Err("a reference has three parts".into()),
    }
}

/// Returns what the log says about the repository and what is not so.
pub(super) fn judge(log: &Log, snapshots: &Snapshots) -> Vec<Fault> {
    let mut faults = lost_records(log);
    faults.extend(lost_snapshots(log, snapshots));
    faults.extend(forgotten_names(log, snapshots));
    faults
}

/// Finds records that others refer to and that do not exist.
fn lost_records(log: &Log) -> Vec<Fault> {
    let accepted: BTreeSet<_> = log.values().flat_map(|record| &record.accepted_records).collect();
    let referred: BTreeSet<_> = log.values().flat_map(|record| &record.references).collect();
    let lost = referred.difference(&accepted).filter(|reference| !log.contains_key(reference));
    lost.map(|(writer, sequence, _)| format!("the log record {writer}/{sequence:06} is lost")).collect()
}

/// Finds snapshots that are not in the state that the log says.
fn lost_snapshots(log: &Log, snapshots: &Snapshots) -> Vec<Fault> {
    let deleted: BTreeSet<_> = log.values().flat_map(|record| &record.deleted).collect();
    let named: BTreeSet<_> = log.values().flat_map(|record| record.completed.keys()).collect();
    let mut faults = Vec::new();
    for run in &deleted {
        let state = snapshots.get(run).map(|snapshot| snapshot.state);
        if state.is_some_and(|state| state != State::Deleted) {
            faults.push(format!("the log names the snapshot {run} as deleted, and it is {state:?}"));
        }
    }
    for run in named.difference(&deleted) {
        let Some(digests) = digests_that_count(log, run) else { continue };
        match snapshots.get(run).map(|snapshot| (snapshot.state, snapshot.digest(**run))) {
            None => faults.push(format!("the log names the snapshot {run}, and it is missing")),
            Some((State::Deleted, _)) => {}
            Some((State::Complete, Some(digest))) if digests.contains(&digest) => {}
            Some((State::Complete, _)) => {
                faults.push(format!("the log names the snapshot {run} with another content"));
            }
            Some((state, _)) => {
                faults.push(format!("the log names the snapshot {run} as completed, and it is {state:?}"));
            }
        }
    }
    faults
}

/// Returns the digests that a snapshot may have; `None` if a record accepts its loss.
///
/// A record that accepts a loss and names the snapshot again replaces what others say about it.
fn digests_that_count(log: &Log, run: &Run) -> Option<BTreeSet<[u8; 32]>> {
    let accepting = || log.values().filter(|record| record.accepted_runs.contains(run));
    if accepting().any(|record| !record.completed.contains_key(run)) {
        return None;
    }
    let replacing: BTreeSet<_> = accepting().map(|record| record.completed[run]).collect();
    if !replacing.is_empty() {
        return Some(replacing);
    }
    // All names must fit: with two different digests, one of them is wrong, and so is any snapshot.
    let all: BTreeSet<_> = log.values().filter_map(|record| record.completed.get(run).copied()).collect();
    Some(if all.len() == 1 { all } else { BTreeSet::new() })
}

/// Finds complete snapshots that no record names although a later one of the same source has a name: the
/// record that named them is lost.
fn forgotten_names(log: &Log, snapshots: &Snapshots) -> Vec<Fault> {
    let runs = |record: &LogRecord| [record.accepted_runs.clone(), record.deleted.clone()].concat();
    let mut known: BTreeSet<Run> = log.values().flat_map(runs).collect();
    let named: BTreeSet<Run> = log.values().flat_map(|record| record.completed.keys().copied()).collect();
    known.extend(&named);
    let is_lost = |(run, snapshot): &(&Run, &Snapshot)| {
        let is_later = |later: &Run| {
            snapshots.get(later).is_some_and(|later| {
                // The times of copies are those of the original.
                !later.is_copy
                    && later.is_of_same_source(snapshot)
                    && later.number > snapshot.number
                    && snapshot.completion.as_ref().is_some_and(|completion| later.start > completion.end)
            })
        };
        snapshot.state == State::Complete
            && !snapshot.is_copy
            && !known.contains(run)
            && named.iter().any(is_later)
    };
    let lost = snapshots.iter().filter(is_lost);
    lost.map(|(run, _)| format!("no log record names the snapshot {run}, but one names a later one"))
        .collect()
}
