//! Writes a note into a snapshot.

use icecore_access::{AccessMode, RepositoryAccess};
use icecore_witness::WitnessSettings;

use super::NoteRequest;
use crate::{
    change::{Changed, change},
    error::OperationResult,
    look::Look,
};

/// Replaces the note of a snapshot. The log does not cover notes, so it does not change.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &NoteRequest,
) -> OperationResult<Changed> {
    let mut open = access.open(AccessMode::Write)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let run = look.resolve(&request.reference)?.origin.run;
    change(&open, run, |_, completion| completion.note.clone_from(&request.text))
}
