//! What speaks against removing anything.

use std::collections::BTreeMap;

use icecore_format::{history::Loss, ids::RunId, layout::log_key};
use icecore_repo::{log::LogBook, snapshots::SnapshotList};

use crate::packs::PackTable;

/// A reason not to remove anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// The listing of snapshots lacks the object that was written just before.
    #[error("the store does not list the run of this command: its listing is not complete")]
    OwnRunNotListed,
    /// One of two listings lacks a snapshot that the other one has.
    #[error("the store lists the run {run} only once in two listings")]
    ListedOnce {
        /// Run of the snapshot.
        run: RunId,
    },
    /// An object that decides what is needed cannot be read.
    #[error("{key} cannot be read: {reason}")]
    Unreadable {
        /// Key of the object.
        key: String,
        /// Why.
        reason: String,
    },
    /// A snapshot needs something that is missing or cannot be read.
    #[error("snapshot {run} cannot be read completely: {reason}")]
    Incomplete {
        /// Run of the snapshot.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The log says that something disappeared.
    #[error("the log names snapshots or records that are missing")]
    Lost(Loss),
    /// There are packs of a run of which nothing is known.
    #[error("there are {packs} packs of the run {run}, whose snapshot object is missing")]
    UnknownRun {
        /// The run.
        run: RunId,
        /// Number of its packs.
        packs: usize,
    },
}

impl Doubt {
    /// Says whether the content of some packs is unknown.
    pub(crate) fn hides_packs(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }
}

/// Returns the snapshot objects that do not open. Whether one of them is complete is not known.
pub(super) fn of_snapshots(snapshots: &SnapshotList) -> impl Iterator<Item = Doubt> {
    snapshots.damaged.iter().map(|(key, error)| unreadable(key.clone(), error))
}

/// Returns the records of the log that do not open.
pub(super) fn of_log(log: &LogBook) -> impl Iterator<Item = Doubt> {
    log.damaged().map(|(reference, error)| unreadable(log_key(reference.name), error))
}

/// Makes a doubt of an object that cannot be read.
pub(super) fn unreadable(key: String, error: &dyn std::error::Error) -> Doubt {
    Doubt::Unreadable { key, reason: error.to_string() }
}

/// Returns the runs that packs are named after and of which nothing is known.
pub(super) fn of_packs(packs: &PackTable, is_known: impl Fn(RunId) -> bool) -> impl Iterator<Item = Doubt> {
    let mut counts: BTreeMap<RunId, usize> = BTreeMap::new();
    for (_, pack) in packs.iter() {
        *counts.entry(pack.name.run).or_default() += 1;
    }
    let unknown = counts.into_iter().filter(move |(run, _)| !is_known(*run));
    unknown.map(|(run, packs)| Doubt::UnknownRun { run, packs })
}
