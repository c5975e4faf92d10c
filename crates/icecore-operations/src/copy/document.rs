//! The result of a copy as JSON: a section of `docs/json.md`.

use icecore_copy::{CopyCounts, CopyReport as SnapshotReport};
use serde::Serialize;

use super::{CopyOutcome, CopyReport, RepositoryUse, SnapshotCopy};
use crate::{
    archived::ArchivedDocument,
    documents::{ErrorDocument, SnapshotDocument},
    error::OperationError,
    init::CreatedDocument,
    losses::LossDocument,
};

/// The result of a copy.
#[derive(Debug, Serialize)]
pub struct CopyDocument {
    dry_run: bool,
    from: RepositoryDocument,
    to: Option<RepositoryDocument>,
    created: Option<CreatedDocument>,
    from_losses: Vec<LossDocument>,
    losses: Vec<LossDocument>,
    snapshots_unreadable: usize,
    archived_packs: Vec<ArchivedDocument>,
    snapshots: Vec<ItemDocument>,
}

/// One of the two repositories.
#[derive(Debug, Serialize)]
struct RepositoryDocument {
    repository: String,
    location: String,
    calls: u64,
    bytes_read: u64,
    bytes_written: u64,
}

/// Result for one snapshot.
#[derive(Debug, Serialize)]
struct ItemDocument {
    state: State,
    snapshot: Option<SnapshotDocument>,
    copy: Option<SnapshotDocument>,
    #[serde(flatten)]
    done: Option<DoneDocument>,
    error: Option<ErrorDocument>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Copied,
    Present,
    Forgotten,
    Planned,
    Failed,
}

#[derive(Debug, Serialize)]
struct DoneDocument {
    chunks_read: u64,
    bytes_read: u64,
    bytes_fetched: u64,
    chunks_new: u64,
    bytes_new: u64,
    bytes_compressed: u64,
    bytes_stored: u64,
    seconds: f64,
}

impl CopyDocument {
    /// Makes the document of a report; `describe` puts an error into words.
    pub fn new(report: &CopyReport, describe: &dyn Fn(&OperationError) -> ErrorDocument) -> Self {
        Self {
            dry_run: report.is_dry_run,
            from: RepositoryDocument::from(&report.source),
            to: report.destination.as_ref().map(RepositoryDocument::from),
            created: report.created.clone(),
            from_losses: report.source_losses.clone(),
            losses: report.destination_losses.clone(),
            snapshots_unreadable: report.snapshots_unreadable,
            archived_packs: report.archived_packs.clone(),
            snapshots: report.snapshots.iter().map(|copy| ItemDocument::new(copy, describe)).collect(),
        }
    }
}

impl From<&RepositoryUse> for RepositoryDocument {
    fn from(side: &RepositoryUse) -> Self {
        let total = side.usage.so_far().total();
        Self {
            repository: side.repository.to_string(),
            location: side.location.clone(),
            calls: total.calls,
            bytes_read: total.bytes_read,
            bytes_written: total.bytes_written,
        }
    }
}

impl ItemDocument {
    fn new(copy: &SnapshotCopy, describe: &dyn Fn(&OperationError) -> ErrorDocument) -> Self {
        let item = |state| Self {
            state,
            snapshot: SnapshotDocument::new(&copy.snapshot),
            copy: None,
            done: None,
            error: None,
        };
        match &copy.outcome {
            CopyOutcome::Copied(report) => Self {
                copy: SnapshotDocument::new(&report.snapshot),
                done: Some(DoneDocument::from(report.as_ref())),
                ..item(State::Copied)
            },
            CopyOutcome::Present { copy } => {
                Self { copy: SnapshotDocument::new(copy), ..item(State::Present) }
            }
            CopyOutcome::Forgotten => item(State::Forgotten),
            CopyOutcome::Planned => item(State::Planned),
            CopyOutcome::Failed(error) => Self { error: Some(describe(error)), ..item(State::Failed) },
        }
    }
}

impl From<&SnapshotReport> for DoneDocument {
    fn from(report: &SnapshotReport) -> Self {
        let CopyCounts {
            chunks_read,
            bytes_read,
            bytes_fetched,
            chunks_new,
            bytes_new,
            bytes_compressed,
            bytes_stored,
        } = report.counts;
        Self {
            chunks_read,
            bytes_read,
            bytes_fetched,
            chunks_new,
            bytes_new,
            bytes_compressed,
            bytes_stored,
            seconds: report.duration.as_secs_f64(),
        }
    }
}
