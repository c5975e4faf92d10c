//! Messages and questions of a restore.

use std::{ffi::OsStr, fmt::Write, os::unix::ffi::OsStrExt, path::Path};

use icecore_operations::{
    restore::{Restored, SnapshotNotice, protected_path},
    text,
};
use icecore_restore::{
    KeptReason, RestoreCounts, RestoreError, RestoreNotice, RestoreReport, RestoreRequest, RestoreWarning,
};

use crate::{
    failure::{Outcome, advice::operations::FORGOTTEN, many_deletions, plain, reason},
    surface::{archived::show_archived, console::Console},
};

/// Maximum number of paths that are shown for each kind of warning.
const PATHS_SHOWN_MAX: usize = 3;
/// Maximum number of problems that are shown.
const PROBLEMS_SHOWN_MAX: usize = 20;

/// Shows the result.
pub(super) fn show(console: &Console, restored: &Restored) -> Outcome<()> {
    let Restored { request, report, archived_packs, .. } = restored;
    console.summary(&summary(request, report))?;
    show_kept(console, report);
    show_warnings(console, report);
    show_problems(console, restored);
    let verb = if report.archived == 1 { "is" } else { "are" };
    let files = format!("{} {verb}", text::files_or_directories(report.archived));
    show_archived(console, &files, archived_packs);
    Ok(())
}

/// Returns a notice about the snapshot in words.
pub(super) fn snapshot_notice(notice: SnapshotNotice<'_>) -> String {
    match notice {
        SnapshotNotice::FilesLost { id } => {
            format!("snapshot {id} has lost files, according to a repair; all other files are restored")
        }
        SnapshotNotice::OtherHost { origin, host } => {
            format!("the snapshot is of host {origin}, but this is host {host}")
        }
    }
}

/// Returns a notice in words.
pub(super) fn notice_text(notice: &RestoreNotice) -> String {
    match notice {
        RestoreNotice::PartialSnapshot { errors } => format!(
            "the snapshot is partial: {} could not be read during the backup",
            text::files_or_directories(*errors)
        ),
        RestoreNotice::LittleSpace { needed_bytes, free_bytes } => format!(
            "there may not be enough space: {} to restore, {} free",
            text::size(*needed_bytes),
            text::size(*free_bytes)
        ),
        RestoreNotice::ManyDeletions { deletions, entries } => format!(
            "the restore would delete {} of {} in the target: it needs --yes",
            text::count(*deletions),
            text::files_or_directories(*entries)
        ),
        RestoreNotice::DeletionLimited { is_of_changes: false } => {
            "with --include, --delete removes objects only in directories that the patterns select as a whole"
                .to_owned()
        }
        RestoreNotice::DeletionLimited { is_of_changes: true } => {
            "with --include, --delete removes only objects that the patterns select".to_owned()
        }
        RestoreNotice::DeletionSuspended => {
            "no more files are deleted, because a part of the snapshot's list of files cannot be read"
                .to_owned()
        }
    }
}

/// Returns the question before restoring into a directory of the running system.
pub(super) fn system_question(target: &Path, directory: &str) -> String {
    format!(
        "The target {} is a directory of the running system ({directory}). Restore into it?",
        target.display()
    )
}

/// Returns the question before deleting very many objects.
pub(super) fn deletion_question(error: &RestoreError) -> String {
    format!("{}. Delete them?", many_deletions(error))
}

fn summary(request: &RestoreRequest, report: &RestoreReport) -> String {
    let counts = &report.counts;
    let origin = &request.snapshot.origin;
    let id = origin.run.snapshot_id();
    let single = report.single.as_deref().map(OsStr::from_bytes);
    let target = single.map_or_else(|| request.target.clone(), |name| request.target.join(name));
    let target = text::printable(target.as_os_str().as_bytes());
    let mut lines = if request.dry_run {
        format!(
            "snapshot {id} of {}: dry run, nothing was changed in {target}; the result would be\n",
            origin.source
        )
    } else if report.problem_count > 0 {
        format!("snapshot {id} of {} was NOT completely restored to {target}\n", origin.source)
    } else {
        format!("snapshot {id} of {} restored to {target}\n", origin.source)
    };
    let count = text::count;
    // Writing to a string does not fail.
    let _ = writeln!(
        lines,
        "  files    {} written with {}, {} already up to date, {} with new metadata",
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
        (counts.skipped, "skipped"),
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
            "  fetched  {}, {} reused from existing files",
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

/// Describes how existing files were compared, if there were any.
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
            format!("{files} unchanged since the backup, by inode and ctime")
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn show_kept(console: &Console, report: &RestoreReport) {
    for kept in &report.kept {
        let objects = text::files_or_directories(kept.count);
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
            "the backup could not read the directory, so the snapshot does not list its content"
        }
        KeptReason::NotEntered => {
            "the backup did not enter the directory, because it was on another file system"
        }
        KeptReason::Cache => {
            "the backup excluded the content of a directory with CACHEDIR.TAG; --delete-excluded removes it"
        }
        KeptReason::Excluded => {
            "an exclude pattern excluded it from the backup; --delete-excluded removes it"
        }
        KeptReason::LeftOut => {
            "the backup excluded it as the repository or the cache; --delete-excluded removes it"
        }
        KeptReason::Unknown => "the snapshot does not list everything that the backup excluded",
        KeptReason::NotIncluded => "the --include patterns do not include it",
        KeptReason::MountPoint => "it is a mount point, or is on another file system than the target",
        KeptReason::Own => "it is the repository, or a key file, the cache or the state of Icecore",
    }
}

fn show_warnings(console: &Console, report: &RestoreReport) {
    for warning in &report.warnings {
        let text = warning_text(warning);
        if warning.is_note { console.notice(&text) } else { console.warning(&text) }
    }
}

/// Returns a warning in one line: what, how often, why, and the first paths.
fn warning_text(warning: &RestoreWarning) -> String {
    let paths: Vec<_> =
        warning.examples.iter().take(PATHS_SHOWN_MAX).map(|(path, _)| text::quoted(path)).collect();
    let more = if warning.count > paths.len() as u64 { ", …" } else { "" };
    let objects = text::files_or_directories(warning.count);
    let (aspect, reason) = (&warning.aspect, plain(&warning.reason));
    format!("{aspect} could not be set on {objects}: {reason} ({}{more})", paths.join(", "))
}

fn show_problems(console: &Console, restored: &Restored) {
    let Restored { request, report, is_forgotten, .. } = restored;
    // Archived data is reported as a whole.
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
    let number = text::files_or_directories(count);
    let rest = if report.archived == 0 { "; everything else was restored" } else { "" };
    console.error_line(&format!("error: {number} could not be restored{rest}"));
    if let Some(path) = report.problems.iter().find_map(|problem| protected_path(&request.target, problem)) {
        console.error_line(&format!(
            "hint: {} is immutable or append-only: run `chattr -i -a` on it as root, then restore again",
            text::quoted(path.as_os_str().as_bytes())
        ));
    }
    if *is_forgotten {
        let id = request.snapshot.origin.run.snapshot_id();
        console.error_line(&format!(
            "error: snapshot {id} was forgotten while it was being restored, and data of it was removed"
        ));
        console.error_line(&format!("hint: {FORGOTTEN}"));
    } else if report.damaged > 0 {
        console.error_line(
            "hint: `icecore check --read-data` lists the damage and the newest snapshot that can be restored in full",
        );
    }
}

#[cfg(test)]
mod tests;
