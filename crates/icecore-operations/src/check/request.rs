//! Request: what to check, and what may be changed.

use icecore_access::AccessMode;
use jiff::Span;

/// A check, with or without a repair.
#[derive(Clone, Copy, Debug)]
pub struct CheckRequest {
    /// Which packs are read in full.
    pub reading: Reading,
    /// Whether a repair is also planned or executed.
    pub repair: Option<RepairMode>,
    /// Whether all missing snapshots and records are accepted as lost.
    pub accepts_rollback: bool,
}

/// Which packs are read in full.
#[derive(Clone, Copy, Debug)]
pub enum Reading {
    /// None.
    Nothing,
    /// All of them.
    Everything,
    /// Those that were verified longest ago.
    Part {
        /// As many as have this share of all bytes, from 0 to 100.
        sample_percent: Option<f64>,
        /// Only those that were not verified within this time.
        within: Option<Span>,
    },
}

/// Extent of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairMode {
    /// The plan is made, and nothing is changed.
    Plan,
    /// The plan is carried out.
    Execute,
}

impl CheckRequest {
    /// Returns the access that the check needs.
    pub(super) fn access_mode(&self) -> AccessMode {
        let writes = self.accepts_rollback || self.repair == Some(RepairMode::Execute);
        if writes { AccessMode::Write } else { AccessMode::Read }
    }

    /// Returns whether packs are read in full, all or some.
    pub(super) fn reads_data(&self) -> bool {
        !matches!(self.reading, Reading::Nothing)
    }
}
