//! The combined content of the records of all collections.

use std::cmp::Reverse;

use super::{CollectionRecord, DeadRun};
use crate::ids::{PackName, RunId};

/// Packs that count as missing, and runs whose fate is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condemned {
    /// Packs that any record names, by name.
    packs: Vec<PackName>,
    /// Dead runs, by run, each as in the newest record that names it.
    dead_runs: Vec<DeadRun>,
    /// Runs that any record names as dead or cleared, by run.
    known_runs: Vec<RunId>,
}

impl Condemned {
    /// Combines the records of all collections, in any order.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a CollectionRecord>) -> Self {
        let mut records: Vec<&CollectionRecord> = records.into_iter().collect();
        records.sort_unstable_by_key(|record| Reverse(record.number));
        let mut packs: Vec<PackName> =
            records.iter().flat_map(|record| &record.packs).map(|pack| pack.name).collect();
        packs.sort_unstable();
        packs.dedup();
        let mut dead_runs: Vec<&DeadRun> = records.iter().flat_map(|record| &record.dead_runs).collect();
        // The sort is stable: the entry of the newest record comes first, and is kept.
        dead_runs.sort_by_key(|dead| dead.run);
        dead_runs.dedup_by_key(|dead| dead.run);
        let cleared = records.iter().flat_map(|record| &record.cleared_runs).copied();
        let mut known_runs: Vec<RunId> = dead_runs.iter().map(|dead| dead.run).chain(cleared).collect();
        known_runs.sort_unstable();
        known_runs.dedup();
        Self { packs, dead_runs: dead_runs.into_iter().cloned().collect(), known_runs }
    }

    /// Returns whether a pack counts as missing: a record names it, or its run is dead and the pack is not
    /// one of the usable ones.
    pub fn is_condemned(&self, pack: PackName) -> bool {
        let is_of_dead_run = || {
            let found = self.dead_runs.binary_search_by_key(&pack.run, |dead| dead.run);
            found.is_ok_and(|at| self.dead_runs[at].usable.binary_search(&pack.number).is_err())
        };
        self.packs.binary_search(&pack).is_ok() || is_of_dead_run()
    }

    /// Returns whether no pack can be condemned.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.dead_runs.is_empty()
    }

    /// Returns the packs that records name, by name; the packs of dead runs are not among them.
    pub fn packs(&self) -> impl ExactSizeIterator<Item = PackName> + '_ {
        self.packs.iter().copied()
    }

    /// Returns the dead runs, by run.
    pub fn dead_runs(&self) -> &[DeadRun] {
        &self.dead_runs
    }

    /// Returns the runs that records name as dead or cleared, by run. If any other run has packs but no
    /// snapshot object, the state of these packs is unknown.
    pub fn known_runs(&self) -> &[RunId] {
        &self.known_runs
    }
}
