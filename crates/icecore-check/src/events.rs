//! Events of a running check.

use crate::report::CheckProblem;

/// Phase of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckPhase {
    /// Header, key slots and snapshots are opened; counted in snapshots.
    Snapshots,
    /// Pack directories are opened; counted in directories.
    Directories,
    /// Packs are read; counted in packs.
    Packs,
    /// The manifests of all complete snapshots are read; counted in nodes, with an unknown total.
    Manifests,
    /// Damaged objects are read again to plan a repair; counted in packs.
    Diagnosis,
    /// A repair is executed; counted in steps.
    Repair,
}

impl CheckPhase {
    /// Returns the name for people and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshots",
            Self::Directories => "directories",
            Self::Packs => "packs",
            Self::Manifests => "manifests",
            Self::Diagnosis => "diagnosis",
            Self::Repair => "repair",
        }
    }
}

/// Receiver of the events of a running check; calls come one after the other and must return soon.
pub trait CheckEvents: Send + Sync {
    /// A phase begins; `objects_total` is the number of objects in it, if known.
    fn phase_begins(&self, phase: CheckPhase, objects_total: Option<u64>);
    /// This many more objects and bytes of the current phase are done.
    fn progress(&self, objects: u64, bytes: u64);
    /// A problem was found; it will also be in the report.
    fn problem_found(&self, problem: &CheckProblem);
}

/// Receiver that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl CheckEvents for NoEvents {
    fn phase_begins(&self, _: CheckPhase, _: Option<u64>) {}
    fn progress(&self, _: u64, _: u64) {}
    fn problem_found(&self, _: &CheckProblem) {}
}
