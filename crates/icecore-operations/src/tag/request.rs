//! Request: which tags to add to a snapshot, and which to remove.

use crate::reference::Reference;

/// Tags to add to a snapshot and to remove from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRequest {
    /// The snapshot.
    pub reference: Reference,
    /// Tags to add; a tag with the same key is replaced.
    pub add: Vec<(String, String)>,
    /// Keys of the tags to remove.
    pub remove: Vec<String>,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
