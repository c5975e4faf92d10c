//! What can go wrong while packs are collected.

use icecore_catalog::CatalogError;
use icecore_format::ids::PackName;
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
}

impl PruneError {
    /// Says whether nothing is known after the error. Else what cannot be read is known.
    pub(crate) fn is_general(&self) -> bool {
        !matches!(self, Self::Repo(error) if error.is_corruption() || error.is_archived())
    }
}
