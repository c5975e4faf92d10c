//! Brings a forgotten snapshot back.

use icecore_access::{AccessMode, RepositoryAccess, Usage};
use icecore_format::{
    ids::RunId,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_prune::PruneError;
use icecore_repo::snapshots::SnapshotList;
use icecore_witness::{Watch, WitnessSettings};

use super::UndoRequest;
use crate::{
    error::{OperationError, OperationResult},
    reference::{Reference, SnapshotChoice, names_source, not_there},
};

/// A snapshot that was brought back.
#[derive(Debug)]
pub struct Undone {
    /// The run of the forgotten snapshot.
    pub forgotten: RunId,
    /// The new snapshot with the same content.
    pub snapshot: Snapshot,
    /// Usage of the store.
    pub usage: Usage,
}

/// Brings a forgotten snapshot back, as a new snapshot with a new id that is found under the old id, too.
pub fn undo(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &UndoRequest,
) -> OperationResult<Undone> {
    let mut open = access.open(AccessMode::Write)?;
    let (mut watch, list) = Watch::begin(witness, &open.repository, &mut open.catalog)?;
    watch.tell();
    watch.save(&open.repository);
    let forgotten = find(&list, &request.reference)?;
    let run = forgotten.origin.run;
    let identity = forgotten.origin.identity(open.repository.id());
    if list.complete(None).any(|other| other.origin.identity(open.repository.id()) == identity) {
        return Err(PruneError::NotForgotten { run }.into());
    }
    let program = &access.machine.program;
    let snapshot = icecore_prune::undo(&open.repository, &mut open.catalog, run, program, watch.seen())?;
    watch.completed(&open.repository, Some(&mut open.catalog), Some(&snapshot));
    Ok(Undone { forgotten: run, snapshot, usage: open.usage })
}

/// Returns the forgotten snapshot with an id; the newest one if it was brought back and forgotten again.
fn find<'a>(list: &'a SnapshotList, reference: &Reference) -> OperationResult<&'a Snapshot> {
    let SnapshotChoice::Id(digits) = &reference.snapshot else { return Err(OperationError::UndoWithoutId) };
    let is_of_source = |snapshot: &&Snapshot| {
        let origin = &snapshot.origin;
        reference.source.as_deref().is_none_or(|source| names_source(source, &origin.host, &origin.source))
    };
    let has_id = |run: RunId| run.snapshot_id().starts_with(digits.as_str());
    let is_meant = |snapshot: &&Snapshot| {
        has_id(snapshot.origin.run) || snapshot.origin.copy_of.is_some_and(|original| has_id(original.run))
    };
    let mut found: Vec<&Snapshot> = list.snapshots.iter().filter(is_of_source).filter(is_meant).collect();
    if let Some(complete) = found.iter().find(|snapshot| snapshot.completion().is_some()) {
        return Err(PruneError::NotForgotten { run: complete.origin.run }.into());
    }
    found.retain(|snapshot| matches!(snapshot.state, SnapshotState::Deleted(_)));
    let own: Vec<&Snapshot> = found.iter().copied().filter(|snapshot| has_id(snapshot.origin.run)).collect();
    match (own.as_slice(), found.last()) {
        ([snapshot], _) => Ok(snapshot),
        ([], Some(newest)) => Ok(newest),
        ([], None) => Err(not_there(list, digits).into()),
        (several, _) => {
            let ids = several.iter().map(|snapshot| snapshot.origin.run.snapshot_id()).collect();
            Err(OperationError::SeveralForgotten { digits: digits.clone(), ids })
        }
    }
}
