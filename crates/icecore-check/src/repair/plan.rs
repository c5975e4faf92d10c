//! Actions of a repair, as a value that is shown and then executed.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use icecore_format::{
    collection::Condemned,
    directory::PackDirectory,
    ids::{ChunkId, PackName, RunId},
    node::Totals,
};
use icecore_store::{ObjectInfo, Version};

/// An object in its planned state. In another state it is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Key of the object.
    pub key: String,
    /// State of the object.
    pub version: Version,
}

impl StoredObject {
    /// Identifies an object in the state in which it was listed.
    pub(super) fn of(info: &ObjectInfo) -> Self {
        Self { key: info.key.clone(), version: info.version.clone() }
    }
}

/// One step of a repair. Each step is complete in itself; the steps are executed in the order of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairStep {
    /// Rebuilds the directory of a pack from the copy at the end of the pack.
    RebuildDirectory {
        /// Pack, whose blocks all open.
        pack: PackName,
        /// Object of the pack.
        from: StoredObject,
        /// Damaged directory, which goes into quarantine; none if there is no directory.
        replaced: Option<StoredObject>,
    },
    /// Moves an intact pack to the location that its directory names.
    MovePack {
        /// Pack.
        pack: PackName,
        /// Current location.
        from: StoredObject,
        /// Right location.
        to: String,
    },
    /// Stores the intact data of damaged packs again, and moves the packs and their directory into
    /// quarantine.
    RetirePack {
        /// Pack.
        pack: PackName,
        /// Objects from which chunks are taken; empty if no chunk is intact, or all are verified to be in
        /// other packs.
        sources: Vec<SalvageSource>,
        /// Objects that go into quarantine.
        retired: Vec<StoredObject>,
        /// Chunks of the pack that are lost with it.
        chunks_lost: u64,
    },
    /// Adds the directories that a snapshot lacks although entries are below them.
    AddParents {
        /// Run of the snapshot.
        run: RunId,
        /// Object of the snapshot, which is replaced.
        object: StoredObject,
        /// Paths of the directories, about which nothing else is known; sorted.
        parents: Vec<Vec<u8>>,
        /// The manifest with these directories.
        manifest: MendedManifest,
    },
    /// Restores a snapshot that does not open, from a copy of it.
    RestoreSnapshot {
        /// Run of the snapshot.
        run: RunId,
        /// Object that does not open, which goes into quarantine.
        replaced: StoredObject,
        /// The copy, sealed.
        object: Bytes,
    },
    /// Moves a snapshot that does not open and has no copy into quarantine.
    RetireSnapshot {
        /// Run of the snapshot.
        run: RunId,
        /// Object that does not open.
        object: StoredObject,
    },
}

/// An object from which chunks are taken, and these chunks.
#[derive(Clone)]
pub struct SalvageSource {
    /// Object.
    pub(crate) object: StoredObject,
    /// Directory that describes its blocks.
    pub(crate) directory: Arc<PackDirectory>,
    /// Chunks to take, sorted.
    pub(crate) chunks: Vec<ChunkId>,
}

impl SalvageSource {
    /// Returns the object that the chunks are taken from.
    pub fn object(&self) -> &StoredObject {
        &self.object
    }

    /// Returns the number of chunks that are taken.
    pub fn chunk_count(&self) -> u64 {
        self.chunks.len() as u64
    }
}

impl fmt::Debug for SalvageSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SalvageSource")
            .field("object", &self.object)
            .field("chunks", &self.chunks.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for SalvageSource {
    fn eq(&self, other: &Self) -> bool {
        (&self.object, &self.chunks) == (&other.object, &other.chunks)
    }
}

impl Eq for SalvageSource {}

/// A manifest that replaces one that lacks directories: the nodes to be stored, and its root.
#[derive(Clone, PartialEq, Eq)]
pub struct MendedManifest {
    /// Nodes to be stored, with their ids.
    pub(crate) nodes: Vec<(ChunkId, Bytes)>,
    /// Id of the root node.
    pub(crate) root: ChunkId,
    /// Level of the root node.
    pub(crate) level: u8,
    /// Totals of the whole manifest.
    pub(crate) totals: Totals,
}

impl fmt::Debug for MendedManifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MendedManifest")
            .field("root", &self.root)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// Plan of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairPlan {
    /// Steps, in their order.
    pub steps: Vec<RepairStep>,
    /// Faulty objects that are left alone, with the reason; sorted.
    pub left: Vec<(String, String)>,
    /// Packs that were about to be removed when the plan was made: it relies on none of them.
    pub condemned: Condemned,
}

/// What a repair has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairOutcome {
    /// Pack directories that were rebuilt from packs.
    pub directories_rebuilt: u64,
    /// Packs that were moved to their right location.
    pub packs_moved: u64,
    /// New packs with the intact data of damaged ones.
    pub packs_written: u64,
    /// Chunks in the new packs.
    pub chunks_kept: u64,
    /// Snapshots that were restored from a copy.
    pub snapshots_restored: Vec<RunId>,
    /// Snapshots that got their missing directories.
    pub snapshots_mended: Vec<RunId>,
    /// Snapshots that are lost.
    pub snapshots_lost: Vec<RunId>,
    /// Keys of the objects in quarantine.
    pub quarantined: Vec<String>,
}

impl RepairStep {
    /// Returns the name for machines, in kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RebuildDirectory { .. } => "rebuild-directory",
            Self::MovePack { .. } => "move-pack",
            Self::RetirePack { .. } => "retire-pack",
            Self::AddParents { .. } => "add-parents",
            Self::RestoreSnapshot { .. } => "restore-snapshot",
            Self::RetireSnapshot { .. } => "retire-snapshot",
        }
    }

    /// Returns the objects that the step puts into quarantine.
    pub fn retired(&self) -> &[StoredObject] {
        match self {
            Self::RebuildDirectory { replaced, .. } => replaced.as_slice(),
            Self::MovePack { .. } | Self::AddParents { .. } => &[],
            Self::RetirePack { retired, .. } => retired,
            Self::RestoreSnapshot { replaced: object, .. } | Self::RetireSnapshot { object, .. } => {
                std::slice::from_ref(object)
            }
        }
    }
}
