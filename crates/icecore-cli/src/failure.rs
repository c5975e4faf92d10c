//! Why a command failed, what the user can do about it, and the exit code.

use std::{io, path::Path};

use icecore_access::AccessError;
use icecore_aws::ProbeError;
use icecore_backup::error::BackupError;
use icecore_catalog::CatalogError;
use icecore_check::CheckError;
use icecore_copy::CopyError;
use icecore_fs::{error::FsError, excludes::ExcludeError};
use icecore_operations::{
    backup::BackupFault,
    copy::NotCopied,
    documents::ErrorDocument,
    error::{OperationError, Uncertainty},
    key::KeyError,
    reference::{ResolveError, WrongReference},
    text,
};
use icecore_repo::error::RepoError;
use icecore_restore::{IncludeError, RestoreError};
use icecore_store::{error::StoreError, location::LocationError};

use crate::failure::{
    advice::{Advice, INTERRUPTED, PATTERNS, Side},
    exit_status::ExitStatus,
};

pub(crate) use icecore_operations::text::{plain, reason};

pub(crate) mod advice;
pub(crate) mod exit_status;
pub(crate) mod status;

/// Result of a step of a command.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Message to the user when a command, or a part of it, fails. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed, on what, and why.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<Advice>,
    /// How the command ends.
    pub(crate) status: ExitStatus,
    /// Whether the reader of standard output has closed it, so that nothing should be reported.
    pub(crate) output_closed: bool,
}

impl Failure {
    /// Makes a failure from its message.
    pub(crate) fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status, output_closed: false }
    }

    /// Makes the failure of a wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// Makes the failure of an operation of the operating system on a path.
    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(ExitStatus::Failed, format!("failed to {operation} {}: {}", path.display(), reason(error)))
    }

    /// Makes the failure of writing to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { output_closed: true, ..Self::new(ExitStatus::Done, "standard output was closed") };
        }
        Self::new(ExitStatus::Failed, format!("failed to write to standard output: {}", reason(error)))
    }

    /// Makes the failure of an interrupted command.
    pub(crate) fn interrupted() -> Self {
        Self::new(ExitStatus::Interrupted, "interrupted").hint(INTERRUPTED)
    }

    /// Sets what to do next, replacing an earlier hint.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<Advice>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Prefixes the message with the failed action.
    #[must_use]
    pub(crate) fn context(self, context: impl AsRef<str>) -> Self {
        Self { message: format!("{}: {}", context.as_ref(), self.message), ..self }
    }

    /// Marks the failure as one of the destination of a copy, and names its options.
    #[must_use]
    pub(crate) fn of_other_repository(self) -> Self {
        if self.status == ExitStatus::Interrupted {
            return self;
        }
        let hint = self.hint.as_ref().map(|hint| hint.text(Side::Destination).into());
        Self { hint, ..self }.context("destination repository")
    }

    /// Returns the failure for JSON documents that continue after it.
    pub(crate) fn document(&self) -> ErrorDocument {
        let Self { message, hint, status, .. } = self;
        let hint = hint.as_ref().map(|hint| hint.text(Side::Own));
        ErrorDocument { message: message.clone(), hint, code: status.code() }
    }

    /// Makes a failure from its parts.
    fn of(status: ExitStatus, message: String, hint: Option<Advice>) -> Self {
        Self { message, hint, status, output_closed: false }
    }
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        Self::of_repository(&error)
    }
}

impl Failure {
    /// Makes the failure of a repository.
    pub(crate) fn of_repository(error: &RepoError) -> Self {
        match error {
            RepoError::Store(error) => Self::from_store(error),
            RepoError::Interrupted => Self::interrupted(),
            error => Self::of(status::of_repository(error), reason(error), advice::repository::of(error)),
        }
    }

    /// Makes the failure of a store call.
    pub(crate) fn from_store(error: &StoreError) -> Self {
        let message = match error {
            StoreError::Interrupted => return Self::interrupted(),
            StoreError::Io { .. } => format!("failed to {}", reason(error)),
            _ => reason(error),
        };
        Self::of(status::of_store(error), message, advice::store::of(error))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from_store(&error)
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        Self::of_access(&error)
    }
}

impl Failure {
    /// Makes the failure of the access to a repository.
    pub(crate) fn of_access(error: &AccessError) -> Self {
        let message = match error {
            AccessError::Store(error) => return Self::from_store(error),
            AccessError::Repository(error) => return Self::of_repository(error),
            AccessError::Probe(error) => return Self::of_probe(error),
            AccessError::FileSystem { source, .. } => {
                format!("{error}: {}", Self::from_store(source).message)
            }
            error => reason(error),
        };
        Self::of(status::of_access(error), message, advice::access::of(error))
    }

    /// Makes the failure of an unsuitable server.
    fn of_probe(error: &ProbeError) -> Self {
        match error {
            ProbeError::Store(error) => Self::from_store(error),
            error => Self::of(status::of_probe(error), reason(error), advice::store::of_probe(error)),
        }
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        Self::of_probe(&error)
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Self::of_reference(&error)
    }
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        Self::of_operation(&error)
    }
}

