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
        BackupError::StreamName { .. } => {
            "give a file name only, such as db.sql; --name sets the name of the source"
        }
        BackupError::Command { .. } => "no snapshot was created, because the output may be incomplete",
        BackupError::StreamEmpty => {
            "find out why there was no output; to store an empty file on purpose, add --allow-empty"
        }
        BackupError::RootEmpty { .. } => {
            "if a file system should be mounted there, mount it and run the same command again; if it is empty, or \
             everything in it is excluded, on purpose, add --allow-empty"
        }
        _ => return None,
    };
    Some(advice.into())
}

/// Returns what to do about a restore that failed.
pub(in crate::failure) fn of_restore(error: &RestoreError) -> Option<Advice> {
    let advice = match error {
        RestoreError::Repository(error) => return repository::of(error),
        RestoreError::Interrupted => {
            "run the same command again: it skips the files that are already restored"
        }
        RestoreError::PathNotFound { run, .. } => {
            return Some(
                format!("`icecore ls {}` lists the files in the snapshot", run.snapshot_id()).into(),
            );
        }
        RestoreError::TargetNotDirectory { .. } => "give a directory, or a path that does not exist yet",
        RestoreError::ManyDeletions { .. } => "add --dry-run to list the deletions, or --yes to allow them",
        RestoreError::TargetFull { .. } => {
            "free some space and run the same command again: it skips the files that are already restored"
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
            "run `icecore check --repair` to see if it is complete again; the other files can still be restored"
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
        CheckError::Collection { source, .. } => repository::of_collection(source),
        CheckError::Changed { .. } => Some("run the same command again: it plans the repair again".into()),
        _ => None,
    }
}
