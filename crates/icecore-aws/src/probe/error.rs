//! Why a server must not be used.

use icecore_store::StoreError;

/// Reason why several writers must not use a server. The text fits after "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A request failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server does not honour conditions.
    #[error("the server at {location} {ignored}: concurrent writers could overwrite each other's objects")]
    NotHonoured {
        /// Location of the store.
        location: String,
        /// Behaviour of the server.
        ignored: String,
    },
    /// The server does not read in the way that every repository needs.
    #[error("the server at {location} {wrong}: backups there could not be restored")]
    WrongReads {
        /// Location of the store.
        location: String,
        /// Behaviour of the server.
        wrong: String,
    },
}
