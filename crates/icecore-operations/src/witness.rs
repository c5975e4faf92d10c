//! The settings of a repository's witness, from the access to the repository.

use std::{path, sync::Arc};

use icecore_access::{AccessResult, RepositoryAccess};
use icecore_store::RepositoryLocation;
use icecore_witness::{WitnessEvents, WitnessSettings};

/// Returns the settings of the witness of a repository.
pub fn settings(access: &RepositoryAccess, events: Arc<dyn WitnessEvents>) -> AccessResult<WitnessSettings> {
    Ok(WitnessSettings {
        state_directory: access.directories.state.clone(),
        location: fixed(access.location()?),
        host: access.machine.host.clone(),
        program: access.machine.program.clone(),
        environment: access.machine.environment.clone(),
        events,
    })
}

/// Returns a location in a form that does not depend on the working directory.
fn fixed(location: &RepositoryLocation) -> String {
    match location {
        RepositoryLocation::Local(path) => {
            let absolute = path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.to_string_lossy().trim_end_matches('/').to_owned()
        }
        other => other.to_string(),
    }
}
