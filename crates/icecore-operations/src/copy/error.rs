//! Why nothing was copied, or one snapshot was not copied.

use icecore_copy::CopyError;
use icecore_format::ids::RunId;

use crate::reference::ResolveError;

/// Why nothing was copied, or one snapshot was not copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotCopied {
    /// Source and destination are the same repository.
    #[error("{destination} is the same repository as {source_location}")]
    SameRepository {
        /// Location of the source.
        source_location: String,
        /// Location of the destination.
        destination: String,
    },
    /// The named source has no snapshots.
    #[error("{error}")]
    NoSnapshot {
        /// What is missing.
        error: ResolveError,
        /// Snapshots disappeared, and the request was not to continue anyway.
        is_alarmed: bool,
    },
    /// The copy of one snapshot failed.
    #[error("snapshot {} is not copied: {error}", .run.snapshot_id())]
    Snapshot {
        /// The snapshot.
        run: RunId,
        /// Why it was not copied.
        error: CopyError,
    },
}
