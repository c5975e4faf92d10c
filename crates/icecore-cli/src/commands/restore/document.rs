//! The JSON documents of a restore.

use icecore_operations::{
    archived::{self, ArchivedDocument, Bucket},
    documents::PathText,
    text,
};
use icecore_restore::{
    KeptObjects, RestoreCounts, RestoreNotice, RestoreProblem, RestoreReport, RestoreRequest,
};
use serde::Serialize;

use crate::failure::{plain, reason};

/// The JSON document of a restore.
#[derive(Debug, Serialize)]
pub(crate) struct RestoreDocument {
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
    archived: u64,
    pub(crate) archived_packs: Vec<ArchivedDocument>,
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

/// A problem.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemDocument {
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

impl ProblemDocument {
    /// Makes the document of a problem.
    pub(crate) fn new(problem: &RestoreProblem) -> Self {
        Self {
            path: PathText::new(&problem.path),
            message: reason(&problem.reason),
            damage: problem.reason.is_damage(),
            archived: problem.reason.is_archived(),
        }
    }
}

impl RestoreDocument {
    /// Makes the document of a restore that was carried out.
    pub(crate) fn new(request: &RestoreRequest, report: &RestoreReport, bucket: Option<&Bucket<'_>>) -> Self {
        let problems = report.problems.iter().map(ProblemDocument::new);
        let warnings = report.warnings.iter().map(|warning| WarningDocument {
            aspect: warning.aspect.clone(),
            reason: plain(&warning.reason).to_owned(),
            note: warning.is_note,
            count: warning.count,
            examples: warning
                .examples
                .iter()
                .map(|(path, reason)| ExampleDocument {
                    path: PathText::new(path),
                    reason: plain(reason).to_owned(),
                })
                .collect(),
        });
        Self {
            counts: (&report.counts).into(),
            problem_count: report.problem_count,
            damaged: report.damaged,
            archived: report.archived,
            archived_packs: archived::documents(bucket, &report.archived_packs),
            problems: problems.collect(),
            warnings: warnings.collect(),
            kept: report.kept.iter().map(KeptDocument::from).collect(),
            notices: report.notices.iter().map(notice_text).collect(),
            seconds_restore: report.duration_restore.as_secs_f64(),
            seconds_sync: report.duration_sync.as_secs_f64(),
            ..Self::failed(request)
        }
    }

    /// Makes the document of a restore that ended early: what was asked for.
    pub(crate) fn failed(request: &RestoreRequest) -> Self {
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

/// Returns a notice in words.
pub(crate) fn notice_text(notice: &RestoreNotice) -> String {
    match notice {
        RestoreNotice::PartialSnapshot { errors } => format!(
            "the snapshot is partial: {} could not be read when it was made",
            text::counted(*errors, "object")
        ),
        RestoreNotice::LittleSpace { needed_bytes, free_bytes } => format!(
            "there may be too little space: {} are to be restored, {} are free",
            text::size(*needed_bytes),
            text::size(*free_bytes)
        ),
        RestoreNotice::ManyDeletions { deletions, entries } => format!(
            "the restore would delete {} of the {} objects in the target: it needs --yes",
            text::count(*deletions),
            text::count(*entries)
        ),
        RestoreNotice::DeletionSuspended => {
            "nothing more is deleted, because a part of the snapshot's list of files cannot be read"
                .to_owned()
        }
    }
}
