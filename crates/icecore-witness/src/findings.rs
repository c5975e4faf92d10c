//! What a look at a repository found.

use icecore_format::{
    entry::Time,
    history::{History, Loss},
};

use crate::state::Resident;

/// What disappeared from a repository, with what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Another repository that this host has used at this location.
    pub other: Option<Resident>,
    /// When this host last saw the repository at this location.
    pub seen: Time,
    /// What the log says.
    pub history: &'a History,
    /// Snapshots and records that disappeared.
    pub losses: &'a [Loss],
}
