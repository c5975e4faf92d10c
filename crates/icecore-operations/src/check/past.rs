//! What was there and is not any more.

use icecore_access::OpenRepository;
use icecore_check::{CheckReport, ProblemKind};
use icecore_format::{entry::Time, history::Loss, ids::RunId, layout, log::CompletedSnapshot};
use icecore_repo::snapshots;
use icecore_witness::{Arrival, Recollection, Watch, WitnessSettings};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::{
    error::OperationResult,
    losses::{self, LossDocument},
};

/// The repository as it was, held against what is there.
#[derive(Debug, Default)]
pub struct Past {
    /// When this host first and last used the repository here, before now.
    pub period: Option<(Time, Time)>,
    /// What it has seen of it elsewhere, if this is the first time here.
    pub arrival: Option<Arrival>,
    /// What is lost, or was accepted as lost.
    pub losses: Vec<LossDocument>,
    /// How much was accepted as lost, if that was asked for.
    pub accepted: Option<Accepted>,
    is_alarmed: bool,
}

/// What is accepted as lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepts<'a> {
    /// Everything.
    pub(super) everything: bool,
    /// These snapshots, which a repair has put aside.
    pub(super) snapshots: &'a [RunId],
    /// These snapshots were changed by a repair, which is told to the log.
    pub(super) mended: &'a [RunId],
}

/// How much was accepted as lost.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Accepted {
    /// Records of the log.
    pub records: u64,
    /// Snapshots.
    pub snapshots: u64,
}

/// Says whether a problem is about what is not there any more.
pub fn is_loss(kind: ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::SnapshotVanished
            | ProblemKind::SnapshotReverted
            | ProblemKind::SnapshotAltered
            | ProblemKind::OlderThanSeen
            | ProblemKind::LogRecordMissing
            | ProblemKind::SnapshotUnnamed
    )
}

/// Returns a report without what is about losses.
pub(super) fn without_losses(report: &CheckReport) -> CheckReport {
    let mut report = report.clone();
    report.problems.retain(|problem| !is_loss(problem.kind));
    report
}

/// Takes what the check found; what is accepted is written into the log, and is no problem any more.
pub(super) fn look(
    witness: &WitnessSettings,
    zone: &TimeZone,
    recollection: Recollection,
    open: &mut OpenRepository,
    report: &mut CheckReport,
    accepts: &Accepts<'_>,
) -> OperationResult<(Past, Watch)> {
    let period = recollection.period();
    let changes_nothing = !accepts.everything && accepts.snapshots.is_empty() && accepts.mended.is_empty();
    let listed = Some(report.listed.as_slice()).filter(|_| changes_nothing && report.losses.is_empty());
    let (repository, catalog) = (&open.repository, &mut open.catalog);
    let mut watch = Watch::with_recollection(witness, recollection, repository, catalog, listed)?;
    let is_put_aside = |loss: &Loss| matches!(loss, Loss::Snapshot { snapshot, .. } if accepts.snapshots.contains(&snapshot.run));
    let put_aside: Vec<Loss> = report.losses.iter().filter(|loss| is_put_aside(loss)).cloned().collect();
    if !put_aside.is_empty() {
        watch.accept(repository, catalog, &put_aside)?;
        let keys: Vec<String> = accepts.snapshots.iter().map(|run| layout::snapshot_key(*run)).collect();
        let is_gone = |object: &Option<String>| object.as_ref().is_some_and(|object| keys.contains(object));
        report.losses.retain(|loss| !is_put_aside(loss));
        report.problems.retain(|problem| !(is_loss(problem.kind) && is_gone(&problem.object)));
    }
    if !accepts.mended.is_empty() {
        let list = snapshots::list(repository, catalog)?;
        let mended = accepts.mended.iter().filter_map(|run| CompletedSnapshot::of(list.by_run(*run)?));
        watch.name_again(repository, catalog, &mended.collect::<Vec<_>>())?;
        let is_mended = |loss: &Loss| matches!(loss, Loss::Snapshot { snapshot, .. } if accepts.mended.contains(&snapshot.run));
        let keys: Vec<String> = accepts.mended.iter().map(|run| layout::snapshot_key(*run)).collect();
        let is_of_mended =
            |object: &Option<String>| object.as_ref().is_some_and(|object| keys.contains(object));
        report.losses.retain(|loss| !is_mended(loss));
        report.problems.retain(|problem| !(is_loss(problem.kind) && is_of_mended(&problem.object)));
    }
    watch.adopt(&report.losses);
    let losses = losses::documents(&watch.findings(), zone);
    let mut accepted = None;
    if accepts.everything {
        let (records, snapshots) = watch.accept_everything(repository, catalog)?;
        accepted = Some(Accepted { records, snapshots });
        report
            .problems
            .retain(|problem| !is_loss(problem.kind) && problem.kind != ProblemKind::LogRecordDamaged);
    }
    let is_alarmed = watch.is_alarmed();
    Ok((Past { period, arrival: None, losses, accepted, is_alarmed }, watch))
}

impl Past {
    /// Says whether nothing disappeared, or its loss was accepted.
    pub fn is_well(&self) -> bool {
        !self.is_alarmed
    }
}
