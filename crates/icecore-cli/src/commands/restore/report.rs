//! What a restore did, as text and JSON.

use std::{
    ffi::OsStr,
    fmt::Write,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use icecore_fs::stat_root;
use icecore_restore::{
    KeptObjects, KeptReason, ProblemReason, RestoreCounts, RestoreNotice, RestoreProblem, RestoreReport,
    RestoreRequest, RestoreWarning,
};
use serde::Serialize;

use super::events::Actions;
use crate::{
    context::Context,
    failure::{Outcome, plain, reason},
    surface::{
        archived::show_archived,
        console::{Console, ResultWriter},
    },
};
use icecore_operations::{
    archived::{self, ArchivedDocument, Bucket},
    documents::PathText,
    text,
};

/// Paths that are shown of each kind of warning.
const PATHS_SHOWN_MAX: usize = 3;
/// Problems that are shown.
const PROBLEMS_SHOWN_MAX: usize = 20;

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
    fn new(request: &RestoreRequest, report: &RestoreReport, bucket: Option<&Bucket<'_>>) -> Self {
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

/// Shows what was done, behind the actions of a dry run.
pub(crate) fn show(
    context: &Context,
    request: &RestoreRequest,
    report: &RestoreReport,
    bucket: Option<&Bucket<'_>>,
    actions: Actions,
) -> Outcome<()> {
    let document = RestoreDocument::new(request, report, bucket);
    let is_begun = actions.is_begun();
    actions.close(&document)?;
    let console = &context.console;
    if console.json {
        return if is_begun { Ok(()) } else { ResultWriter::document(&document) };
    }
    console.summary(&summary(request, report))?;
    show_kept(console, report);
    show_warnings(console, report);
    show_problems(console, request, report);
    let objects = text::counted(report.archived, "object");
    let objects = if report.archived == 1 { format!("{objects} is") } else { format!("{objects} are") };
    show_archived(console, &objects, &document.archived_packs);
    Ok(())
}

fn summary(request: &RestoreRequest, report: &RestoreReport) -> String {
    let counts = &report.counts;
    let origin = &request.snapshot.origin;
    let (id, target) = (origin.run.snapshot_id(), request.target.display().to_string());
    let target = text::printable(target.as_bytes()).into_owned();
    let mut lines = if request.dry_run {
        format!("snapshot {id} of {}: nothing was changed in {target}; it would be\n", origin.source)
    } else {
        format!("snapshot {id} of {} restored to {target}\n", origin.source)
    };
    let count = text::count;
    // Writing to a string does not fail.
    let _ = writeln!(
        lines,
        "  files    {} written with {}, {} already right, {} with new metadata",
        count(counts.files_written),
        text::size(counts.bytes_written),
        count(counts.already_right),
        count(counts.metadata_fixed)
    );
    let created = [
        (counts.directories_created, "directory"),
        (counts.symlinks_created, "symbolic link"),
        (counts.links_created, "hard link"),
        (counts.specials_created, "special file"),
    ];
    let created = created.iter().filter(|(number, _)| *number > 0);
    let created: Vec<String> = created.map(|(number, noun)| text::counted(*number, noun)).collect();
    if !created.is_empty() {
        let _ = writeln!(lines, "  created  {}", created.join(", "));
    }
    let others = [
        (counts.replaced, "replaced"),
        (counts.deleted, "removed"),
        (counts.not_included, "not included"),
        (counts.skipped, "not tried"),
    ];
    let others = others.iter().filter(|(number, _)| *number > 0);
    let others: Vec<String> = others.map(|(number, what)| format!("{} {what}", count(*number))).collect();
    if !others.is_empty() {
        let _ = writeln!(lines, "  others   {}", others.join(", "));
    }
    if let Some(compared) = compared(request, counts) {
        let _ = writeln!(lines, "  compared {compared}");
    }
    if !request.dry_run {
        let _ = writeln!(
            lines,
            "  fetched  {}, {} taken from files that were there",
            text::size(counts.bytes_fetched),
            text::size(counts.bytes_reused)
        );
        let _ = writeln!(
            lines,
            "  time     {}, then {} until everything was on disk",
            text::duration(report.duration_restore),
            text::duration(report.duration_sync)
        );
    }
    lines
}

/// Says how existing files were compared, if there were any.
fn compared(request: &RestoreRequest, counts: &RestoreCounts) -> Option<String> {
    let mut parts = Vec::new();
    if counts.bytes_compared > 0 {
        parts.push(format!("{} read again", text::size(counts.bytes_compared)));
    }
    if counts.files_not_compared > 0 {
        let files = text::counted(counts.files_not_compared, "file");
        parts.push(if request.trust_times {
            format!("{files} by size and time only (--trust-times)")
        } else {
            format!("{files} unchanged since the backup, by inode and time of change")
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
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

fn show_kept(console: &Console, report: &RestoreReport) {
    for kept in &report.kept {
        let objects = text::counted(kept.count, "object");
        let why = kept_text(kept.reason);
        let example = kept
            .examples
            .first()
            .map_or_else(String::new, |path| format!("for example {}: ", text::quoted(path)));
        console.notice(&format!("{objects} left in the target, {example}{why}"));
    }
}

fn kept_text(reason: KeptReason) -> &'static str {
    match reason {
        KeptReason::Unreadable => {
            "the backup could not read the directory, so the snapshot does not know what was in it"
        }
        KeptReason::NotEntered => "the backup did not enter the directory, which was another file system",
        KeptReason::Cache => {
            "the backup left out the content of a directory with CACHEDIR.TAG; --delete-excluded removes it"
        }
        KeptReason::Excluded => "an exclude pattern kept it out of the backup; --delete-excluded removes it",
        KeptReason::LeftOut => {
            "the backup left it out as the repository or the cache; --delete-excluded removes it"
        }
        KeptReason::Unknown => "the snapshot does not say everything that the backup left out",
        KeptReason::NotIncluded => "the --include patterns take it out",
        KeptReason::MountPoint => "it is a mount point, or lies on another file system than the target",
        KeptReason::Own => "it is the repository, or a key file, the cache or the state of Icecore",
    }
}

fn show_warnings(console: &Console, report: &RestoreReport) {
    for warning in &report.warnings {
        console.warning(&warning_text(warning));
    }
}

/// Returns a warning in one line: what, how often, why, and where first.
fn warning_text(warning: &RestoreWarning) -> String {
    let paths: Vec<_> =
        warning.examples.iter().take(PATHS_SHOWN_MAX).map(|(path, _)| text::quoted(path)).collect();
    let more = if warning.count > paths.len() as u64 { ", …" } else { "" };
    let objects = text::counted(warning.count, "object");
    let (aspect, reason) = (&warning.aspect, plain(&warning.reason));
    format!("{aspect} could not be set on {objects}: {reason} ({}{more})", paths.join(", "))
}

/// Returns what is protected by its flags, if that is why an object could not be restored.
fn protected_path(request: &RestoreRequest, problem: &RestoreProblem) -> Option<PathBuf> {
    let ProblemReason::Target { source } = &problem.reason else { return None };
    if !source.is_permission_denied() {
        return None;
    }
    let path = request.target.join(OsStr::from_bytes(&source.path));
    let is_protected = |path: &Path| {
        stat_root(path, false).is_ok_and(|found| found.inode_flags & icecore_fs::flags::PROTECTING != 0)
    };
    [Some(path.as_path()), path.parent()]
        .into_iter()
        .flatten()
        .find(|path| is_protected(path))
        .map(Path::to_owned)
}

fn show_problems(console: &Console, request: &RestoreRequest, report: &RestoreReport) {
    // What only has to be thawed is told as a whole.
    let count = report.problem_count - report.archived;
    if count == 0 {
        return;
    }
    let problems = report.problems.iter().filter(|problem| !problem.reason.is_archived());
    for problem in problems.take(PROBLEMS_SHOWN_MAX) {
        console.error_line(&format!("error: {}: {}", text::quoted(&problem.path), reason(&problem.reason)));
    }
    let more = count.saturating_sub(PROBLEMS_SHOWN_MAX as u64);
    if more > 0 {
        console.error_line(&format!(
            "error: {} more (--json lists 1,000, -v and --progress json list all)",
            text::count(more)
        ));
    }
    let number = text::counted(count, "object");
    let rest = if report.archived == 0 { "; everything else is" } else { "" };
    console.error_line(&format!("error: {number} could not be restored{rest}"));
    if let Some(path) = report.problems.iter().find_map(|problem| protected_path(request, problem)) {
        console.error_line(&format!(
            "hint: {} is immutable or append-only: run `chattr -i -a` on it as root, then restore again",
            text::quoted(path.as_os_str().as_bytes())
        ));
    }
    if report.damaged > 0 {
        console.error_line(
            "hint: `icecore check --read-data` shows what is damaged, and names the newest snapshot that is whole",
        );
    }
}

#[cfg(test)]
mod tests;
