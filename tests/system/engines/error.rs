//! How a command of an engine fails, and the exit status that the command line would have.

use icecore_backup::error::BackupError;
use icecore_catalog::CatalogError;
use icecore_check::CheckError;
use icecore_format::ids::RunId;
use icecore_prune::PruneError;
use icecore_repo::error::RepoError;
use icecore_restore::RestoreError;
use icecore_store::StoreError;

/// Failure of a command.
#[derive(Debug)]
pub(crate) enum EngineError {
    Repository(RepoError),
    Check(Box<CheckError>),
    /// The restore finished, but some objects are missing.
    Incomplete {
        problems: Vec<String>,
        damaged: bool,
    },
    /// The check finished and found damage.
    Damage(Vec<String>),
    /// No snapshot with this name can be read.
    NoSnapshot(RunId),
    /// Anything else; no fault of a store leads here.
    Other(String),
}

impl From<RepoError> for EngineError {
    fn from(error: RepoError) -> Self {
        Self::Repository(error)
    }
}

impl From<CatalogError> for EngineError {
    fn from(error: CatalogError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<BackupError> for EngineError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Repository(error) => Self::Repository(error),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<PruneError> for EngineError {
    fn from(error: PruneError) -> Self {
        match error {
            PruneError::Repo(error) => Self::Repository(error),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<RestoreError> for EngineError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Repository(error) => Self::Repository(error),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<CheckError> for EngineError {
    fn from(error: CheckError) -> Self {
        Self::Check(Box::new(error))
    }
}

impl EngineError {
    /// Returns the error of the store, if it is one.
    pub(crate) fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Repository(RepoError::Store(error)) => Some(error),
            Self::Check(error) => match error.as_ref() {
                CheckError::Store { source, .. } => Some(source),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns whether it means that stored data is damaged.
    fn is_corruption(&self) -> bool {
        match self {
            Self::Repository(error) => error.is_corruption(),
            Self::Incomplete { damaged, .. } => *damaged,
            Self::Damage(_) => true,
            Self::Check(_) | Self::NoSnapshot(_) | Self::Other(_) => false,
        }
    }

    /// Returns the exit code of the command line for it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Repository(RepoError::NoRepository { .. }) => 10,
            Self::Repository(RepoError::WrongKey { .. }) => 12,
            Self::Repository(RepoError::NoKeySlot { .. }) => 20,
            error if error.is_corruption() => 20,
            _ => 1,
        }
    }

    /// Returns whether it means that the present key is wrong.
    pub(crate) fn is_wrong_key(&self) -> bool {
        matches!(self, Self::Repository(RepoError::WrongKey { .. }))
    }

    /// Returns whether something seems to be missing because a wrong version of it was read: the requested
    /// snapshot (with a warning about it), or another key slot than the one to be removed.
    pub(crate) fn is_oversight(&self) -> bool {
        matches!(self, Self::Repository(RepoError::LastSlot) | Self::NoSnapshot(_))
    }

    /// Returns the text that a user would see.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Repository(error) => error.to_string(),
            Self::Check(error) => error.to_string(),
            Self::Incomplete { problems, .. } | Self::Damage(problems) => problems.join("; "),
            Self::NoSnapshot(run) => format!("there is no snapshot {run}"),
            Self::Other(text) => text.clone(),
        }
    }
}
