//! Notices for the user, as values.

use std::{fmt::Debug, io, path::Path};

use icecore_format::history::Loss;
use icecore_repo::error::RepoError;

use crate::{findings::Findings, state_files::StateFault};

/// A notice for the user.
#[derive(Debug)]
pub enum WitnessNotice<'a> {
    /// The state file of the repository cannot be read; it starts again.
    RepositoryForgotten {
        /// File that cannot be read.
        file: &'a Path,
        /// What is wrong with it.
        fault: &'a StateFault,
    },
    /// The state file of the location cannot be read; it starts again.
    LocationForgotten {
        /// File that cannot be read.
        file: &'a Path,
        /// What is wrong with it.
        fault: &'a StateFault,
    },
    /// The state of this host cannot be saved.
    NotRemembered {
        /// Directory of the state.
        directory: &'a Path,
        /// What went wrong.
        error: &'a io::Error,
    },
    /// The state cannot record that a repository was created at this location.
    NotSettled {
        /// What went wrong.
        error: &'a io::Error,
    },
    /// First use of the repository at this location; it has everything that this host saw at another
    /// location.
    FirstUseHere {
        /// The other location, if it is known.
        elsewhere: Option<&'a str>,
    },
    /// First use of the repository at this location; it is older than what this host saw at another location.
    OlderCopy {
        /// The other location, if it is known.
        elsewhere: Option<&'a str>,
        /// What is missing here.
        missing: &'a [Loss],
    },
    /// A snapshot cannot be read.
    DamagedSnapshot {
        /// What is wrong with it.
        error: &'a RepoError,
    },
    /// A record of the log cannot be read.
    DamagedRecord {
        /// What is wrong with it.
        error: &'a RepoError,
    },
    /// The log cannot be read; the command continues without it, as requested.
    LogUnreadable {
        /// Why.
        error: &'a RepoError,
    },
    /// Snapshots or records disappeared, or another repository is at this location.
    Lost(Findings<'a>),
    /// Snapshots disappeared, or the repository was rolled back; the command continues anyway.
    GoesOn,
    /// A new snapshot could not be added to the log; it is complete anyway.
    SnapshotNotLogged {
        /// Why.
        error: &'a RepoError,
    },
}

/// Receiver of notices.
pub trait WitnessEvents: Debug + Send + Sync {
    /// Takes a notice.
    fn notice(&self, notice: &WitnessNotice<'_>);
}
