//! Where this host keeps what it has seen, and of which repository.

use std::{path::PathBuf, sync::Arc};

use icecore_repo::environment::Environment;

use crate::notice::WitnessEvents;

/// What the witness of a repository needs to know.
#[derive(Clone, Debug)]
pub struct WitnessSettings {
    /// Directory of what is remembered; without one, nothing is.
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
