//! Changes the tags of a snapshot.

use icecore_access::{AccessMode, RepositoryAccess};
use icecore_witness::WitnessSettings;

use super::TagRequest;
use crate::{
    change::{Changed, change},
    error::OperationResult,
    look::Look,
};

/// Adds and removes tags. The log does not cover tags, so it does not change.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &TagRequest,
) -> OperationResult<Changed> {
    let mut open = access.open(AccessMode::Write)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let run = look.resolve(&request.reference)?.origin.run;
    change(&open, run, |origin, _| {
        for key in &request.remove {
            origin.tags.remove(key);
        }
        origin.tags.extend(request.add.iter().cloned());
    })
}
