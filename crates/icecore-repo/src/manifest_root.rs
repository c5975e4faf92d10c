//! Where a manifest begins: what a session commits, and where reading starts.

use icecore_format::{
    ids::{ChunkId, RunId},
    node::Totals,
    snapshot::Snapshot,
};

/// Where a manifest begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRoot {
    /// Snapshot that the manifest belongs to, for messages.
    pub run: RunId,
    /// Id of the root node.
    pub node: ChunkId,
    /// Level of the root node.
    pub level: u8,
    /// Totals that the root node must have.
    pub totals: Totals,
}

impl ManifestRoot {
    /// Returns the root of a complete snapshot; none in every other state.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let completion = snapshot.completion()?;
        Some(Self {
            run: snapshot.origin.run,
            node: completion.root_node,
            level: completion.root_level,
            totals: completion.totals,
        })
    }
}
