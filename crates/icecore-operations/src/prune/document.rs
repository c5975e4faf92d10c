//! A removal of packs as JSON: a section of `docs/json.md`.

use icecore_prune::{RecordPlan, RecordStep, WaitedRun, WhyKept};
use icecore_repo::environment::time_of;
use serde::Serialize;

use super::Pruned;
use crate::text;

/// What a removal of packs did or would do.
#[derive(Clone, Debug, Serialize)]
pub struct PruneDocument {
    dry_run: bool,
    doubts: Vec<String>,
    packs_needed: usize,
    bytes_needed: u64,
    packs_to_condemn: usize,
    bytes_to_condemn: u64,
    snapshots_to_condemn: usize,
    packs_to_repack: usize,
    bytes_to_repack: u64,
    bytes_to_write: u64,
    packs_to_repack_later: usize,
    packs_repacked: usize,
    bytes_read: u64,
    packs_written: usize,
    bytes_written: u64,
    packs_condemned: usize,
    bytes_condemned: u64,
    packs_removed: usize,
    bytes_removed: u64,
    snapshots_removed: usize,
    runs_ended: usize,
    collections: Vec<RecordDocument>,
    runs_waited_for: Vec<WaitedDocument>,
    kept: Vec<PackDocument>,
    failed: Vec<FailedDocument>,
}

/// A collection that is not finished.
#[derive(Clone, Debug, Serialize)]
pub struct RecordDocument {
    number: u32,
    step: &'static str,
    waits_for: Vec<String>,
    until: Option<String>,
    packs: usize,
    bytes: u64,
    packs_spared: usize,
}

/// A run that collections wait for.
#[derive(Clone, Debug, Serialize)]
struct WaitedDocument {
    run: String,
    host: String,
    source: String,
    started: Option<String>,
    alive: Option<String>,
}

impl WaitedDocument {
    fn new(waited: &WaitedRun) -> Self {
        Self {
            run: waited.run.to_string(),
            host: waited.host.clone(),
            source: waited.source.clone(),
            started: text::utc_time(waited.started),
            alive: text::utc_time(time_of(waited.alive)),
        }
    }
}

/// Packs that are kept although no snapshot needs them.
#[derive(Clone, Debug, Serialize)]
pub struct PackDocument {
    reason: &'static str,
    packs: usize,
    bytes: u64,
}

/// An object that could not be removed.
#[derive(Clone, Debug, Serialize)]
struct FailedDocument {
    key: String,
    message: String,
}

impl PruneDocument {
    /// Makes the document of a removal of packs.
    pub fn new(pruned: &Pruned) -> Self {
        let plan = &pruned.plan;
        let new = plan.condemned.as_ref();
        let repack = plan.repack.clone().unwrap_or_default();
        let kept = plan.kept.iter().map(|kept| PackDocument {
            reason: reason_name(kept.why),
            packs: kept.packs,
            bytes: kept.bytes,
        });
        let failed = pruned.swept.failed.iter();
        let failed =
            failed.map(|(key, error)| FailedDocument { key: key.clone(), message: error.to_string() });
        Self {
            dry_run: pruned.dry_run,
            doubts: pruned.doubts.iter().map(ToString::to_string).collect(),
            packs_needed: plan.needed.0,
            bytes_needed: plan.needed.1,
            packs_to_condemn: new.map_or(0, |new| new.packs.len()),
            bytes_to_condemn: new.map_or(0, |new| new.bytes),
            snapshots_to_condemn: new.map_or(0, |new| new.deleted.len()),
            packs_to_repack: repack.packs.len() + repack.superfluous.len(),
            bytes_to_repack: repack.bytes,
            bytes_to_write: repack.bytes_needed,
            packs_to_repack_later: repack.packs_later,
            packs_repacked: pruned.repacked.packs.len(),
            bytes_read: pruned.repacked.bytes_read,
            packs_written: pruned.repacked.packs_written,
            bytes_written: pruned.repacked.bytes_written,
            packs_condemned: pruned.packs_condemned,
            bytes_condemned: pruned.bytes_condemned,
            packs_removed: pruned.swept.packs,
            bytes_removed: pruned.swept.bytes,
            snapshots_removed: pruned.swept.snapshots,
            runs_ended: pruned.runs_fenced,
            collections: plan.records.iter().map(RecordDocument::new).collect(),
            runs_waited_for: plan.waited.iter().map(WaitedDocument::new).collect(),
            kept: kept.collect(),
            failed: failed.collect(),
        }
    }
}

impl RecordDocument {
    fn new(record: &RecordPlan) -> Self {
        let (waits_for, until) = match &record.step {
            RecordStep::Wait { runs } => (runs.iter().map(ToString::to_string).collect(), None),
            RecordStep::Grace { until } => (Vec::new(), text::utc_time(time_of(*until))),
            _ => (Vec::new(), None),
        };
        Self {
            number: record.number.get(),
            step: step_name(&record.step),
            waits_for,
            until,
            packs: record.packs,
            bytes: record.bytes,
            packs_spared: record.spared.len(),
        }
    }
}

/// Returns the word for the next step of a collection.
fn step_name(step: &RecordStep) -> &'static str {
    match step {
        RecordStep::NoteWaiting => "note-waiting",
        RecordStep::Wait { .. } => "wait",
        RecordStep::Grace { .. } => "grace",
        RecordStep::Sweep => "sweep",
        RecordStep::Close => "close",
        RecordStep::Stay => "stay",
    }
}

/// Returns the word for why unused packs are kept.
fn reason_name(why: WhyKept) -> &'static str {
    match why {
        WhyKept::RunPending => "run-in-progress",
        WhyKept::Resumable => "resumable",
        WhyKept::DirectoryMissing => "directory-missing",
        WhyKept::TooMany => "next-collection",
    }
}

#[cfg(test)]
mod tests;
