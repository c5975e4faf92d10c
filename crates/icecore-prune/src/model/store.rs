//! The objects of a repository, as far as the protocol sees them.
//!
//! A run writes at most one pack, which has the number of the run. Every object changes by one step of one
//! actor: create-if-absent, compare-and-swap (of the content that the actor has read) or deletion.

use super::set::Set;

/// Runs that a schedule may have. The last one is for a writer that runs alone ([`super::alone`]).
pub(super) const RUNS: usize = 7;
/// Records that a schedule may have. Those after the configured number are for collections that run alone.
pub(super) const RECORDS: usize = 8;

/// The object `meta/snapshots/<run>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Snapshot {
    #[default]
    Absent,
    Pending,
    Complete,
    Aborted,
    Deleted,
}

/// The object `meta/gc/<number>`. Its number is its place in [`Store::records`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) sweeping: bool,
    pub(super) packs: Set,
    /// Packs of the record whose directory was listed, by the writer of the directory: its own run, an
    /// adopter.
    pub(super) listed: [Set; 2],
    /// Deleted snapshots that go with the packs.
    pub(super) deleted: Set,
    pub(super) waiting: Option<Set>,
    pub(super) dead: Set,
    pub(super) usable: Set,
    pub(super) cleared: Set,
}

/// All objects, and what an observer outside of the model remembers of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Store {
    pub(super) snapshots: [Snapshot; RUNS],
    /// Chunks that a complete or deleted snapshot refers to.
    pub(super) refers: [Set; RUNS],
    pub(super) packs: Set,
    /// Directories, by their writer: the own run, an adopter. At most one of them exists.
    pub(super) directories: [Set; 2],
    /// Chunks of each pack; stays when the pack goes, since a run can only write the same bytes again.
    pub(super) content: [Set; RUNS],
    pub(super) records: [Option<Record>; RECORDS],
    /// Deletions that the log names.
    pub(super) logged: Set,
    /// Snapshots whose object a sweep removed. Observer.
    pub(super) removed: Set,
}

impl Store {
    pub(super) fn snapshot(&self, run: u8) -> Snapshot {
        self.snapshots[usize::from(run)]
    }

    pub(super) fn set_snapshot(&mut self, run: u8, state: Snapshot) {
        self.snapshots[usize::from(run)] = state;
    }

    /// Returns the runs whose snapshot object exists.
    pub(super) fn runs(&self) -> Set {
        Set::below(RUNS as u8) - self.in_state(Snapshot::Absent)
    }

    pub(super) fn in_state(&self, state: Snapshot) -> Set {
        Set::below(RUNS as u8).filter(|run| self.snapshot(run) == state)
    }

    pub(super) fn refers(&self, run: u8) -> Set {
        self.refers[usize::from(run)]
    }

    /// Returns the chunks that `runs` refer to.
    pub(super) fn references(&self, runs: Set) -> Set {
        runs.iter().fold(Set::EMPTY, |chunks, run| chunks | self.refers(run))
    }

    /// Returns the chunks of `packs`.
    pub(super) fn chunks(&self, packs: Set) -> Set {
        packs.iter().fold(Set::EMPTY, |chunks, pack| chunks | self.content[usize::from(pack)])
    }

    /// Returns the packs that have a chunk of `chunks`.
    pub(super) fn packs_with(&self, chunks: Set) -> Set {
        Set::below(RUNS as u8).filter(|pack| self.content[usize::from(pack)].meets(chunks))
    }

    pub(super) fn with_directory(&self) -> Set {
        self.directories[0] | self.directories[1]
    }

    /// Returns the packs that exist and have a directory.
    pub(super) fn listed(&self) -> Set {
        self.packs & self.with_directory()
    }

    pub(super) fn record(&self, number: u8) -> Option<&Record> {
        self.records.get(usize::from(number))?.as_ref()
    }

    pub(super) fn numbers(&self) -> Set {
        Set::below(RECORDS as u8).filter(|number| self.record(number).is_some())
    }

    pub(super) fn newest(&self) -> Option<u8> {
        self.numbers().iter().last()
    }

    /// Returns the union of a part of all records.
    pub(super) fn union(&self, part: impl Fn(&Record) -> Set) -> Set {
        self.records.iter().flatten().fold(Set::EMPTY, |union, record| union | part(record))
    }

    /// Swaps a record if it is still as it was read.
    pub(super) fn swap_record(&mut self, number: u8, from: &Record, to: Record) -> bool {
        let stored = &mut self.records[usize::from(number)];
        let is_same = stored.as_ref() == Some(from);
        if is_same {
            *stored = Some(to);
        }
        is_same
    }
}
