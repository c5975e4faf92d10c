//! Why a restore ends early.

use std::{io, path::PathBuf};

use icecore_format::ids::RunId;
use icecore_fs::error::FsError;
use icecore_repo::error::RepoError;

use crate::request::DELETIONS_PERCENT_MAX;

/// Result of a restore.
pub type RestoreResult<T> = Result<T, RestoreError>;

/// Error that ends a restore; one file that cannot be restored is no such error. The text fits behind "failed
/// to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The snapshot is pending, aborted or deleted.
    #[error("restore snapshot {run}: it is not complete")]
    NotComplete {
        /// Snapshot.
        run: RunId,
    },
    /// The snapshot has nothing under the path.
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
        /// What was tried, and the answer.
        source: FsError,
    },
    /// The file system of the target is full, or the quota is used up. What has been restored stays, and is
    /// not fetched again by the next run.
    #[error("write to the target, it is full")]
    TargetFull {
        /// What was tried, and the answer.
        source: FsError,
    },
    /// So much would be deleted that the user has to say that this is meant. Nothing was changed.
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
    /// Everything is there, but may not survive a power failure.
    #[error("make the restored files durable")]
    Sync {
        /// What was tried, and the answer.
        source: FsError,
    },
    /// The repository failed as a whole, or the root of the manifest is damaged.
    #[error(transparent)]
    Repository(RepoError),
    /// The user or the system asked to stop. What has been restored stays, and is not fetched again by the
    /// next run.
    #[error("interrupted")]
    Interrupted,
    /// What is to be written to a stream is not a file, or has no content.
    #[error("read {:?}: {reason}", String::from_utf8_lossy(.path))]
    NoContent {
        /// Path in the snapshot.
        path: Vec<u8>,
        /// What it is instead.
        reason: &'static str,
    },
    /// The stream that content is written to failed.
    #[error("write the content to the output")]
    Output {
        /// What the operating system said.
        source: io::Error,
    },
}

impl From<RepoError> for RestoreError {
    fn from(error: RepoError) -> Self {
        if matches!(error, RepoError::Interrupted) { Self::Interrupted } else { Self::Repository(error) }
    }
}

impl RestoreError {
    /// Says whether stored data is damaged or missing.
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Repository(error) if error.is_corruption())
    }

    /// Says whether somebody asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted)
    }
}
