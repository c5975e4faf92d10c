//! Request: which snapshots to account for.

use icecore_policy::retention::RetentionSelection;

use crate::reference::Reference;

/// Which snapshots to account for. All snapshots count when it is decided what is shared.
#[derive(Clone, Debug, Default)]
pub struct StatsRequest {
    /// Only these snapshots; all if empty.
    pub references: Vec<Reference>,
    /// Only snapshots of these hosts and sources with these tags.
    pub selection: RetentionSelection,
    /// Whether to list each snapshot by itself.
    pub by_snapshot: bool,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}

impl StatsRequest {
    /// Returns whether some snapshots may be left out.
    pub fn is_filtered(&self) -> bool {
        !self.references.is_empty() || self.selection != RetentionSelection::default()
    }
}
