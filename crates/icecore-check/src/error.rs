//! Why a check could not be carried out.

use icecore_format::error::FormatError;
use icecore_store::StoreError;

/// Error of the check itself; what is wrong with stored objects is in the report instead. The text fits
/// behind "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The store did not answer, or refuses to: nothing is known about the object then.
    #[error("read {object:?} from the repository")]
    Store {
        /// Key of the object, or prefix of the list.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// The caller cancelled the check.
    #[error("finish the check: it was cancelled")]
    Cancelled,
    /// The share of packs to read is not a number from 0 to 100.
    #[error("choose a sample of {percent} % of the packs: the share is a number from 0 to 100")]
    InvalidSample {
        /// Share that was asked for, in percent.
        percent: f64,
    },
    /// The store did not take what a repair had to write, or did not delete what is in quarantine.
    #[error("change {object:?} in the repository")]
    Change {
        /// Key of the object.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// An object that a repair had to write could not be made.
    #[error("make {object:?} anew")]
    Make {
        /// Key of the object, or of the one that it was to be made from.
        object: String,
        /// What is wrong.
        source: FormatError,
    },
    /// An object is not any more what it was when the repair was planned.
    #[error("repair the repository: {object} was changed since the repair was planned")]
    Changed {
        /// Key of the object.
        object: String,
    },
    /// Another program took the repair for dead and ended it.
    #[error("go on with the repair: it was ended by another program")]
    Fenced,
    /// The repository is maintained by a newer version of the program, beside which this one must not change
    /// anything.
    #[error("change the repository: it is maintained by a newer version of this program")]
    NewerMaintenance,
    /// A thread of the pool ended before it delivered its result.
    #[error("finish the check: a worker thread ended early")]
    WorkerLost,
}

impl CheckError {
    /// Says whether the same check may succeed when it is started again a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store { source, .. } | Self::Change { source, .. } if source.is_transient())
    }
}
