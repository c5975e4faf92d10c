//! Request: what to list.

use crate::reference::Reference;

/// A directory, or one object, of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LsRequest {
    /// The snapshot, and the path in it.
    pub reference: Reference,
    /// Whether to list directories with everything below them.
    pub recursive: bool,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
