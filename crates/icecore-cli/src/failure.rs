//! Why a command failed, what its user can do about it, and with which code it ends.

use std::{error::Error, io, path::Path};

use icecore_access::AccessError;
use icecore_aws::ProbeError;
use icecore_backup::error::BackupError;
use icecore_catalog::CatalogError;
use icecore_check::CheckError;
use icecore_copy::CopyError;
use icecore_fs::{error::FsError, excludes::ExcludeError};
use icecore_operations::{
    error::{OperationError, Uncertainty},
    reference::{ResolveError, WrongReference},
    text,
};
use icecore_repo::error::RepoError;
use icecore_restore::{IncludeError, RestoreError};
use icecore_store::{error::StoreError, location::LocationError};
use serde::Serialize;

use crate::failure::{
    advice::{Advice, INTERRUPTED, PATTERNS, Side},
    exit_status::ExitStatus,
};

pub(crate) mod advice;
pub(crate) mod exit_status;
mod status;

/// Result of a step of a command.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// What is told to the user when a command, or a part of it, fails. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed, on what, and why.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<Advice>,
    /// How the command ends.
    pub(crate) status: ExitStatus,
    /// Whoever read standard output has gone away: nothing is to be said.
    pub(crate) output_closed: bool,
}

/// A failure as it stands in JSON documents that go on after it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorDocument {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl ErrorDocument {
    /// Makes the document of a failure.
    pub(crate) fn of(failure: &Failure) -> Self {
        let Failure { message, hint, status, .. } = failure.clone();
        Self { message, hint: hint.map(String::from), code: status.code() }
    }
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

    /// Makes the failure of a command that was asked to stop.
    pub(crate) fn interrupted() -> Self {
        Self::new(ExitStatus::Interrupted, "interrupted").hint(INTERRUPTED)
    }

    /// Adds what to do next, in place of an earlier hint.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<Advice>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub(crate) fn context(self, context: impl AsRef<str>) -> Self {
        Self { message: format!("{}: {}", context.as_ref(), self.message), ..self }
    }

    /// Says that it is the repository that is copied to which failed, and names its options.
    #[must_use]
    pub(crate) fn of_other_repository(self) -> Self {
        if self.status == ExitStatus::Interrupted {
            return self;
        }
        let hint = self.hint.as_ref().map(|hint| hint.text(Side::Destination).into());
        Self { hint, ..self }.context("the repository to copy to")
    }

    /// Makes a failure from its parts.
    fn of(status: ExitStatus, message: String, hint: Option<Advice>) -> Self {
        Self { message, hint, status, output_closed: false }
    }
}

/// Returns the text of an error with those of its causes, each once.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut text = without_number(&error.to_string()).to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        let cause_text = without_number(&cause_text);
        if !text.contains(cause_text) {
            text.push_str(": ");
            text.push_str(cause_text);
        }
        source = cause.source();
    }
    text
}

/// Returns the text of an error that is a text already.
pub(crate) fn plain(text: &str) -> &str {
    without_number(text)
}

/// Returns a text without the number of the system error that the standard library puts at its end.
fn without_number(text: &str) -> &str {
    let Some((front, number)) = text.rsplit_once(" (os error ") else { return text };
    let digits = number.strip_suffix(')').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { front } else { text }
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
        let message = match error {
            AccessError::Store(error) => return error.into(),
            AccessError::Repository(error) => return error.into(),
            AccessError::Probe(error) => return error.into(),
            AccessError::FileSystem { ref source, .. } => {
                format!("{error}: {}", Self::from_store(source).message)
            }
            ref error => reason(error),
        };
        Self::of(status::of_access(&error), message, advice::access::of(&error))
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Store(error) => error.into(),
            error => Self::of(status::of_probe(&error), reason(&error), advice::store::of_probe(&error)),
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Self::of(status::of_reference(&error), error.to_string(), advice::reference::of(&error))
    }
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Access(error) => error.into(),
            OperationError::Repository(error) => error.into(),
            OperationError::Restore(error) => error.into(),
            OperationError::Resolve(error) => error.into(),
            OperationError::Interrupted => Self::interrupted(),
            OperationError::Output(error) => Self::output(&error),
            error => {
                Self::of(status::of_operation(&error), error.to_string(), advice::operations::of(&error))
            }
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

impl From<ExcludeError> for Failure {
    fn from(error: ExcludeError) -> Self {
        let message = format!("failed to {}", reason(&error));
        Self::of(ExitStatus::Usage, message, advice::engines::of_exclude(&error))
    }
}

impl From<FsError> for Failure {
    fn from(error: FsError) -> Self {
        Self::new(ExitStatus::Failed, format!("failed to {}", reason(&error)))
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let message = match error {
            BackupError::Source(error) => return error.into(),
            BackupError::Repository(error) => return error.into(),
            BackupError::Stream { .. } => format!("failed to {}", reason(&error)),
            _ => reason(&error),
        };
        Self::of(status::of_backup(&error), message, advice::engines::of_backup(&error))
    }
}

impl From<IncludeError> for Failure {
    fn from(error: IncludeError) -> Self {
        Self::usage(format!("failed to {}", reason(&error))).hint(PATTERNS)
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let message = match error {
            RestoreError::Repository(error) => return error.into(),
            RestoreError::Interrupted => Self::interrupted().message,
            RestoreError::ManyDeletions { .. } => {
                format!("{}; nothing was changed", many_deletions(&error))
            }
            _ => format!("failed to {}", reason(&error)),
        };
        Self::of(status::of_restore(&error), message, advice::engines::of_restore(&error))
    }
}

/// Returns the text of a restore that would delete very much.
pub(crate) fn many_deletions(error: &RestoreError) -> String {
    let RestoreError::ManyDeletions { target, deletions, entries } = error else { return reason(error) };
    let (deletions, entries) = (text::count(*deletions), text::count(*entries));
    format!("this restore would delete {deletions} of the {entries} objects in {}", target.display())
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Source(error) => error.into(),
            CopyError::Target(error) => Self::from(error).of_other_repository(),
            error => {
                let message = format!("failed to {}", reason(&error));
                Self::of(status::of_copy(&error), message, advice::engines::of_copy(&error))
            }
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        if matches!(error, CheckError::Cancelled) {
            return Self::interrupted();
        }
        let message = format!("failed to {}", reason(&error));
        Self::of(status::of_check(&error), message, advice::engines::of_check(&error))
    }
}

#[cfg(test)]
mod tests;
