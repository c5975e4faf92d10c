//! Changes what the object of a snapshot says, without losing what others change at the same time.

use icecore_access::{AccessMode, OpenRepository, RepositoryAccess, Usage};
use icecore_format::{
    ids::RunId,
    snapshot::{Completion, Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_repo::snapshots;
use icecore_witness::WitnessSettings;
use serde::Serialize;

use crate::{
    documents::SnapshotDocument,
    error::{OperationError, OperationResult},
    look::Look,
    reference::Reference,
};

/// A snapshot after a change.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The snapshot as it is stored now.
    pub snapshot: Snapshot,
    /// Whether it was different before.
    pub is_changed: bool,
    /// Usage of the store.
    pub usage: Usage,
}

/// A snapshot whose object was changed on request.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedDocument {
    changed: bool,
    snapshot: Option<SnapshotDocument>,
}

impl ChangedDocument {
    /// Makes the document of a changed snapshot.
    pub fn new(changed: &Changed) -> Self {
        Self { changed: changed.is_changed, snapshot: SnapshotDocument::new(&changed.snapshot) }
    }
}

/// Changes the complete snapshot that somebody names. The log covers nothing that the edit may change.
pub fn change_named(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    reference: &Reference,
    ignores_rollback: bool,
    edit: impl Fn(&mut SnapshotOrigin, &mut Completion),
) -> OperationResult<Changed> {
    let mut open = access.open(AccessMode::Write)?;
    let look = Look::begin(access, witness, &mut open, ignores_rollback)?;
    let run = look.resolve(reference)?.origin.run;
    change(&open, run, edit)
}

/// Changes a complete snapshot. The edit may be made several times, each time on the newest state.
pub fn change(
    open: &OpenRepository,
    run: RunId,
    edit: impl Fn(&mut SnapshotOrigin, &mut Completion),
) -> OperationResult<Changed> {
    let mut is_changed = false;
    let snapshot = snapshots::change(&open.repository, run, |snapshot| {
        let before = snapshot.clone();
        let SnapshotState::Complete(completion) = &mut snapshot.state else {
            return Err(OperationError::SnapshotIncomplete { id: run.snapshot_id() });
        };
        edit(&mut snapshot.origin, completion);
        is_changed = *snapshot != before;
        require_bounds(snapshot)?;
        Ok(is_changed)
    })?;
    Ok(Changed { snapshot, is_changed, usage: open.usage.clone() })
}

fn require_bounds(snapshot: &Snapshot) -> OperationResult<()> {
    let is_within = snapshot.origin.validate().is_ok()
        && snapshot.completion().is_none_or(|completion| completion.validate().is_ok());
    if is_within { Ok(()) } else { Err(OperationError::ChangeTooLarge) }
}

#[cfg(test)]
mod tests;
