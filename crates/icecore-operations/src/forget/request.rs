//! Requests: which snapshots to forget, and which to bring back.

use icecore_policy::retention::{GroupBy, RetentionPolicy, RetentionSelection};

use crate::reference::Reference;

/// Which snapshots to forget.
#[derive(Clone, Debug)]
pub enum ForgetChoice {
    /// These.
    Named(Vec<Reference>),
    /// Those that no rule keeps.
    Rules {
        /// The rules.
        policy: RetentionPolicy,
        /// Snapshots that the rules apply to.
        selection: RetentionSelection,
        /// Which of them are counted together.
        group_by: GroupBy,
    },
}

/// How to forget snapshots.
#[derive(Clone, Debug)]
pub struct ForgetRequest {
    /// Which ones.
    pub choice: ForgetChoice,
    /// Whether the user has confirmed what the guard would refuse.
    pub is_confirmed: bool,
    /// Whether only to report what would be forgotten.
    pub is_dry_run: bool,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}

/// A forgotten snapshot to bring back.
#[derive(Clone, Debug)]
pub struct UndoRequest {
    /// The snapshot, by its id.
    pub reference: Reference,
}
