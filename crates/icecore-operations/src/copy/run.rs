//! Copies snapshots into another repository.

use icecore_access::AccessMode;
use icecore_copy::{KnownChunks, TargetSnapshots};
use icecore_witness::Watch;

use super::{
    CopyOutcome, CopyReport, CopyRequest, CopySide, CopySink, RepositoryUse, SnapshotCopy, choice,
    destination,
    job::{Destination, Job, add},
};
use crate::{
    error::{OperationError, OperationResult},
    look::Look,
    losses,
};

/// Copies snapshots that the destination does not have yet.
///
/// Skips snapshots that are damaged or archived, and reports them. If the destination cannot be opened or
/// created, the error is an [`OperationError::Destination`].
pub fn run(
    source: CopySide<'_>,
    to: CopySide<'_>,
    request: &CopyRequest,
    sink: &mut dyn CopySink,
) -> OperationResult<CopyReport> {
    let mut from = source.access.open(AccessMode::Read)?;
    let look = Look::begin(source.access, source.witness, &mut from, request.ignores_rollback)?;
    let chosen = choice::choose(&request.selection, &look, sink)?;
    let used = RepositoryUse::new(&from.repository, &from.usage);
    let mut report = CopyReport::new(request.is_dry_run, used);
    // A user who names snapshots by their ids has not missed any.
    if !request.selection.is_named() {
        report.snapshots_unreadable = look.list().damaged.len();
        report.source_ending = look.ending();
        sink.source_looked_at(report.source_ending);
    }
    report.source_losses = look.documents();
    let Some((mut open, created)) = destination::open(to, &from.repository, request)? else {
        for snapshot in chosen {
            let copy = SnapshotCopy { snapshot: snapshot.clone(), outcome: CopyOutcome::Planned };
            add(&mut report, copy, sink)?;
        }
        return Ok(report);
    };
    report.destination = Some(RepositoryUse::new(&open.repository, &open.usage));
    if let Some(created) = &created {
        sink.created(created).map_err(OperationError::Output)?;
    }
    report.created = created;
    let (watch, list) = Watch::begin(to.witness, &open.repository, &mut open.catalog)?;
    watch.tell();
    report.destination_losses = losses::documents(&watch.findings(), &to.access.machine.zone);
    let job = Job {
        from: source,
        to,
        request,
        source: from.repository.clone(),
        list: look.list(),
        copies: TargetSnapshots::new(open.repository.id(), &list),
        known: KnownChunks::default(),
        watch,
        named: source.access.machine.environment.monotonic(),
        destination: Destination::from(open),
    };
    job.run(&mut from, &chosen, &mut report, sink)?;
    Ok(report)
}
