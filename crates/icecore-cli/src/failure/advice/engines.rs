//! Advice about backups, restores, copies and checks that fail.

use icecore_backup::error::BackupError;
use icecore_check::CheckError;
use icecore_copy::CopyError;
use icecore_fs::excludes::ExcludeError;
use icecore_restore::RestoreError;

use super::{Advice, DAMAGE, INTERRUPTED, PATTERNS, repository, store};

/// Returns what to do about a wrong exclude pattern.
pub(in crate::failure) fn of_exclude(error: &ExcludeError) -> Option<Advice> {
    match error {
        ExcludeError::File { .. } => None,
        _ => Some(PATTERNS.into()),
    }
}

/// Returns what to do about a backup that failed.
pub(in crate::failure) fn of_backup(error: &BackupError) -> Option<Advice> {
    let advice = match error {
        BackupError::Repository(error) => return repository::of(error),
        BackupError::StreamName { .. } => "give the last part only, such as db.sql; --name names the source",
        BackupError::Command { .. } => "there is no snapshot: half an output would look like a whole one",
        BackupError::StreamEmpty => {
            "find out why nothing was written; if it should be stored as an empty file, add --allow-empty"
        }
        BackupError::RootEmpty { .. } => {
            "if a file system belongs there, mount it and run again; if it is empty, or everything in it is left out, on \
             purpose, add --allow-empty"
        }
        _ => return None,
    };
    Some(advice.into())
}

/// Returns what to do about a restore that failed.
pub(in crate::failure) fn of_restore(error: &RestoreError) -> Option<Advice> {
    let advice = match error {
        RestoreError::Repository(error) => return repository::of(error),
        RestoreError::Interrupted => "what was restored stays; run again and it is not fetched a second time",
        RestoreError::PathNotFound { run, .. } => {
            return Some(format!("`icecore ls {}` shows what there is", run.snapshot_id()).into());
        }
        RestoreError::TargetNotDirectory { .. } => "give a directory, or a path that does not exist yet",
        RestoreError::ManyDeletions { .. } => {
            "add --dry-run to see what would be deleted, or --yes if this is meant"
        }
        RestoreError::TargetFull { .. } => {
            "make room and run again: what was restored stays and is not fetched a second time"
        }
        _ => return None,
    };
    Some(advice.into())
}

/// Returns what to do about a copy that failed.
pub(in crate::failure) fn of_copy(error: &CopyError) -> Option<Advice> {
    let advice = match error {
        CopyError::Source(error) | CopyError::Target(error) => return repository::of(error),
        CopyError::Marked { .. } => {
            "`icecore check --repair` finds out whether it is whole again; what is not lost can still be restored"
        }
        CopyError::Totals { .. } => DAMAGE,
        _ => return None,
    };
    Some(advice.into())
}

/// Returns what to do about a check that failed.
pub(in crate::failure) fn of_check(error: &CheckError) -> Option<Advice> {
    match error {
        CheckError::Cancelled => Some(INTERRUPTED.into()),
        CheckError::Store { source, .. } | CheckError::Change { source, .. } => store::of(source),
        CheckError::Changed { .. } => Some("run the same command again: the repair is planned anew".into()),
        _ => None,
    }
}
