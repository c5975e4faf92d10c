//! A restore as JSON: a section of `docs/json.md`.

use icecore_restore::{
    KeptObjects, RestoreAction, RestoreCounts, RestoreNotice, RestoreProblem, RestoreReport, RestoreRequest,
};
use serde::Serialize;

use crate::{archived::ArchivedDocument, documents::PathText, text};

/// The JSON document of a restore.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the document")]
pub struct RestoreDocument {
    snapshot: String,
    source: String,
    #[serde(flatten)]
    path: PathText,
    target: String,
    since: Option<String>,
    dry_run: bool,
    trust_times: bool,
    verified: bool,
    #[serde(flatten)]
    counts: CountsDocument,
    problem_count: u64,
    damaged: u64,
    forgotten: bool,
    archived: u64,
    archived_packs: Vec<ArchivedDocument>,
    problems: Vec<ProblemDocument>,
    warnings: Vec<WarningDocument>,
    kept: Vec<KeptDocument>,
    notices: Vec<String>,
    seconds_restore: f64,
    seconds_sync: f64,
}

#[derive(Debug, Default, Serialize)]
struct CountsDocument {
    entries: u64,
    files: u64,
    bytes: u64,
    files_written: u64,
    directories_created: u64,
    symlinks_created: u64,
    specials_created: u64,
    links_created: u64,
    already_right: u64,
    files_not_compared: u64,
    metadata_fixed: u64,
    replaced: u64,
    deleted: u64,
    deleted_entries: u64,
    not_included: u64,
    skipped: u64,
    bytes_written: u64,
    bytes_reused: u64,
    bytes_fetched: u64,
    bytes_compared: u64,
}

/// An action on an object of the target, or a planned one.
#[derive(Debug, Serialize)]
pub struct ActionDocument {
    action: &'static str,
    #[serde(flatten)]
    path: PathText,
}

/// A problem, as a line of its own.
#[derive(Debug, Serialize)]
pub struct ProblemLine {
    problem: ProblemDocument,
}

#[derive(Debug, Serialize)]
struct ProblemDocument {
    #[serde(flatten)]
    path: PathText,
    message: String,
    damage: bool,
    archived: bool,
}

#[derive(Debug, Serialize)]
struct WarningDocument {
    aspect: String,
    reason: String,
    note: bool,
    count: u64,
    examples: Vec<ExampleDocument>,
}

#[derive(Debug, Serialize)]
struct ExampleDocument {
    #[serde(flatten)]
    path: PathText,
    reason: String,
}

#[derive(Debug, Serialize)]
struct KeptDocument {
    reason: &'static str,
    count: u64,
    examples: Vec<PathText>,
}

impl From<&KeptObjects> for KeptDocument {
    fn from(kept: &KeptObjects) -> Self {
        Self {
            reason: kept.reason.name(),
            count: kept.count,
            examples: kept.examples.iter().map(|path| PathText::new(path)).collect(),
        }
    }
}

impl From<&RestoreCounts> for CountsDocument {
    fn from(counts: &RestoreCounts) -> Self {
        Self {
            entries: counts.entries,
            files: counts.files,
            bytes: counts.bytes,
            files_written: counts.files_written,
            directories_created: counts.directories_created,
            symlinks_created: counts.symlinks_created,
            specials_created: counts.specials_created,
            links_created: counts.links_created,
            already_right: counts.already_right,
            files_not_compared: counts.files_not_compared,
            metadata_fixed: counts.metadata_fixed,
            replaced: counts.replaced,
            deleted: counts.deleted,
            deleted_entries: counts.deleted_entries,
            not_included: counts.not_included,
            skipped: counts.skipped,
            bytes_written: counts.bytes_written,
            bytes_reused: counts.bytes_reused,
            bytes_fetched: counts.bytes_fetched,
            bytes_compared: counts.bytes_compared,
        }
    }
}

impl ActionDocument {
    /// Makes the document of an action.
    pub fn new(action: RestoreAction, path: &[u8]) -> Self {
        Self { action: action.name(), path: PathText::new(path) }
    }
}

impl ProblemLine {
    /// Makes the line of a problem.
    pub fn new(problem: &RestoreProblem) -> Self {
        Self { problem: ProblemDocument::new(problem) }
    }
}

impl ProblemDocument {
    fn new(problem: &RestoreProblem) -> Self {
        Self {
            path: PathText::new(&problem.path),
            message: text::reason(&problem.reason),
            damage: problem.reason.is_damage(),
            archived: problem.reason.is_archived(),
        }
    }
}

impl RestoreDocument {
    /// Makes the document of a finished restore; `describe` puts notices into words.
    pub(super) fn new(
        request: &RestoreRequest,
        report: &RestoreReport,
        forgotten: bool,
        archived_packs: Vec<ArchivedDocument>,
        describe: impl Fn(&RestoreNotice) -> String,
    ) -> Self {
        let problems = report.problems.iter().map(ProblemDocument::new);
        let warnings = report.warnings.iter().map(|warning| WarningDocument {
            aspect: warning.aspect.clone(),
            reason: text::plain(&warning.reason).to_owned(),
            note: warning.is_note,
            count: warning.count,
            examples: warning
                .examples
                .iter()
                .map(|(path, reason)| ExampleDocument {
                    path: PathText::new(path),
                    reason: text::plain(reason).to_owned(),
                })
                .collect(),
        });
        Self {
            counts: (&report.counts).into(),
            problem_count: report.problem_count,
            damaged: report.damaged,
            forgotten,
            archived: report.archived,
            archived_packs,
            problems: problems.collect(),
            warnings: warnings.collect(),
            kept: report.kept.iter().map(KeptDocument::from).collect(),
            notices: report.notices.iter().map(describe).collect(),
            seconds_restore: report.duration_restore.as_secs_f64(),
            seconds_sync: report.duration_sync.as_secs_f64(),
            ..Self::failed(request)
        }
    }

    /// Makes the document of a restore that ended early: only the request.
    pub fn failed(request: &RestoreRequest) -> Self {
        Self {
            snapshot: request.snapshot.origin.run.snapshot_id(),
            source: request.snapshot.origin.source.clone(),
            path: PathText::new(&request.path),
            target: request.target.display().to_string(),
            since: request.since.as_ref().map(|since| since.origin.run.snapshot_id()),
            dry_run: request.dry_run,
            trust_times: request.trust_times,
            verified: request.verify && !request.dry_run,
            counts: CountsDocument::default(),
            problem_count: 0,
            damaged: 0,
            forgotten: false,
            archived: 0,
            archived_packs: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            kept: Vec::new(),
            notices: Vec::new(),
            seconds_restore: 0.0,
            seconds_sync: 0.0,
        }
    }
}

#[cfg(test)]
mod tests;
