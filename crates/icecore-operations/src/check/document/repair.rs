//! A repair as JSON.

use icecore_check::{MarkChange, RepairOutcome, RepairStep, SalvageSource, StoredObject};
use icecore_format::{ids::RunId, layout};
use serde::Serialize;

use super::ProblemDocument;
use crate::{check::repair::Repair, documents::PathText};

/// Result of a repair that was only planned.
static NOTHING: RepairOutcome = RepairOutcome {
    directories_rebuilt: 0,
    packs_moved: 0,
    packs_written: 0,
    chunks_kept: 0,
    snapshots_restored: Vec::new(),
    snapshots_mended: Vec::new(),
    snapshots_lost: Vec::new(),
    quarantined: Vec::new(),
};

/// A repair in JSON.
#[derive(Debug, Serialize)]
pub struct RepairDocument<'a> {
    dry_run: bool,
    steps: Vec<StepDocument>,
    left: Vec<LeftDocument<'a>>,
    marks: Vec<MarkDocument>,
    quarantined: &'a [String],
    directories_rebuilt: u64,
    packs_moved: u64,
    packs_written: u64,
    chunks_kept: u64,
    snapshots_restored: Vec<String>,
    snapshots_mended: Vec<String>,
    snapshots_lost: Vec<String>,
    problems_before: Vec<ProblemDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct StepDocument {
    step: &'static str,
    pack: Option<String>,
    snapshot: Option<String>,
    from: Vec<String>,
    to: Option<String>,
    retired: Vec<String>,
    chunks_kept: u64,
    chunks_lost: u64,
    directories_added: Vec<PathText>,
}

#[derive(Debug, Serialize)]
struct LeftDocument<'a> {
    object: &'a str,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct MarkDocument {
    snapshot: String,
    files_damaged: Option<u64>,
}

impl<'a> RepairDocument<'a> {
    /// Makes the document of a repair.
    pub fn new(repair: &'a Repair) -> Self {
        let outcome = repair.done.as_ref().map_or(&NOTHING, |done| &done.outcome);
        let marks = repair.done.as_ref().map_or(&[][..], |done| &done.marks);
        let ids = |runs: &[RunId]| runs.iter().map(RunId::snapshot_id).collect();
        let mark =
            |mark: &MarkChange| MarkDocument { snapshot: mark.run.snapshot_id(), files_damaged: mark.files };
        Self {
            dry_run: repair.done.is_none(),
            steps: repair.plan.steps.iter().map(StepDocument::new).collect(),
            left: repair.plan.left.iter().map(|(object, reason)| LeftDocument { object, reason }).collect(),
            marks: marks.iter().map(mark).collect(),
            quarantined: &outcome.quarantined,
            directories_rebuilt: outcome.directories_rebuilt,
            packs_moved: outcome.packs_moved,
            packs_written: outcome.packs_written,
            chunks_kept: outcome.chunks_kept,
            snapshots_restored: ids(&outcome.snapshots_restored),
            snapshots_mended: ids(&outcome.snapshots_mended),
            snapshots_lost: ids(&outcome.snapshots_lost),
            problems_before: repair.before.iter().map(ProblemDocument::from).collect(),
        }
    }
}

impl StepDocument {
    fn new(step: &RepairStep) -> Self {
        let keys = |objects: &[StoredObject]| objects.iter().map(|object| object.key.clone()).collect();
        let mut document = Self {
            step: step.name(),
            pack: None,
            snapshot: None,
            from: Vec::new(),
            to: None,
            retired: keys(step.retired()),
            chunks_kept: 0,
            chunks_lost: 0,
            directories_added: Vec::new(),
        };
        match step {
            RepairStep::RebuildDirectory { pack, from, .. } => {
                document.pack = Some(pack.to_string());
                document.from = vec![from.key.clone()];
                document.to = Some(layout::directory_key(*pack));
            }
            RepairStep::MovePack { pack, from, to } => {
                document.pack = Some(pack.to_string());
                document.from = vec![from.key.clone()];
                document.to = Some(to.clone());
            }
            RepairStep::RetirePack { pack, sources, chunks_lost, .. } => {
                document.pack = Some(pack.to_string());
                document.from = sources.iter().map(|source| source.object().key.clone()).collect();
                document.chunks_kept = sources.iter().map(SalvageSource::chunk_count).sum();
                document.chunks_lost = *chunks_lost;
            }
            RepairStep::AddParents { run, parents, .. } => {
                document.snapshot = Some(run.snapshot_id());
                document.directories_added = parents.iter().map(|path| PathText::new(path)).collect();
            }
            RepairStep::RestoreSnapshot { run, .. } | RepairStep::RetireSnapshot { run, .. } => {
                document.snapshot = Some(run.snapshot_id());
            }
            _ => {}
        }
        document
    }
}
