//! Losses of a repository.

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

/// The former state of the repository, compared with its present state.
#[derive(Debug, Default)]
pub struct Past {
    /// When this host first and last used the repository here, before this command.
    pub period: Option<(Time, Time)>,
    /// What it has seen of it at another location, at the first use here.
    pub arrival: Option<Arrival>,
    /// Losses, including accepted ones.
    pub losses: Vec<LossDocument>,
    /// How much was accepted as lost, if requested.
    pub accepted: Option<Accepted>,
    is_alarmed: bool,
}

/// What to accept as lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepts<'a> {
    /// Everything.
    pub(super) everything: bool,
    /// These snapshots, which a repair has moved into quarantine.
    pub(super) snapshots: &'a [RunId],
    /// These snapshots, which a repair has changed; the log must learn of the change.
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

/// Returns whether a problem is about a loss.
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

/// Returns a report without the problems about losses.
pub(super) fn without_losses(report: &CheckReport) -> CheckReport {
    let mut report = report.clone();
    report.problems.retain(|problem| !is_loss(problem.kind));
    report
}

/// Takes the findings of the check; accepted losses are written into the log, and are no longer problems.
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
    /// Returns whether nothing disappeared, or all losses were accepted.
    pub fn is_well(&self) -> bool {
        !self.is_alarmed
    }
}
