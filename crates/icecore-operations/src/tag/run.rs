//! Changes the tags of a snapshot.

use icecore_access::RepositoryAccess;
use icecore_witness::WitnessSettings;

use super::TagRequest;
use crate::{
    change::{Changed, change_named},
    error::OperationResult,
};

/// Adds and removes tags.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &TagRequest,
) -> OperationResult<Changed> {
    change_named(access, witness, &request.reference, request.ignores_rollback, |origin, _| {
        for key in &request.remove {
            origin.tags.remove(key);
        }
        origin.tags.extend(request.add.iter().cloned());
    })
}
