//! The result of a backup as JSON: a section of `docs/json.md`.

use icecore_backup::{
    events::SourceProblem,
    report::{BackupCounts, BackupReport as EngineReport},
};
use serde::Serialize;

use super::{BackupReport, SourceReport, SourceSuccess, notice_text, pattern_texts, problem_text};
use crate::{
    documents::{ErrorDocument, PathText, SnapshotDocument, dedup_name, level_name},
    error::OperationError,
    init::CreatedDocument,
    losses::LossDocument,
};

/// The JSON document of a run of backups.
#[derive(Clone, Debug, Serialize)]
pub struct BackupDocument {
    repository: Option<String>,
    location: Option<String>,
    created: Option<CreatedDocument>,
    dry_run: bool,
    losses: Vec<LossDocument>,
    sources: Vec<SourceDocument>,
}

/// Result for one source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceDocument {
    #[serde(flatten)]
    path: PathText,
    source: String,
    #[serde(flatten)]
    done: Option<DoneDocument>,
    error: Option<ErrorDocument>,
}

#[derive(Clone, Debug, Serialize)]
struct DoneDocument {
    snapshot: Option<SnapshotDocument>,
    level: &'static str,
    dedup: &'static str,
    base: Option<String>,
    entries: u64,
    files: u64,
    bytes: u64,
    files_new: u64,
    files_changed: u64,
    files_unchanged: u64,
    files_read: u64,
    entries_removed: u64,
    excluded: u64,
    vanished: u64,
    bytes_read: u64,
    bytes_new: u64,
    bytes_deduplicated: u64,
    bytes_compressed: u64,
    bytes_stored: u64,
    chunks_read: u64,
    chunks_new: u64,
    seconds_read: f64,
    seconds: f64,
    problem_count: u64,
    problems: Vec<ProblemDocument>,
    notices: Vec<String>,
}

/// An object that is missing or incomplete in the snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemDocument {
    kind: &'static str,
    #[serde(flatten)]
    path: PathText,
    message: String,
}

impl From<&SourceProblem> for ProblemDocument {
    fn from(problem: &SourceProblem) -> Self {
        let kind = match problem {
            SourceProblem::Unreadable(_) => "unreadable",
            SourceProblem::Changing { .. } => "changing",
            SourceProblem::Gone { .. } => "gone",
            SourceProblem::Refused { .. } => "refused",
        };
        Self { kind, path: PathText::new(problem.path()), message: problem_text(problem) }
    }
}

impl BackupDocument {
    /// Makes the document of a run; `describe` puts an error into the words of the surface.
    pub fn new(report: &BackupReport, describe: &dyn Fn(&OperationError) -> ErrorDocument) -> Self {
        let (repository, location) = report.repository.clone().unzip();
        Self {
            repository: repository.map(|id| id.to_string()),
            location,
            created: report.created.clone(),
            dry_run: report.dry_run,
            losses: report.losses.clone(),
            sources: report.sources.iter().map(|source| SourceDocument::new(source, describe)).collect(),
        }
    }
}

impl SourceDocument {
    /// Makes the document of a source; `describe` puts an error into the words of the surface.
    pub fn new(report: &SourceReport, describe: &dyn Fn(&OperationError) -> ErrorDocument) -> Self {
        let SourceReport { shown, name, result } = report;
        Self {
            path: PathText::new(shown),
            source: name.clone(),
            done: result.as_ref().ok().map(DoneDocument::new),
            error: result.as_ref().err().map(describe),
        }
    }
}

impl DoneDocument {
    fn new(done: &SourceSuccess) -> Self {
        let report: &EngineReport = &done.report;
        let counts: BackupCounts = report.counts;
        // Notices about patterns come before the backup.
        let patterns = done.ineffective.as_ref().map(pattern_texts).unwrap_or_default();
        Self {
            snapshot: report.snapshot.as_ref().and_then(SnapshotDocument::new),
            level: level_name(report.level),
            dedup: dedup_name(report.dedup),
            base: report.base.map(|base| base.snapshot_id()),
            entries: report.totals.entries,
            files: report.totals.files,
            bytes: report.totals.bytes,
            files_new: counts.files_new,
            files_changed: counts.files_changed,
            files_unchanged: counts.files_unchanged,
            files_read: counts.files_read,
            entries_removed: counts.entries_removed,
            excluded: counts.excluded,
            vanished: counts.vanished,
            bytes_read: counts.bytes_read,
            bytes_new: counts.bytes_new,
            bytes_deduplicated: done.bytes_deduplicated(),
            bytes_compressed: counts.bytes_compressed,
            bytes_stored: counts.bytes_stored,
            chunks_read: counts.chunks_read,
            chunks_new: counts.chunks_new,
            seconds_read: report.duration_read.as_secs_f64(),
            seconds: report.duration.as_secs_f64(),
            problem_count: report.problems.total(),
            problems: report.problems.kept().iter().map(ProblemDocument::from).collect(),
            notices: patterns.into_iter().chain(report.notices.iter().map(notice_text)).collect(),
        }
    }
}
