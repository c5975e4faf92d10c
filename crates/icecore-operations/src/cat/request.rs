//! Request: which file to read.

use crate::reference::Reference;

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatRequest {
    /// The snapshot, and the path of the file in it.
    pub reference: Reference,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
