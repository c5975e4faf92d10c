//! Why a key is not added or changed.

use icecore_access::AccessError;

/// Why a key is not added or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No new key was given, and nobody can be asked for a password.
    #[error("no new key is given")]
    NoneGiven,
    /// The new key already opens the repository.
    #[error("the new key is the same as the current key")]
    IsPresent,
    /// A key file that commands find by themselves cannot be replaced, so the key stays as it was.
    #[error(transparent)]
    FilesStay(AccessError),
}
