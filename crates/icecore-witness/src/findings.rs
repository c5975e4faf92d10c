//! Findings about a repository.

use icecore_format::{
    entry::Time,
    history::{History, Loss},
};

use crate::state::Resident;

/// Losses of a repository, with what is known about them.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Another repository that this host has used at this location.
    pub other: Option<Resident>,
    /// When this host last saw the repository at this location.
    pub seen: Time,
    /// Content of the log.
    pub history: &'a History,
    /// Snapshots and records that disappeared.
    pub losses: &'a [Loss],
}
