//! Requests: which snapshot to hold or to release.

use crate::reference::{Moment, Reference};

/// A hold to place on a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRequest {
    /// The snapshot.
    pub reference: Reference,
    /// The last day or moment of the hold; none if it lasts until somebody releases it.
    pub until: Option<Moment>,
    /// Why the snapshot is held.
    pub reason: String,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}

/// A snapshot whose hold is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// The snapshot.
    pub reference: Reference,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
