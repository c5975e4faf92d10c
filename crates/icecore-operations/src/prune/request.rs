//! Request: how to remove packs.

use std::time::Duration;

use icecore_format::ids::RunId;

/// How to remove packs that no snapshot needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneRequest {
    /// Time between marking packs and removing them.
    pub grace: Duration,
    /// Runs that are not alive any more, although their snapshots are pending.
    pub ended_runs: Vec<RunId>,
    /// Most bytes of packs that are read to repack them; looked for only after snapshots were forgotten if
    /// absent.
    pub max_repack: Option<u64>,
    /// Whether only to report what would be removed.
    pub dry_run: bool,
}
