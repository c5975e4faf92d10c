//! Why a server is not to be used.

use icecore_store::StoreError;

/// Reason why a server is not to be used by several writers. The text fits behind "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A request failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server does not honour conditions.
    #[error(
        "the server at {location} {ignored}: of several writers at the same time one could destroy what another has just written"
    )]
    NotHonoured {
        /// Where the store is.
        location: String,
        /// What it does.
        ignored: String,
    },
    /// The server does not read as every repository needs it.
    #[error("the server at {location} {wrong}: backups there could not be restored")]
    WrongReads {
        /// Where the store is.
        location: String,
        /// What it does.
        wrong: String,
    },
}
