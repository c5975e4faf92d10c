//! Why a check could not be carried out.

use icecore_format::error::FormatError;
use icecore_store::StoreError;

/// Error of the check itself; problems of stored objects are in the report instead. The text can follow
/// "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The store did not answer, or refused to, so nothing is known about the object.
    #[error("read {object:?} from the repository")]
    Store {
        /// Key of the object, or prefix of the list.
        object: String,
        /// Error of the store.
        source: StoreError,
    },
    /// The caller cancelled the check.
    #[error("finish the check: it was cancelled")]
    Cancelled,
    /// The share of packs to read is not a number from 0 to 100.
    #[error("read {percent} % of the packs: the percentage must be from 0 to 100")]
    InvalidSample {
        /// Share that was asked for, in percent.
        percent: f64,
    },
    /// The store did not accept a write of a repair, or did not delete an object that is in quarantine.
    #[error("change {object:?} in the repository")]
    Change {
        /// Key of the object.
        object: String,
        /// Error of the store.
        source: StoreError,
    },
    /// An object that a repair had to write could not be made.
    #[error("process {object:?}")]
    Make {
        /// Key of the object, or of the object that it was to be made from.
        object: String,
        /// What is wrong.
        source: FormatError,
    },
    /// An object has changed since the repair was planned.
    #[error("repair the repository: {object} has changed since the repair was planned")]
    Changed {
        /// Key of the object.
        object: String,
    },
    /// The record of a collection does not open: nobody knows which packs are about to be removed.
    #[error("change the repository: {object} lists packs that are being removed, but cannot be read")]
    Collection {
        /// Key of the record.
        object: String,
        /// What is wrong.
        source: FormatError,
    },
    /// Another program considered the repair dead and ended it.
    #[error("continue the repair: another program ended it")]
    Fenced,
    /// A newer version of the program maintains the repository, so this version must not change anything.
    #[error("change the repository: a newer version of Icecore maintains it")]
    NewerMaintenance,
    /// A thread of the pool ended before it delivered its result.
    #[error("finish the check: a worker thread ended early")]
    WorkerLost,
}

impl CheckError {
    /// Returns whether the same check may succeed if it is started again a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store { source, .. } | Self::Change { source, .. } if source.is_transient())
    }
}
