//! Forgotten snapshots as JSON: sections of `docs/json.md`.

use std::collections::BTreeMap;

use icecore_policy::retention::{GroupKey, ShareRefusal};
use serde::Serialize;

use super::{ForgetAction, ForgetReport, ForgottenSnapshot, ReasonDocument, Undone, Why, reasons};
use crate::{
    documents::SnapshotDocument,
    prune::{PruneDocument, Pruned},
};

/// What happened to snapshots.
#[derive(Clone, Debug, Serialize)]
pub struct ForgetDocument {
    dry_run: bool,
    forgotten: usize,
    kept: usize,
    snapshots: Vec<ItemDocument>,
    refused: Vec<RefusalDocument>,
    prune: Option<PruneDocument>,
}

/// What happened to a snapshot.
#[derive(Clone, Debug, Serialize)]
struct ItemDocument {
    action: &'static str,
    reasons: Vec<ReasonDocument>,
    message: Option<String>,
    snapshot: Option<SnapshotDocument>,
}

/// A group whose plan the guard refuses.
#[derive(Clone, Debug, Serialize)]
struct RefusalDocument {
    host: Option<String>,
    source: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    snapshots_to_forget: usize,
    snapshots_compared: usize,
    first_time: bool,
}

/// A snapshot that was brought back.
#[derive(Clone, Debug, Serialize)]
pub struct UndoDocument {
    forgotten: String,
    snapshot: Option<SnapshotDocument>,
}

impl ForgetDocument {
    /// Makes the document of a report, and of the removal of packs after it.
    pub fn new(report: &ForgetReport, pruned: Option<&Pruned>) -> Self {
        Self {
            dry_run: report.is_dry_run,
            forgotten: report.forgotten(),
            kept: report.kept(),
            snapshots: report.snapshots.iter().map(ItemDocument::new).collect(),
            refused: report.refused.iter().map(RefusalDocument::new).collect(),
            prune: pruned.map(PruneDocument::new),
        }
    }
}

impl ItemDocument {
    fn new(one: &ForgottenSnapshot) -> Self {
        let (action, message) = match &one.action {
            ForgetAction::Kept => ("keep", None),
            ForgetAction::Forgotten => ("forget", None),
            ForgetAction::Refused => ("refused", None),
            ForgetAction::Failed(error) => ("failed", Some(error.to_string())),
        };
        let reasons = match &one.why {
            Why::Named => Vec::new(),
            Why::Rules(fate) => reasons(fate),
        };
        Self { action, reasons, message, snapshot: SnapshotDocument::new(&one.snapshot) }
    }
}

impl RefusalDocument {
    fn new((key, refusal): &(GroupKey, ShareRefusal)) -> Self {
        Self {
            host: key.host.clone(),
            source: key.source.clone(),
            tags: key.tags.clone(),
            snapshots_to_forget: refusal.forgotten,
            snapshots_compared: refusal.of,
            first_time: refusal.is_first,
        }
    }
}

impl UndoDocument {
    /// Makes the document of a snapshot that was brought back.
    pub fn new(undone: &Undone) -> Self {
        Self { forgotten: undone.forgotten.snapshot_id(), snapshot: SnapshotDocument::new(&undone.snapshot) }
    }
}
