//! What can go wrong while packs are collected.

use icecore_catalog::CatalogError;
use icecore_format::ids::{PackName, RunId};
use icecore_repo::error::RepoError;

/// Result of this crate.
pub type PruneResult<T> = Result<T, PruneError>;

/// Error of a collection. The text fits behind "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// The repository cannot be read or written.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The local catalogue failed.
    #[error("catalogue: {0}")]
    Catalog(#[from] CatalogError),
    /// Directories of packs cannot be read, so nobody knows what is in these packs.
    #[error("{} pack directories cannot be read", packs.len())]
    Directories {
        /// The packs.
        packs: Vec<PackName>,
    },
    /// A listing lacks the object of the own run, or another one that exists.
    #[error("the store does not list an object that exists: its listing is not complete")]
    ListingIncomplete,
    /// A snapshot object does not open: whether its run is under way is not known.
    #[error("{key} cannot be read, so nobody knows whether its run is in progress")]
    SnapshotUnreadable {
        /// Key of the object.
        key: String,
    },
    /// A run is to be ended that is not in progress.
    #[error("run {run} is not in progress")]
    NotPending {
        /// The run.
        run: RunId,
    },
    /// A snapshot is to be forgotten or held that is not complete.
    #[error("there is no complete snapshot {}", .run.snapshot_id())]
    NotComplete {
        /// Run of the snapshot.
        run: RunId,
    },
    /// A snapshot is to be forgotten while a hold lasts.
    #[error("snapshot {} is held: {reason}", .run.snapshot_id())]
    Held {
        /// Run of the snapshot.
        run: RunId,
        /// Why it is held.
        reason: String,
    },
    /// A snapshot is to be brought back that is not forgotten.
    #[error("snapshot {} is not forgotten", .run.snapshot_id())]
    NotForgotten {
        /// Run of the snapshot.
        run: RunId,
    },
    /// A snapshot is to be brought back of which something is gone or about to go.
    #[error("snapshot {} cannot be brought back: its data is being removed or gone", .run.snapshot_id())]
    TooLate {
        /// Run of the snapshot.
        run: RunId,
    },
    /// There have been as many collections as there are numbers.
    #[error("the repository has no numbers left for collections")]
    CollectionNumbers,
}

impl PruneError {
    /// Says whether nothing is known after the error. Else what cannot be read is known.
    pub(crate) fn is_general(&self) -> bool {
        !matches!(self, Self::Repo(error) if error.is_corruption() || error.is_archived())
    }
}
