//! Request: what to compare.

use crate::{
    error::{OperationError, OperationResult},
    reference::Reference,
};

/// Two snapshots, and a path that both may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffRequest {
    /// The older snapshot, and the path in it.
    pub(super) old: Reference,
    /// The newer snapshot, with the same path.
    pub(super) new: Reference,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub(super) ignores_rollback: bool,
}

impl DiffRequest {
    /// Makes a request; both references must have the same path.
    pub fn new(old: Reference, new: Reference, ignores_rollback: bool) -> OperationResult<Self> {
        if old.path != new.path {
            return Err(OperationError::DifferentPaths);
        }
        Ok(Self { old, new, ignores_rollback })
    }
}
