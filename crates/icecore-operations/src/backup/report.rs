//! The result of a run of backups.

use icecore_access::Usage;
use icecore_backup::report::BackupReport as EngineReport;
use icecore_format::ids::RepositoryId;

use super::IneffectivePatterns;
use crate::{
    error::{OperationError, OperationResult},
    init::CreatedDocument,
    losses::LossDocument,
};

/// The result of a run of backups.
#[derive(Debug)]
pub struct BackupReport {
    /// Id and location of the repository; none if it was not opened.
    pub repository: Option<(RepositoryId, String)>,
    /// The repository, if it was created.
    pub created: Option<CreatedDocument>,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// Losses of the repository.
    pub losses: Vec<LossDocument>,
    /// The sources, in the order of the request; those after an interruption are missing.
    pub sources: Vec<SourceReport>,
    /// Usage of the store; none if it was not opened.
    pub usage: Option<Usage>,
}

impl BackupReport {
    /// Begins the report of a run.
    pub(super) fn new(dry_run: bool) -> Self {
        let (repository, created, usage) = (None, None, None);
        Self { repository, created, dry_run, losses: Vec::new(), sources: Vec::new(), usage }
    }
}

/// The result for one source.
#[derive(Debug)]
pub struct SourceReport {
    /// The source as the user typed it.
    pub shown: Vec<u8>,
    /// Its name.
    pub name: String,
    /// The report of its backup, or why there is no snapshot.
    pub result: OperationResult<SourceSuccess>,
}

impl SourceReport {
    /// Makes the report of a source without a snapshot.
    pub fn failed(shown: Vec<u8>, name: String, error: OperationError) -> Self {
        Self { shown, name, result: Err(error) }
    }
}

/// Result of a successful backup of a source.
#[derive(Debug)]
pub struct SourceSuccess {
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// Report of the engine.
    pub report: EngineReport,
    /// Patterns without effect.
    pub ineffective: Option<IneffectivePatterns>,
}

impl SourceSuccess {
    /// Returns the number of bytes that were read but already stored.
    pub fn bytes_deduplicated(&self) -> u64 {
        let counts = self.report.counts;
        if self.dry_run { 0 } else { counts.bytes_read.saturating_sub(counts.bytes_new) }
    }
}