impl Failure {
    /// Makes the failure of a reference that matches no snapshot, or several.
    fn of_reference(error: &ResolveError) -> Self {
        Self::of(status::of_reference(error), error.to_string(), advice::reference::of(error))
    }

    /// Makes the failure of an operation.
    pub(crate) fn of_operation(error: &OperationError) -> Self {
        match error {
            OperationError::Access(error) => Self::of_access(error),
            OperationError::Repository(error) => Self::of_repository(error),
            OperationError::Restore(error) => Self::of_restore(error),
            OperationError::Check(error) => Self::of_check(error),
            OperationError::Repair(error) => {
                let failure = Self::of_check(error);
                let hint = failure.hint.or_else(|| Some(INTERRUPTED.into()));
                Self { hint, ..failure }
            }
            OperationError::Resolve(error) => Self::of_reference(error),
            OperationError::Destination(error) => Self::of_operation(error).of_other_repository(),
            OperationError::Copy(NotCopied::Snapshot { run, error }) => {
                Self::of_copy(error).context(format!("snapshot {} was not copied", run.snapshot_id()))
            }
            OperationError::Backup(BackupFault::Exclude(error)) => Self::of_exclude(error),
            OperationError::Backup(BackupFault::NoSnapshot { shown, source }) => {
                Self::of_backup(source).context(format!("failed to back up {}", text::printable(shown)))
            }
            OperationError::Interrupted => Self::interrupted(),
            OperationError::Key(KeyError::FilesStay(error)) => {
                Self::of_access(error).hint(advice::operations::KEY_STAYS)
            }
            OperationError::Output(error) => Self::output(error),
            OperationError::Answer(_) => Self::of(status::of_operation(error), reason(error), None),
            error => Self::of(status::of_operation(error), error.to_string(), advice::operations::of(error)),
        }
    }
}

impl From<WrongReference> for Failure {
    fn from(error: WrongReference) -> Self {
        OperationError::from(error).into()
    }
}

impl From<Uncertainty> for Failure {
    fn from(error: Uncertainty) -> Self {
        OperationError::from(error).into()
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        Self::new(ExitStatus::Failed, reason(&error)).hint(advice::repository::CATALOG)
    }
}

impl From<LocationError> for Failure {
    fn from(error: LocationError) -> Self {
        Self::usage(reason(&error))
    }
}

impl Failure {
    /// Makes the failure of an exclude pattern, or of a file with such patterns.
    fn of_exclude(error: &ExcludeError) -> Self {
        let message = format!("failed to {}", reason(error));
        Self::of(ExitStatus::Usage, message, advice::engines::of_exclude(error))
    }

    /// Makes the failure of an operation on a file of a source.
    fn of_file_system(error: &FsError) -> Self {
        Self::new(ExitStatus::Failed, format!("failed to {}", reason(error)))
    }

    /// Makes the failure of a backup.
    fn of_backup(error: &BackupError) -> Self {
        let message = match error {
            BackupError::Source(error) => return Self::of_file_system(error),
            BackupError::Repository(error) => return Self::of_repository(error),
            BackupError::Stream { .. } => format!("failed to {}", reason(error)),
            _ => reason(error),
        };
        Self::of(status::of_backup(error), message, advice::engines::of_backup(error))
    }
}

impl From<IncludeError> for Failure {
    fn from(error: IncludeError) -> Self {
        Self::usage(format!("failed to {}", reason(&error))).hint(PATTERNS)
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        Self::of_restore(&error)
    }
}

impl Failure {
    /// Makes the failure of a restore.
    fn of_restore(error: &RestoreError) -> Self {
        let message = match error {
            RestoreError::Repository(error) => return Self::of_repository(error),
            RestoreError::Interrupted => Self::interrupted().message,
            RestoreError::ManyDeletions { .. } => {
                format!("{}; nothing was changed", many_deletions(error))
            }
            _ => format!("failed to {}", reason(error)),
        };
        Self::of(status::of_restore(error), message, advice::engines::of_restore(error))
    }
}

/// Returns the text about a restore that would delete very many objects.
pub(crate) fn many_deletions(error: &RestoreError) -> String {
    let RestoreError::ManyDeletions { target, deletions, entries } = error else { return reason(error) };
    let (deletions, entries) = (text::count(*deletions), text::files_or_directories(*entries));
    format!("this restore would delete {deletions} of {entries} in {}", target.display())
}

impl Failure {
    /// Makes the failure of the copy of a snapshot.
    fn of_copy(error: &CopyError) -> Self {
        match error {
            CopyError::Source(error) => Self::of_repository(error),
            CopyError::Target(error) => Self::of_repository(error).of_other_repository(),
            error => {
                let message = format!("failed to {}", reason(error));
                Self::of(status::of_copy(error), message, advice::engines::of_copy(error))
            }
        }
    }
}

impl Failure {
    /// Makes the failure of a check or a repair.
    fn of_check(error: &CheckError) -> Self {
        if matches!(error, CheckError::Cancelled) {
            return Self::interrupted();
        }
        let message = format!("failed to {}", reason(error));
        Self::of(status::of_check(error), message, advice::engines::of_check(error))
    }
}

#[cfg(test)]
mod tests;
