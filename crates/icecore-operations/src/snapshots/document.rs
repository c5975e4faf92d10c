//! The list of snapshots as JSON: a section of `docs/json.md`.

use icecore_format::snapshot::Snapshot;
use icecore_repo::snapshots::ClockError;
use serde::Serialize;

use crate::documents::SnapshotDocument;

/// A snapshot in the list.
#[derive(Clone, Debug, Serialize)]
pub struct ListedDocument {
    #[serde(flatten)]
    snapshot: SnapshotDocument,
    clock: Option<&'static str>,
}

impl ListedDocument {
    /// Makes the document of a snapshot; none unless it is complete.
    pub fn new(snapshot: &Snapshot, clock: Option<ClockError>) -> Option<Self> {
        Some(Self { snapshot: SnapshotDocument::new(snapshot)?, clock: clock.map(clock_name) })
    }
}

/// Returns the word for an error of a clock.
pub fn clock_name(error: ClockError) -> &'static str {
    match error {
        ClockError::Ahead => "ahead",
        ClockError::Behind => "behind",
    }
}
