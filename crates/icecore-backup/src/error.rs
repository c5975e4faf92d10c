//! Why a backup ends without a snapshot.

use std::{os::unix::ffi::OsStrExt, path::Path};

use icecore_fs::error::FsError;
use icecore_repo::error::RepoError;

/// Result of a backup.
pub type BackupResult<T> = Result<T, BackupError>;

/// Error that ends a backup; a single unreadable file is not such an error. The text can follow "failed to
/// …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The source's root cannot be read at all.
    #[error(transparent)]
    Source(#[from] FsError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// The stream could not be read to its end.
    #[error("read the stream: {source}")]
    Stream {
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The command that writes the stream failed.
    #[error("the command failed: {reason}")]
    Command {
        /// How it ended.
        reason: String,
    },
    /// The stream has no content.
    #[error("the stream is empty")]
    StreamEmpty,
    /// The root has no content, although the last snapshot of the source has some: probably, a file system is
    /// not mounted.
    #[error("{path:?} is empty, but the last snapshot of this source has {entries} entries")]
    RootEmpty {
        /// Root as it is recorded in snapshots.
        path: std::path::PathBuf,
        /// Entries of the last snapshot, including the root.
        entries: u64,
    },
    /// The name of a stream cannot be a file name.
    #[error("{name:?} cannot be a file name: it must be a single path component")]
    StreamName {
        /// The name as given.
        name: String,
    },
    /// A thread ended unexpectedly.
    #[error("the {stage} stage ended unexpectedly")]
    StageLost {
        /// Name of the stage.
        stage: &'static str,
    },
}

impl BackupError {
    /// Names the root in an error about it, because its path is empty there.
    pub(crate) fn below(self, root: &Path) -> Self {
        match self {
            Self::Source(FsError { operation, path, source }) if path.is_empty() => {
                Self::Source(FsError::new(operation, root.as_os_str().as_bytes(), source))
            }
            other => other,
        }
    }

    /// Returns whether the run was interrupted.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Repository(RepoError::Interrupted))
    }
}
