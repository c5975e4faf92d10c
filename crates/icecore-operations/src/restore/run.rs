//! Chooses the snapshots and the target, and lets the engine restore.

use icecore_access::{AccessMode, RepositoryAccess, Usage};
use icecore_format::{ids::RunId, snapshot::Snapshot};
use icecore_repo::reader::ChunkReader;
use icecore_restore::{
    self as engine, RestoreError, RestoreReport, RestoreResult,
    request::{CACHE_BYTES_DEFAULT, CACHE_BYTES_FAR},
};
use icecore_witness::WitnessSettings;

use super::{
    RestoreDocument, RestoreRefusal, RestoreRequest, RestoreSink, SnapshotNotice, TargetChoice, base, place,
};
use crate::{
    archived::{self, ArchivedDocument, Bucket},
    error::{OperationError, OperationResult},
    look::Look,
    overlap,
    reading::{self, Reading},
};

/// A finished restore.
#[derive(Debug)]
pub struct Restored {
    /// Request to the engine.
    pub request: engine::RestoreRequest,
    /// Report of the engine.
    pub report: RestoreReport,
    /// The snapshot was forgotten while it was being restored: that is why data of it is missing.
    pub is_forgotten: bool,
    /// Packs that must be thawed before the rest can be restored.
    pub archived_packs: Vec<ArchivedDocument>,
    /// Usage of the store.
    pub usage: Usage,
}

impl Restored {
    /// Makes the document of the restore; `describe` puts notices into words.
    pub fn document(&self, describe: impl Fn(&engine::RestoreNotice) -> String) -> RestoreDocument {
        let archived = self.archived_packs.clone();
        RestoreDocument::new(&self.request, &self.report, self.is_forgotten, archived, describe)
    }
}

/// Restores a snapshot, or a directory or file of it.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &RestoreRequest,
    sink: &mut impl RestoreSink,
) -> OperationResult<Restored> {
    let mut open = access.open(AccessMode::Read)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let snapshot = look.resolve(&request.reference)?.clone();
    if snapshot.completion().is_some_and(|completion| completion.damage.is_some()) {
        sink.notice(SnapshotNotice::FilesLost { id: &snapshot.origin.run.snapshot_id() });
    }
    let since = base::find(&look, &snapshot, &request.base)?;
    let read: Vec<&Snapshot> = [&snapshot].into_iter().chain(since.as_ref()).collect();
    let is_far = open.s3.is_some() && !access.machine.allowance.is_scarce;
    let cache_bytes = if is_far { CACHE_BYTES_FAR } else { CACHE_BYTES_DEFAULT };
    let reader = open.reader(access.events.as_ref(), &read, cache_bytes)?;
    let mut order = order(access, request, snapshot, since, &reader, sink)?;
    let reading = Reading::new(access, &open, "restore");
    let runs = read_runs(&order);
    let result = reading.hold_while(&runs, || restore_asking(&reader, &mut order, sink))?;
    let run = order.snapshot.origin.run;
    match result {
        Ok(report) => {
            let is_forgotten = lacks_data(&report) && reading::is_forgotten(&mut open, run);
            let bucket = Bucket::of(access, open.s3.as_deref());
            let archived_packs = archived::documents(bucket.as_ref(), &report.archived_packs);
            Ok(Restored { request: order, report, is_forgotten, archived_packs, usage: open.usage })
        }
        Err(error) => {
            sink.failed(&order).map_err(OperationError::Output)?;
            Err(reading::explained(&mut open, run, named(error, &order, request)))
        }
    }
}

/// Returns the runs of the snapshots that a restore reads.
fn read_runs(order: &engine::RestoreRequest) -> Vec<RunId> {
    [Some(&order.snapshot), order.since.as_ref()].into_iter().flatten().map(|one| one.origin.run).collect()
}

/// Returns whether stored data was missing, and nothing else was wrong with it.
fn lacks_data(report: &RestoreReport) -> bool {
    let mut damage = report.problems.iter().filter(|problem| problem.reason.is_damage());
    report.damaged > 0 && damage.all(|problem| problem.reason.is_missing())
}

/// Makes the request to the engine: chooses the target, and asks if it may be an accident.
fn order(
    access: &RepositoryAccess,
    request: &RestoreRequest,
    snapshot: Snapshot,
    since: Option<Snapshot>,
    reader: &ChunkReader,
    sink: &mut impl RestoreSink,
) -> OperationResult<engine::RestoreRequest> {
    let (path, host) = (&request.reference.path, &access.machine.host);
    let target = match &request.target {
        TargetChoice::Directory(target) => target.clone(),
        TargetChoice::Original => place::original(host, reader, &snapshot, path, sink)?,
    };
    place::confirm(request, &target, sink)?;
    overlap::refuse_target(access, &target)?;
    Ok(engine::RestoreRequest {
        path: path.clone(),
        include: request.include.patterns.clone(),
        since,
        delete: request.delete,
        delete_excluded: request.delete_excluded,
        deletes_many: request.is_confirmed,
        protected: overlap::protected(access),
        verify: request.verify,
        trust_times: request.trust_times,
        is_source: place::is_source(host, &snapshot, path, &request.target),
        target_metadata: request.target == TargetChoice::Original
            || request.delete
            || request.target_metadata,
        dry_run: request.dry_run,
        owners: request.owners,
        ..engine::RestoreRequest::new(snapshot, target)
    })
}

/// Restores; asks first if very many objects would be deleted.
fn restore_asking(
    reader: &ChunkReader,
    order: &mut engine::RestoreRequest,
    sink: &mut impl RestoreSink,
) -> OperationResult<RestoreResult<RestoreReport>> {
    let first = attempt(reader, order, sink);
    let Err(error @ RestoreError::ManyDeletions { .. }) = &first else { return Ok(first) };
    if !sink.may_delete(error).map_err(OperationError::Answer)? {
        return Ok(first);
    }
    order.deletes_many = true;
    Ok(attempt(reader, order, sink))
}

/// Restores once.
fn attempt(
    reader: &ChunkReader,
    order: &engine::RestoreRequest,
    sink: &mut impl RestoreSink,
) -> RestoreResult<RestoreReport> {
    let events = sink.begin(order);
    let result = engine::restore(reader, order, &events);
    sink.end(events);
    result
}

/// Makes the error of a failed restore, with the names that the user typed.
fn named(error: RestoreError, order: &engine::RestoreRequest, request: &RestoreRequest) -> OperationError {
    match error {
        RestoreError::PathNotFound { .. } => OperationError::path_not_found(&order.snapshot, &order.path),
        RestoreError::NothingIncluded { .. } => RestoreRefusal::NothingIncluded {
            id: order.snapshot.origin.run.snapshot_id(),
            root: order.snapshot.origin.root.clone(),
            path: order.path.clone(),
            patterns: request.include.texts.clone(),
        }
        .into(),
        other => other.into(),
    }
}
