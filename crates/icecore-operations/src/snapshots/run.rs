//! Reads and chooses snapshots.

use std::collections::HashMap;

use icecore_access::{AccessMode, RepositoryAccess, Usage};
use icecore_format::{ids::RunId, snapshot::Snapshot};
use icecore_repo::snapshots::{ClockError, SnapshotList};
use icecore_witness::WitnessSettings;

use super::{ListedDocument, SnapshotsRequest};
use crate::{
    error::OperationResult,
    look::{Ending, Look},
};

/// The listed snapshots.
#[derive(Debug)]
pub struct SnapshotsReport {
    list: SnapshotList,
    request: SnapshotsRequest,
    /// Times that contradict the order of the snapshots.
    pub doubtful: HashMap<RunId, ClockError>,
    /// Whether snapshots disappeared.
    pub ending: Ending,
    /// Usage of the store.
    pub usage: Usage,
}

/// Lists the snapshots.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: SnapshotsRequest,
) -> OperationResult<SnapshotsReport> {
    let mut open = access.open(AccessMode::Read)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let (doubtful, ending) = (look.list().doubtful_times(), look.ending());
    Ok(SnapshotsReport { list: look.into_list(), request, doubtful, ending, usage: open.usage })
}

impl SnapshotsReport {
    /// Returns the requested snapshots, those of each source in the order in which they were made.
    pub fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        let tags = &self.request.tags;
        let has_tags = |snapshot: &&Snapshot| {
            tags.iter().all(|(key, value)| snapshot.origin.tags.get(key) == Some(value))
        };
        self.list.complete(self.request.source.as_deref()).filter(has_tags)
    }

    /// Returns them for JSON.
    pub fn documents(&self) -> Vec<ListedDocument> {
        let clock = |snapshot: &Snapshot| self.doubtful.get(&snapshot.origin.run).copied();
        self.snapshots().filter_map(|snapshot| ListedDocument::new(snapshot, clock(snapshot))).collect()
    }
}
