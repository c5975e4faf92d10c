//! Exit codes of errors and reports. They are chosen nowhere else.

use icecore_access::AccessError;
use icecore_aws::{KmsError, ProbeError};
use icecore_backup::error::BackupError;
use icecore_check::CheckError;
use icecore_copy::CopyError;
use icecore_format::{error::FormatError, layout::HEADER_KEY};
use icecore_operations::{
    backup::{BackupFault, BackupReport, SourceReport},
    check::Checked,
    copy::{CopyReport, NotCopied},
    doctor::DoctorReport,
    error::OperationError,
    forget::{ForgetAction, ForgetReport, ForgottenSnapshot},
    init::InitError,
    key::KeyError,
    look::Ending,
    prune::Pruned,
    reference::ResolveError,
    restore::RestoreRefusal,
    stats::StatsReport,
};
use icecore_prune::PruneError;
use icecore_repo::error::RepoError;
use icecore_restore::{ProblemReason, RestoreError, RestoreReport};
use icecore_store::StoreError;

use crate::failure::exit_status::ExitStatus;

/// Returns the exit status of an error of a store.
pub(super) fn of_store(error: &StoreError) -> ExitStatus {
    match error {
        StoreError::Interrupted => ExitStatus::Interrupted,
        StoreError::NoSuchBucket { .. } | StoreError::NoSuchDirectory { .. } => ExitStatus::NoRepository,
        StoreError::Archived { .. } => ExitStatus::Archived,
        StoreError::NotFound { .. } => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

fn of_format(error: &FormatError) -> ExitStatus {
    match error {
        FormatError::WrongKey => ExitStatus::WrongKey,
        error if error.is_corruption() => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of an error of a repository.
pub(super) fn of_repository(error: &RepoError) -> ExitStatus {
    match error {
        RepoError::Store(error) => of_store(error),
        RepoError::Object { key, source } if key == HEADER_KEY && source.is_corruption() => {
            ExitStatus::Damage
        }
        RepoError::Object { source, .. }
        | RepoError::Collection { source, .. }
        | RepoError::Format(source) => of_format(source),
        RepoError::NoRepository { .. } => ExitStatus::NoRepository,
        RepoError::WrongKey { .. } => ExitStatus::WrongKey,
        RepoError::NoKeySlot { .. } => ExitStatus::Damage,
        RepoError::Interrupted => ExitStatus::Interrupted,
        RepoError::RepositoryExists { .. }
        | RepoError::SlotNotFound { .. }
        | RepoError::SlotLeft { .. }
        | RepoError::LastSlot
        | RepoError::SelfVerification { .. }
        | RepoError::Fenced
        | RepoError::NewerMaintenance => ExitStatus::Failed,
        error if error.is_corruption() => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of an unsuitable server.
pub(super) fn of_probe(error: &ProbeError) -> ExitStatus {
    match error {
        ProbeError::Store(error) => of_store(error),
        _ => ExitStatus::Failed,
    }
}

fn of_kms(error: &KmsError) -> ExitStatus {
    match error {
        KmsError::Denied { .. }
        | KmsError::Unusable { .. }
        | KmsError::NotFound { .. }
        | KmsError::Foreign { .. } => ExitStatus::WrongKey,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of an error of the access to a repository.
pub(super) fn of_access(error: &AccessError) -> ExitStatus {
    match error {
        AccessError::Store(error) => of_store(error),
        AccessError::FileSystem { source, .. } => of_store(source),
        AccessError::Repository(error) => of_repository(error),
        AccessError::GeneratedKeyRefused { source, .. } => of_repository(source),
        AccessError::Probe(error) => of_probe(error),
        AccessError::KmsUnlock(error) | AccessError::KmsNewKey(error) => of_kms(error),
        AccessError::Interrupted => ExitStatus::Interrupted,
        AccessError::NoLocation => ExitStatus::NoRepository,
        AccessError::Location(_)
        | AccessError::UnsupportedLocation { .. }
        | AccessError::SingleWriterDirectory
        | AccessError::NoServerUrl { .. }
        | AccessError::UnusableEndpoint { .. }
        | AccessError::UnusedKmsKey
        | AccessError::StorageClass { .. }
        | AccessError::SeveralCredentials { .. } => ExitStatus::Usage,
        AccessError::KeyFileNotText { .. }
        | AccessError::KeyFileMalformed { .. }
        | AccessError::ForeignKeyFile { .. }
        | AccessError::NoPasswordOpens
        | AccessError::NoCredential { .. }
        | AccessError::NoKeyFile { .. } => ExitStatus::WrongKey,
        AccessError::HeaderMissing { .. } | AccessError::LeftOfRepository { .. } => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of a reference that matches no snapshot, or several.
pub(super) fn of_reference(error: &ResolveError) -> ExitStatus {
    match error {
        ResolveError::NotFound(_) | ResolveError::SeveralIds { .. } => ExitStatus::Failed,
        ResolveError::Unreadable { .. } => ExitStatus::Damage,
        _ => ExitStatus::Usage,
    }
}

/// Returns the exit status of an error of an operation.
pub(super) fn of_operation(error: &OperationError) -> ExitStatus {
    match error {
        OperationError::Access(error) | OperationError::Key(KeyError::FilesStay(error)) => of_access(error),
        OperationError::Repository(error) => of_repository(error),
        OperationError::Restore(error) => of_restore(error),
        OperationError::Check(error) | OperationError::Repair(error) => of_check(error),
        OperationError::Prune(error) => of_prune(error),
        OperationError::RestoreRefused(RestoreRefusal::Stream | RestoreRefusal::OtherSource { .. }) => {
            ExitStatus::Usage
        }
        OperationError::Resolve(error) => of_reference(error),
        OperationError::Destination(error) => of_operation(error),
        OperationError::Copy(error) => of_not_copied(error),
        OperationError::Interrupted => ExitStatus::Interrupted,
        OperationError::Init(InitError::Disappeared { .. }) => ExitStatus::NoRepository,
        OperationError::Uncertain(_) | OperationError::RolledBack => ExitStatus::Damage,
        OperationError::Backup(fault) => of_backup_fault(fault),
        OperationError::Overlap(_)
        | OperationError::Key(KeyError::NoneGiven)
        | OperationError::Reference(_)
        | OperationError::ChangeTooLarge
        | OperationError::HoldEnded
        | OperationError::Retention(_)
        | OperationError::UndoWithoutId
        | OperationError::DifferentPaths
        | OperationError::BeforeCalendar { .. }
        | OperationError::PolicyWithoutBucket => ExitStatus::Usage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of forgetting snapshots, and of the removal of packs after it.
pub(crate) fn of_forget_report(report: &ForgetReport, pruned: Option<&Pruned>) -> ExitStatus {
    let is_failed = |one: &ForgottenSnapshot| matches!(one.action, ForgetAction::Failed(_));
    let is_refused = !report.refused.is_empty() && !report.is_dry_run;
    match pruned.map_or(ExitStatus::Done, of_pruned) {
        ExitStatus::Done if is_refused || report.snapshots.iter().any(is_failed) => ExitStatus::Failed,
        status => status,
    }
}

/// Returns the exit status of a removal of packs.
pub(crate) fn of_pruned(pruned: &Pruned) -> ExitStatus {
    if !pruned.doubts.is_empty() {
        ExitStatus::Damage
    } else if pruned.swept.failed.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    }
}

/// Returns the exit status of statistics, without that of snapshots that disappeared.
pub(crate) fn of_stats(report: &StatsReport) -> ExitStatus {
    if report.damage.is_empty() { ExitStatus::Done } else { ExitStatus::Damage }
}

fn of_prune(error: &PruneError) -> ExitStatus {
    match error {
        PruneError::Repo(error) => of_repository(error),
        PruneError::SnapshotUnreadable { .. }
        | PruneError::Directories { .. }
        | PruneError::ListingIncomplete => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of a refused request for backups, or of a source that is not backed up.
fn of_backup_fault(fault: &BackupFault) -> ExitStatus {
    match fault {
        BackupFault::NoPath
        | BackupFault::UnknownSource { .. }
        | BackupFault::OneName
        | BackupFault::Unnamed { .. }
        | BackupFault::SameDirectory { .. }
        | BackupFault::SameName { .. }
        | BackupFault::Tags
        | BackupFault::Exclude(_)
        | BackupFault::IneffectivePattern(_)
        | BackupFault::OtherRoot { .. } => ExitStatus::Usage,
        BackupFault::NoSnapshot { source, .. } => of_backup(source),
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of a run of backups: the worst source counts, or losses of the repository.
pub(crate) fn of_backup_report(report: &BackupReport) -> ExitStatus {
    let losses = if report.losses.is_empty() { ExitStatus::Done } else { ExitStatus::Damage };
    let of_source = |source: &SourceReport| match &source.result {
        Err(error) => of_operation(error),
        Ok(done) if done.report.problems.is_empty() => ExitStatus::Done,
        Ok(_) => ExitStatus::Partial,
    };
    report.sources.iter().map(of_source).max().unwrap_or(ExitStatus::Done).max(losses)
}

/// Returns the exit status of an error of a backup.
pub(super) fn of_backup(error: &BackupError) -> ExitStatus {
    match error {
        BackupError::Repository(error) => of_repository(error),
        BackupError::StreamName { .. } => ExitStatus::Usage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of an error of a restore.
pub(super) fn of_restore(error: &RestoreError) -> ExitStatus {
    match error {
        RestoreError::Repository(error) => of_repository(error),
        RestoreError::Interrupted => ExitStatus::Interrupted,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of a refused or failed copy.
fn of_not_copied(error: &NotCopied) -> ExitStatus {
    match error {
        NotCopied::SameRepository { .. } => ExitStatus::Usage,
        NotCopied::NoSnapshot { error, is_alarmed } => {
            of_reference(error).max(if *is_alarmed { ExitStatus::Damage } else { ExitStatus::Done })
        }
        NotCopied::Snapshot { error, .. } => of_copy(error),
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of a copy that was not interrupted.
pub(crate) fn of_copy_report(report: &CopyReport) -> ExitStatus {
    let is_well = report.is_whole() && report.source_ending != Ending::Alarmed;
    let whole = if is_well { ExitStatus::Done } else { ExitStatus::Damage };
    report.errors().map(of_operation).fold(whole, Ord::max)
}

/// Returns the exit status of a check.
pub(crate) fn of_check_report(checked: &Checked) -> ExitStatus {
    if checked.is_well() { ExitStatus::Done } else { ExitStatus::Damage }
}

/// Returns the exit status of the findings of `doctor`.
pub(crate) fn of_doctor_report(report: &DoctorReport) -> ExitStatus {
    if report.is_healthy() { ExitStatus::Done } else { ExitStatus::Failed }
}

/// Returns the exit status of a finished restore. If the snapshot was forgotten meanwhile, the data that is
/// missing was removed on purpose: the repository is not damaged.
pub(crate) fn of_restore_report(report: &RestoreReport, is_forgotten: bool) -> ExitStatus {
    let others = report.problem_count - report.damaged - report.archived;
    let known_before =
        report.problems.iter().filter(|problem| !problem.reason.is_archived()).all(|problem| {
            matches!(
                problem.reason,
                ProblemReason::UnreadableAtBackup | ProblemReason::MountPoint | ProblemReason::KeptInTheWay
            )
        });
    match report {
        RestoreReport { damaged: 1.., .. } if is_forgotten => ExitStatus::Failed,
        RestoreReport { damaged: 1.., .. } => ExitStatus::Damage,
        _ if others > 0 && !known_before => ExitStatus::Failed,
        RestoreReport { archived: 1.., .. } => ExitStatus::Archived,
        _ if others == 0 && report.is_exact() => ExitStatus::Done,
        _ => ExitStatus::Partial,
    }
}

/// Returns the exit status of an error of a copy.
pub(super) fn of_copy(error: &CopyError) -> ExitStatus {
    match error {
        CopyError::Source(error) | CopyError::Target(error) => of_repository(error),
        CopyError::Marked { .. } | CopyError::Totals { .. } => ExitStatus::Damage,
        _ => ExitStatus::Failed,
    }
}

/// Returns the exit status of an error of a check.
pub(super) fn of_check(error: &CheckError) -> ExitStatus {
    match error {
        CheckError::Cancelled => ExitStatus::Interrupted,
        CheckError::InvalidSample { .. } => ExitStatus::Usage,
        CheckError::Store { source, .. } | CheckError::Change { source, .. } => of_store(source),
        CheckError::Collection { source, .. } => of_format(source),
        _ => ExitStatus::Failed,
    }
}

#[cfg(test)]
mod tests;
