//! Request: which note to write.

use crate::reference::Reference;

/// A note about a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteRequest {
    /// The snapshot.
    pub reference: Reference,
    /// The note, which replaces an earlier one; an empty text removes it.
    pub text: String,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
