//! What is to be listed.

use crate::reference::Reference;

/// A directory, or one object, of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LsRequest {
    /// The snapshot, and the path in it.
    pub reference: Reference,
    /// Whether directories are listed with everything below them.
    pub recursive: bool,
    /// Whether to go on although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
