//! What the user is to know, as values.

use std::{fmt::Debug, io, path::Path};

use icecore_format::history::Loss;
use icecore_repo::error::RepoError;

use crate::{findings::Findings, state_files::StateFault};

/// Something that the user is to know.
#[derive(Debug)]
pub enum WitnessNotice<'a> {
    /// What this host remembers of the repository cannot be read; it starts again.
    RepositoryForgotten {
        /// File that cannot be read.
        file: &'a Path,
        /// What is wrong with it.
        fault: &'a StateFault,
    },
    /// What this host remembers of the location cannot be read; it starts again.
    LocationForgotten {
        /// File that cannot be read.
        file: &'a Path,
        /// What is wrong with it.
        fault: &'a StateFault,
    },
    /// What this host has seen cannot be kept.
    NotRemembered {
        /// Directory for it.
        directory: &'a Path,
        /// What went wrong.
        error: &'a io::Error,
    },
    /// It cannot be kept that a repository was created at this location.
    NotSettled {
        /// What went wrong.
        error: &'a io::Error,
    },
    /// The repository is used for the first time at this location, and has everything that this host saw at
    /// another one.
    FirstUseHere {
        /// The other location, if it is known.
        elsewhere: Option<&'a str>,
    },
    /// The repository is used for the first time at this location, and is older than what this host saw at
    /// another one.
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
    /// The log cannot be read; the work goes on without it, as it was asked to.
    LogUnreadable {
        /// Why.
        error: &'a RepoError,
    },
    /// Snapshots or records disappeared, or another repository is at this location.
    Lost(Findings<'a>),
    /// Snapshots disappeared, or the repository was rolled back; the work goes on all the same.
    GoesOn,
    /// The log does not take a new snapshot, which is complete all the same.
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
