//! Where this host keeps its state, and about which repository.

use std::{path::PathBuf, sync::Arc};

use icecore_repo::environment::Environment;

use crate::notice::WitnessEvents;

/// Settings of the witness of a repository.
#[derive(Clone, Debug)]
pub struct WitnessSettings {
    /// Directory of the state; without it, nothing is remembered.
    pub state_directory: Option<PathBuf>,
    /// Location of the repository, in a form that does not depend on the working directory.
    pub location: String,
    /// Name of this host, for records of the log.
    pub host: String,
    /// Name and version of the program, for records of the log.
    pub program: String,
    /// Time and randomness.
    pub environment: Environment,
    /// Receiver of notices.
    pub events: Arc<dyn WitnessEvents>,
}
