//! Writes a note into a snapshot.

use icecore_access::RepositoryAccess;
use icecore_witness::WitnessSettings;

use super::NoteRequest;
use crate::{
    change::{Changed, change_named},
    error::OperationResult,
};

/// Replaces the note of a snapshot.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &NoteRequest,
) -> OperationResult<Changed> {
    change_named(access, witness, &request.reference, request.ignores_rollback, |_, completion| {
        completion.note.clone_from(&request.text);
    })
}
