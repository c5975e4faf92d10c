//! Why a snapshot was not copied.

use icecore_repo::error::RepoError;

/// Result of a copy.
pub type CopyResult<T> = Result<T, CopyError>;

/// Error that ends the copy of a snapshot. The text fits behind "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A repair has noted that a part of the snapshot is lost.
    #[error("copy a snapshot of which a part is lost ({files} files, as a repair noted)")]
    Marked {
        /// Number of files that cannot be restored in whole; 0 if it is not known which.
        files: u64,
    },
    /// There is no such complete snapshot.
    #[error("copy a snapshot that is not complete")]
    Incomplete,
    /// The repository that is copied from failed, or is damaged.
    #[error(transparent)]
    Source(RepoError),
    /// The repository that is copied to failed.
    #[error("write to the other repository: {0}")]
    Target(RepoError),
    /// The copy does not hold what the snapshot says that it holds; it was not committed.
    #[error("copy the snapshot: the copy has {found} entries, {expected} are expected")]
    Totals {
        /// Entries of the copy.
        found: u64,
        /// Entries that the snapshot says it has.
        expected: u64,
    },
    /// A thread ended unexpectedly.
    #[error("copy the snapshot: the {stage} stage ended unexpectedly")]
    StageLost {
        /// Name of the stage.
        stage: &'static str,
    },
}

impl CopyError {
    /// Says whether the snapshot itself is damaged, which other snapshots need not be.
    pub fn is_damaged_snapshot(&self) -> bool {
        match self {
            Self::Marked { .. } | Self::Totals { .. } => true,
            Self::Source(error) => error.is_corruption(),
            _ => false,
        }
    }

    /// Says whether a part of the snapshot has to be thawed before it can be copied.
    pub fn is_archived(&self) -> bool {
        matches!(self, Self::Source(error) if error.is_archived())
    }
}
