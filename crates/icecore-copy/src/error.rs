//! Reasons why a snapshot was not copied.

use icecore_repo::error::RepoError;

/// Result of a copy.
pub type CopyResult<T> = Result<T, CopyError>;

/// Error that ends the copy of a snapshot. The text can follow "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// According to a repair, a part of the snapshot is lost.
    #[error("copy the snapshot: a repair marked it as damaged (damaged files: {files})")]
    Marked {
        /// Number of files that cannot be restored completely; 0 if it is not known which ones.
        files: u64,
    },
    /// There is no such complete snapshot.
    #[error("copy the snapshot: it is not complete")]
    Incomplete,
    /// The source repository failed, or is damaged.
    #[error(transparent)]
    Source(RepoError),
    /// The destination failed.
    #[error("write to the other repository: {0}")]
    Target(RepoError),
    /// The totals of the copy differ from those of the snapshot; the copy was not committed.
    #[error("copy the snapshot: the copy has {found} entries instead of {expected}")]
    Totals {
        /// Entries of the copy.
        found: u64,
        /// Entries of the snapshot.
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
    /// Returns whether the snapshot itself is damaged; other snapshots may be intact.
    pub fn is_damaged_snapshot(&self) -> bool {
        match self {
            Self::Marked { .. } | Self::Totals { .. } => true,
            Self::Source(error) => error.is_corruption(),
            _ => false,
        }
    }

    /// Returns whether a part of the snapshot must be thawed before it can be copied.
    pub fn is_archived(&self) -> bool {
        matches!(self, Self::Source(error) if error.is_archived())
    }
}
