//! Creates a repository.

use icecore_access::{
    RepositoryAccess,
    creation::{self, Created},
};
use icecore_format::ids::RepositoryId;
use icecore_witness::{WitnessNotice, WitnessSettings};

use super::{InitError, InitRequest};
use crate::{error::OperationResult, text};

/// Creates a repository with its first key, and remembers it.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &InitRequest,
) -> OperationResult<Created> {
    let InitRequest { label, key, in_place_of, single_writer } = request;
    let site = creation::inspect(access)?;
    refuse_disappeared(access, witness, *in_place_of)?;
    let created = creation::create(access, &site, label, key, *single_writer)?;
    if let Err(error) = icecore_witness::settle(witness, created.repository.id()) {
        witness.events.notice(&WitnessNotice::NotSettled { error: &error });
    }
    Ok(created)
}

/// Refuses a location where this host has used a repository that has disappeared.
fn refuse_disappeared(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    in_place_of: Option<RepositoryId>,
) -> OperationResult<()> {
    let Some(resident) = icecore_witness::resident(witness) else { return Ok(()) };
    if in_place_of == Some(resident.repository) || !creation::is_missing(access)? {
        return Ok(());
    }
    Err(InitError::Disappeared {
        repository: resident.repository,
        location: access.location()?.to_string(),
        since: text::local_time(resident.since, &access.machine.zone),
    }
    .into())
}
