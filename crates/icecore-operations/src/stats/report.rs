//! What was found out.

use std::error::Error;

use icecore_access::Usage;
use icecore_format::snapshot::Snapshot;
use icecore_prune::{ChunkSums, HeldChunks, PackSums};

use super::{growth::MonthGrowth, objects::ObjectSums};
use crate::{look::Ending, text};

/// What some snapshots hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectionUse {
    /// Number of snapshots.
    pub snapshots: u64,
    /// Sum of the sizes of their files in bytes, each file as often as snapshots have it.
    pub bytes: u64,
    /// Chunks that no other snapshot refers to.
    pub alone: HeldChunks,
    /// Packs that no other snapshot needs: `prune` removes them if these snapshots are forgotten.
    pub freed: PackSums,
    /// Packs that these snapshots need, shared ones included.
    pub needed: PackSums,
}

/// What the snapshots of a source or host hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderUse {
    /// The host.
    pub host: String,
    /// The source; none for a whole host.
    pub source: Option<String>,
    /// Size of the files of the newest snapshot in bytes; of a host, the sum of those of its sources.
    pub bytes_newest: u64,
    /// What they hold.
    pub held: SelectionUse,
}

/// What a snapshot holds.
#[derive(Clone, Debug)]
pub struct SnapshotUse {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What it holds.
    pub held: SelectionUse,
}

/// Packs that no snapshot needs, and unused chunks in others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnusedPacks {
    /// Packs that no snapshot needs and whose runs have ended.
    pub packs: PackSums,
    /// Packs of runs in progress that no snapshot needs yet.
    pub in_progress: PackSums,
    /// Chunks that no snapshot refers to, in packs that are needed.
    pub in_needed_packs: HeldChunks,
}

/// Something that cannot be read: the figures are too small or too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsDamage {
    /// The object, snapshot or node.
    pub object: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// What was found out about a repository.
#[derive(Debug)]
pub struct StatsReport {
    /// All objects of the repository by kind.
    pub objects: Vec<ObjectSums>,
    /// Contents of files that the selected snapshots refer to, each chunk once.
    pub content: ChunkSums,
    /// All selected snapshots together.
    pub selected: SelectionUse,
    /// The selected snapshots by host.
    pub by_host: Vec<HolderUse>,
    /// The selected snapshots by source.
    pub by_source: Vec<HolderUse>,
    /// The selected snapshots, if they are to be listed.
    pub by_snapshot: Option<Vec<SnapshotUse>>,
    /// What each month added.
    pub by_month: Vec<MonthGrowth>,
    /// What no snapshot needs.
    pub unused: UnusedPacks,
    /// What cannot be read.
    pub damage: Vec<StatsDamage>,
    /// Whether snapshots disappeared.
    pub ending: Ending,
    /// Usage of the store.
    pub usage: Usage,
}

impl StatsDamage {
    pub(super) fn new(object: &str, error: &dyn Error) -> Self {
        Self { object: object.to_owned(), reason: text::reason(error) }
    }
}

impl SelectionUse {
    /// Returns the bytes of packs that other snapshots need, too.
    pub fn bytes_shared(&self) -> u64 {
        self.needed.bytes.saturating_sub(self.freed.bytes)
    }
}

impl StatsReport {
    /// Returns how often each byte of the snapshots' files is stored only once; none if nothing is stored.
    pub fn deduplication_ratio(&self) -> Option<f64> {
        ratio(self.selected.bytes, self.content.plain_bytes)
    }

    /// Returns how many bytes one stored byte holds, encryption included; none if nothing is stored.
    pub fn compression_ratio(&self) -> Option<f64> {
        ratio(self.content.plain_bytes, self.content.stored_bytes)
    }
}

fn ratio(before: u64, after: u64) -> Option<f64> {
    (after > 0).then(|| before as f64 / after as f64)
}
