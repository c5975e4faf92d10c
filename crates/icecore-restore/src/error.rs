//! Why a restore ends early.

use std::{io, path::PathBuf};

use icecore_format::ids::RunId;
use icecore_fs::error::FsError;
use icecore_repo::error::RepoError;

use crate::request::DELETIONS_PERCENT_MAX;

/// Result of a restore.
pub type RestoreResult<T> = Result<T, RestoreError>;

/// Error that ends a restore; one file that cannot be restored is not such an error. The text can follow
/// "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The snapshot is pending, aborted or deleted.
    #[error("restore snapshot {run}: it is not complete")]
    NotComplete {
        /// Snapshot.
        run: RunId,
    },
    /// The snapshot does not have the path.
    #[error("find {:?} in snapshot {run}", String::from_utf8_lossy(.path))]
    PathNotFound {
        /// Path as given, relative to the source's root.
        path: Vec<u8>,
        /// Snapshot.
        run: RunId,
    },
    /// The target exists and is not a directory.
    #[error("restore into {target:?}: it is not a directory")]
    TargetNotDirectory {
        /// Target as given.
        target: PathBuf,
    },
    /// The target cannot be created or opened.
    #[error("restore into {target:?}")]
    Target {
        /// Target as given.
        target: PathBuf,
        /// Operation and error of the file system.
        source: FsError,
    },
    /// The file system of the target is full, or the quota is used up. Restored files stay, and the next run
    /// does not fetch them again.
    #[error("write to the target: it is full")]
    TargetFull {
        /// Operation and error of the file system.
        source: FsError,
    },
    /// The restore would delete so many objects that the user must confirm it. Nothing was changed.
    #[error(
        "delete {deletions} of {entries} objects in {target:?}: that is more than {DELETIONS_PERCENT_MAX} % of them"
    )]
    ManyDeletions {
        /// Target as given.
        target: PathBuf,
        /// Objects that would be deleted.
        deletions: u64,
        /// Objects in the target.
        entries: u64,
    },
    /// No entry matches any of the include patterns. Nothing was changed.
    #[error("find anything in snapshot {run} that matches the include patterns")]
    NothingIncluded {
        /// Snapshot.
        run: RunId,
    },
    /// Everything is restored, but may not survive a power failure.
    #[error("flush the restored files to disk")]
    Sync {
        /// Operation and error of the file system.
        source: FsError,
    },
    /// The repository failed as a whole, or the root of the manifest is damaged.
    #[error(transparent)]
    Repository(RepoError),
    /// The user or the system asked to stop. Restored files stay, and the next run does not fetch them again.
    #[error("interrupted")]
    Interrupted,
    /// The object to be written to a stream is not a file, or has no content.
    #[error("read {:?}: {reason}", String::from_utf8_lossy(.path))]
    NoContent {
        /// Path in the snapshot.
        path: Vec<u8>,
        /// Its kind, or what is missing.
        reason: &'static str,
    },
    /// The output stream failed.
    #[error("write the content to the output")]
    Output {
        /// Error of the operating system.
        source: io::Error,
    },
}

impl From<RepoError> for RestoreError {
    fn from(error: RepoError) -> Self {
        if matches!(error, RepoError::Interrupted) { Self::Interrupted } else { Self::Repository(error) }
    }
}

impl RestoreError {
    /// Returns whether stored data is damaged or missing.
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Repository(error) if error.is_corruption())
    }

    /// Returns whether somebody asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted)
    }
}
