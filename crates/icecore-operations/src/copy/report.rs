//! The result of a copy.

use icecore_access::Usage;
use icecore_copy::CopyReport as SnapshotReport;
use icecore_format::{ids::RepositoryId, snapshot::Snapshot};
use icecore_repo::repository::Repository;

use crate::{
    archived::ArchivedDocument, error::OperationError, init::CreatedDocument, look::Ending,
    losses::LossDocument,
};

/// The result of a copy.
#[derive(Debug)]
pub struct CopyReport {
    /// Whether it was a dry run.
    pub is_dry_run: bool,
    /// The source repository.
    pub source: RepositoryUse,
    /// The destination; none if it does not exist yet.
    pub destination: Option<RepositoryUse>,
    /// Information for the user if it was created.
    pub created: Option<CreatedDocument>,
    /// How the copy ends because of losses of the source.
    pub source_ending: Ending,
    /// Losses of the source.
    pub source_losses: Vec<LossDocument>,
    /// Losses of the destination.
    pub destination_losses: Vec<LossDocument>,
    /// Snapshots disappeared from the destination, or it was rolled back.
    pub is_destination_alarmed: bool,
    /// Snapshots that should be copied but cannot even be read.
    pub snapshots_unreadable: usize,
    /// Packs that must be thawed.
    pub archived_packs: Vec<ArchivedDocument>,
    /// Results for the readable snapshots, oldest first.
    pub snapshots: Vec<SnapshotCopy>,
}

/// One of the two repositories.
#[derive(Clone, Debug)]
pub struct RepositoryUse {
    /// Its id.
    pub repository: RepositoryId,
    /// Its location.
    pub location: String,
    /// Usage of its store.
    pub usage: Usage,
}

/// Result for one snapshot.
#[derive(Debug)]
pub struct SnapshotCopy {
    /// The snapshot in the source.
    pub snapshot: Snapshot,
    /// Its result.
    pub outcome: CopyOutcome,
}

/// Result for one snapshot.
#[derive(Debug)]
pub enum CopyOutcome {
    /// It was copied.
    Copied(Box<SnapshotReport>),
    /// The destination already has it.
    Present {
        /// The snapshot there.
        copy: Box<Snapshot>,
    },
    /// It is skipped, because the destination forgot its copy.
    Forgotten,
    /// It would be copied.
    Planned,
    /// It was not copied.
    Failed(Box<OperationError>),
}

impl RepositoryUse {
    /// Notes which repository is used.
    pub(super) fn new(repository: &Repository, usage: &Usage) -> Self {
        Self { repository: repository.id(), location: repository.store().location(), usage: usage.clone() }
    }
}

impl CopyReport {
    /// Begins the report of a copy.
    pub(super) fn new(is_dry_run: bool, source: RepositoryUse) -> Self {
        Self {
            is_dry_run,
            source,
            destination: None,
            created: None,
            source_ending: Ending::Well,
            source_losses: Vec::new(),
            destination_losses: Vec::new(),
            is_destination_alarmed: false,
            snapshots_unreadable: 0,
            archived_packs: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    /// Returns the errors of the snapshots that were not copied.
    pub fn errors(&self) -> impl Iterator<Item = &OperationError> {
        self.snapshots.iter().filter_map(|copy| match &copy.outcome {
            CopyOutcome::Failed(error) => Some(error.as_ref()),
            _ => None,
        })
    }

    /// Returns whether nothing disappeared from the destination, and all snapshots of the source can be read.
    pub fn is_whole(&self) -> bool {
        self.destination_losses.is_empty() && self.snapshots_unreadable == 0
    }
}
