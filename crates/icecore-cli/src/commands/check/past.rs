//! What a check says about what was there and is not any more.

use std::fmt::Write;

use icecore_access::OpenRepository;
use icecore_check::{CheckReport, ProblemKind};
use icecore_format::{entry::Time, history::Loss, ids::RunId, layout, log::CompletedSnapshot};
use icecore_witness::{Arrival, Recollection, Watch};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Outcome, advice::operations::ACCEPT},
    surface::reporter::witness::other_location,
};
use icecore_operations::{
    losses::{self, LossDocument},
    text,
};

/// Losses that are shown.
const LOSSES_SHOWN_MAX: usize = 50;

/// The repository as it was, held against what is there.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// When this host first and last used the repository here, before now.
    period: Option<(Time, Time)>,
    /// What it has seen of it elsewhere, if this is the first time here.
    arrival: Option<Arrival>,
    losses: Vec<LossDocument>,
    accepted: Option<Accepted>,
    is_alarmed: bool,
}

/// What is accepted as lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepts<'a> {
    /// Everything.
    pub(crate) everything: bool,
    /// These snapshots, which a repair has put aside.
    pub(crate) snapshots: &'a [RunId],
    /// These snapshots were changed by a repair, which is told to the log.
    pub(crate) mended: &'a [RunId],
}

/// How much was accepted as lost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Accepted {
    records: u64,
    snapshots: u64,
}

/// What the JSON document of a check says about the past.
#[derive(Debug, Serialize)]
pub(crate) struct PastDocument<'a> {
    first_seen: Option<String>,
    last_seen: Option<String>,
    log_records: u64,
    snapshots_unnamed: u64,
    losses: &'a [LossDocument],
    accepted: Option<Accepted>,
}

/// Says whether a problem is about what is not there any more.
pub(crate) fn is_loss(kind: ProblemKind) -> bool {
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
pub(crate) fn without_losses(report: &CheckReport) -> CheckReport {
    let mut report = report.clone();
    report.problems.retain(|problem| !is_loss(problem.kind));
    report
}

/// Takes what the check found; what is accepted is written into the log, and is no problem any more.
pub(crate) fn look(
    context: &Context,
    recollection: Recollection,
    open: &mut OpenRepository,
    report: &mut CheckReport,
    accepts: &Accepts<'_>,
) -> Outcome<(Past, Watch)> {
    let period = recollection.period();
    let changes_nothing = !accepts.everything && accepts.snapshots.is_empty() && accepts.mended.is_empty();
    let listed = Some(report.listed.as_slice()).filter(|_| changes_nothing && report.losses.is_empty());
    let settings = context.witness()?;
    let (repository, catalog) = (&open.repository, &mut open.catalog);
    let mut watch = Watch::with_recollection(&settings, recollection, repository, catalog, listed)?;
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
        let list = icecore_repo::snapshots::list(repository, catalog)?;
        let snapshots = accepts.mended.iter().filter_map(|run| CompletedSnapshot::of(list.by_run(*run)?));
        watch.name_again(repository, catalog, &snapshots.collect::<Vec<_>>())?;
        let is_mended = |loss: &Loss| matches!(loss, Loss::Snapshot { snapshot, .. } if accepts.mended.contains(&snapshot.run));
        let keys: Vec<String> = accepts.mended.iter().map(|run| layout::snapshot_key(*run)).collect();
        let is_of_mended =
            |object: &Option<String>| object.as_ref().is_some_and(|object| keys.contains(object));
        report.losses.retain(|loss| !is_mended(loss));
        report.problems.retain(|problem| !(is_loss(problem.kind) && is_of_mended(&problem.object)));
    }
    watch.adopt(&report.losses);
    let losses = losses::documents(&watch.findings(), &context.access.machine.zone);
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
    /// Takes what this host has seen of the repository at another location.
    pub(crate) fn set_arrival(&mut self, arrival: Option<Arrival>) {
        self.arrival = arrival;
    }

    /// Says whether nothing disappeared, or its loss was accepted.
    pub(crate) fn is_well(&self) -> bool {
        !self.is_alarmed
    }

    /// Describes what is lost, or was accepted as lost.
    pub(crate) fn describe(&self, text: &mut String) {
        let word = if self.is_well() { "accepted" } else { "damage" };
        for loss in self.losses.iter().take(LOSSES_SHOWN_MAX) {
            let _ = writeln!(text, "{word}: {}", text::printable_message(&loss.message));
        }
        if self.losses.len() > LOSSES_SHOWN_MAX {
            let more = text::count((self.losses.len() - LOSSES_SHOWN_MAX) as u64);
            let _ = writeln!(text, "{word}: {more} more (--json lists all)");
        }
        if self.accepted.is_some() && self.losses.is_empty() {
            let _ = writeln!(text, "nothing is missing that was there: there was nothing to accept");
        }
    }

    /// Describes how much the log says.
    pub(crate) fn describe_log(&self, text: &mut String, context: &Context, report: &CheckReport) {
        if report.snapshots_unnamed > 0 {
            let (is, them) = if report.snapshots_unnamed == 1 { ("is", "it") } else { ("are", "them") };
            let snapshots = text::counted(report.snapshots_unnamed, "snapshot");
            let _ = writeln!(text, "{snapshots} {is} not in the log yet; the next backup adds {them}");
        }
        let _ = match (&self.arrival, self.period) {
            (Some(Arrival { elsewhere, is_whole: true }), _) => writeln!(
                text,
                "first use at this location: nothing is missing of what this host saw at {}",
                other_location(elsewhere.as_deref())
            ),
            (Some(Arrival { elsewhere, is_whole: false }), _) => writeln!(
                text,
                "first use at this location: this copy is older than what this host saw at {}",
                other_location(elsewhere.as_deref())
            ),
            (None, None) => writeln!(text, "first use on this host: an earlier rollback cannot be detected"),
            (None, Some((since, _))) if self.losses.is_empty() => {
                let since = text::local_time(since, &context.access.machine.zone);
                writeln!(
                    text,
                    "nothing is missing of what this host has seen since it first used the repository on {since}; an \
                     earlier rollback cannot be detected"
                )
            }
            (None, Some(_)) => Ok(()),
        };
    }

    /// Says what to do about losses.
    pub(crate) fn advise(&self, text: &mut String) {
        if self.is_well() {
            return;
        }
        let _ = write!(
            text,
            "what to do about what is gone:\n\
             - if nobody put an older copy of the repository in its place, somebody removed from it: keep the repository as it \
             is, and look into the versions of the bucket, or a copy\n\
             - {ACCEPT}\n"
        );
    }

    /// Returns what goes into the JSON document.
    pub(crate) fn document(&self, report: &CheckReport) -> PastDocument<'_> {
        PastDocument {
            first_seen: self.period.and_then(|(since, _)| text::utc_time(since)),
            last_seen: self.period.and_then(|(_, seen)| text::utc_time(seen)),
            log_records: report.log_records,
            snapshots_unnamed: report.snapshots_unnamed,
            losses: &self.losses,
            accepted: self.accepted,
        }
    }
}
