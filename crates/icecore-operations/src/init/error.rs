//! Why a repository is not created.

use icecore_format::ids::RepositoryId;

/// Why a repository is not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// This host has used a repository at the location that has disappeared: somebody removed it, or a disk
    /// is not mounted.
    #[error(
        "this host has used the repository {repository} at {location} since {since}, but it is missing now"
    )]
    Disappeared {
        /// The repository.
        repository: RepositoryId,
        /// The location.
        location: String,
        /// Time of the first use, in local time.
        since: String,
    },
}
