//! Statistics as JSON: a section of `docs/json.md`.

use icecore_prune::ChunkSums;
use serde::Serialize;

use super::{
    HolderUse, MonthGrowth, ObjectClass, ObjectSums, SelectionUse, SnapshotUse, StatsDamage, StatsReport,
};
use crate::documents::SnapshotDocument;

/// What a repository holds.
#[derive(Clone, Debug, Serialize)]
pub struct StatsDocument {
    objects: Vec<ObjectsDocument>,
    content: ContentDocument,
    selected: UseDocument,
    by_host: Vec<HolderDocument>,
    by_source: Vec<HolderDocument>,
    by_snapshot: Option<Vec<SnapshotUseDocument>>,
    by_month: Vec<MonthDocument>,
    unused: UnusedDocument,
    damage: Vec<DamageDocument>,
}

/// Objects of one kind.
#[derive(Clone, Debug, Serialize)]
struct ObjectsDocument {
    kind: &'static str,
    objects: u64,
    bytes: u64,
}

/// Contents of the selected snapshots.
#[derive(Clone, Debug, Serialize)]
struct ContentDocument {
    bytes: u64,
    bytes_deduplicated: u64,
    bytes_stored: u64,
    chunks: u64,
    deduplication_ratio: Option<f64>,
    compression_ratio: Option<f64>,
}

/// What some snapshots hold.
#[derive(Clone, Debug, Serialize)]
struct UseDocument {
    snapshots: u64,
    bytes: u64,
    bytes_alone: u64,
    chunks_alone: u64,
    packs_freed: u64,
    bytes_freed: u64,
    packs_needed: u64,
    bytes_needed: u64,
    bytes_shared: u64,
}

/// What a source or host holds.
#[derive(Clone, Debug, Serialize)]
struct HolderDocument {
    host: String,
    source: Option<String>,
    bytes_newest: u64,
    #[serde(flatten)]
    held: UseDocument,
}

/// What a snapshot holds.
#[derive(Clone, Debug, Serialize)]
struct SnapshotUseDocument {
    snapshot: Option<SnapshotDocument>,
    #[serde(flatten)]
    held: UseDocument,
}

/// What a month added.
#[derive(Clone, Debug, Serialize)]
struct MonthDocument {
    month: String,
    snapshots: u64,
    bytes_new: u64,
    bytes_uploaded: u64,
    packs: u64,
    bytes_kept: u64,
}

/// What no snapshot needs.
#[derive(Clone, Debug, Serialize)]
struct UnusedDocument {
    packs: u64,
    bytes: u64,
    packs_in_progress: u64,
    bytes_in_progress: u64,
    bytes_in_needed_packs: u64,
}

/// Something that cannot be read.
#[derive(Clone, Debug, Serialize)]
struct DamageDocument {
    object: String,
    reason: String,
}

impl StatsDocument {
    /// Makes the document of a report.
    pub fn new(report: &StatsReport) -> Self {
        let unused = &report.unused;
        let ChunkSums { chunks, plain_bytes, stored_bytes } = report.content;
        let by_snapshot = report.by_snapshot.as_ref();
        Self {
            objects: report.objects.iter().map(ObjectsDocument::new).collect(),
            content: ContentDocument {
                bytes: report.selected.bytes,
                bytes_deduplicated: plain_bytes,
                bytes_stored: stored_bytes,
                chunks,
                deduplication_ratio: report.deduplication_ratio(),
                compression_ratio: report.compression_ratio(),
            },
            selected: UseDocument::new(&report.selected),
            by_host: report.by_host.iter().map(HolderDocument::new).collect(),
            by_source: report.by_source.iter().map(HolderDocument::new).collect(),
            by_snapshot: by_snapshot.map(|list| list.iter().map(SnapshotUseDocument::new).collect()),
            by_month: report.by_month.iter().map(MonthDocument::new).collect(),
            unused: UnusedDocument {
                packs: unused.packs.packs,
                bytes: unused.packs.bytes,
                packs_in_progress: unused.in_progress.packs,
                bytes_in_progress: unused.in_progress.bytes,
                bytes_in_needed_packs: unused.in_needed_packs.stored_bytes(),
            },
            damage: report.damage.iter().map(DamageDocument::new).collect(),
        }
    }
}

impl ObjectsDocument {
    fn new(sums: &ObjectSums) -> Self {
        Self { kind: class_name(sums.class), objects: sums.objects, bytes: sums.bytes }
    }
}

impl UseDocument {
    fn new(held: &SelectionUse) -> Self {
        Self {
            snapshots: held.snapshots,
            bytes: held.bytes,
            bytes_alone: held.alone.stored_bytes(),
            chunks_alone: held.alone.data.chunks + held.alone.nodes.chunks,
            packs_freed: held.freed.packs,
            bytes_freed: held.freed.bytes,
            packs_needed: held.needed.packs,
            bytes_needed: held.needed.bytes,
            bytes_shared: held.bytes_shared(),
        }
    }
}

impl HolderDocument {
    fn new(holder: &HolderUse) -> Self {
        Self {
            host: holder.host.clone(),
            source: holder.source.clone(),
            bytes_newest: holder.bytes_newest,
            held: UseDocument::new(&holder.held),
        }
    }
}

impl SnapshotUseDocument {
    fn new(one: &SnapshotUse) -> Self {
        Self { snapshot: SnapshotDocument::new(&one.snapshot), held: UseDocument::new(&one.held) }
    }
}

impl MonthDocument {
    fn new(growth: &MonthGrowth) -> Self {
        Self {
            month: growth.month.clone(),
            snapshots: growth.snapshots,
            bytes_new: growth.bytes_new,
            bytes_uploaded: growth.bytes_uploaded,
            packs: growth.packs.packs,
            bytes_kept: growth.packs.bytes,
        }
    }
}

impl DamageDocument {
    fn new(damage: &StatsDamage) -> Self {
        Self { object: damage.object.clone(), reason: damage.reason.clone() }
    }
}

/// Returns the word for a kind of objects.
fn class_name(class: ObjectClass) -> &'static str {
    match class {
        ObjectClass::DataPacks => "data-packs",
        ObjectClass::ManifestPacks => "manifest-packs",
        ObjectClass::Directories => "pack-directories",
        ObjectClass::Index => "index",
        ObjectClass::Snapshots => "snapshots",
        ObjectClass::Log => "log",
        ObjectClass::Collections => "collections",
        ObjectClass::Keys => "keys",
        ObjectClass::Quarantine => "quarantine",
        ObjectClass::Header => "header",
        ObjectClass::Other => "other",
    }
}

#[cfg(test)]
mod tests;
