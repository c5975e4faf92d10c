//! What a removal of packs would do: a pure function of a survey.

mod candidates;

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use icecore_format::{
    collection::{CollectedPack, CollectionRecord, CollectionState, DeadRun},
    ids::{CollectionNumber, PackName, RunId},
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::{collections::StoredCollection, environment::time_of};

pub use self::candidates::{KeptPacks, WhyKept};
pub(crate) use self::candidates::{noted_objects, renewed};
use crate::{
    sources::{PRUNE_SOURCE, REPAIR_SOURCE},
    survey::Survey,
};

/// How far clocks of hosts may be from the store's.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// How packs are removed.
#[derive(Clone, Debug)]
pub struct PruneOptions {
    /// Time between the record of a collection and its sweep.
    pub grace: Duration,
    /// A run that shows no sign of life for this long is ended, if a collection waits for it.
    pub fence_after: Duration,
    /// Uploads of a run that was interrupted are kept for this long, unless a later run of its source
    /// completed.
    pub resumable_for: Duration,
    /// Runs that the operator says are not alive any more.
    pub ended_runs: Vec<RunId>,
    /// Only a single writer is allowed, and the store decides no races: nothing is condemned or swept while
    /// another run is pending, and no run is ended.
    pub single_writer: bool,
}

impl Default for PruneOptions {
    /// Returns a grace period of a day, runs that are ended after a day, and 30 days for interrupted runs.
    fn default() -> Self {
        Self {
            grace: Duration::from_hours(24),
            fence_after: Duration::from_hours(24),
            resumable_for: Duration::from_hours(24 * 30),
            ended_runs: Vec::new(),
            single_writer: false,
        }
    }
}

/// What happens next with the record of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordStep {
    /// The list of the runs that it waits for is made.
    NoteWaiting,
    /// It waits for runs that are pending.
    Wait {
        /// The runs.
        runs: Vec<RunId>,
    },
    /// It waits for the end of the grace period.
    Grace {
        /// Time of the store's clock when it ends.
        until: SystemTime,
    },
    /// Its packs are removed.
    Sweep,
    /// Nothing of it is left: the record is removed.
    Close,
    /// Nothing of it is left, but the record says what is still to be known.
    Stay,
}

/// What happens with the record of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlan {
    /// Number of the collection.
    pub number: CollectionNumber,
    /// Packs that are needed after all and are taken out of the record.
    pub spared: Vec<PackName>,
    /// Snapshots that are not deleted after all and are taken out of the record.
    pub spared_snapshots: Vec<RunId>,
    /// What happens next.
    pub step: RecordStep,
    /// Packs whose objects are listed, without those that are spared: what is removed in the end.
    pub packs: usize,
    /// Their length in bytes, with their directories.
    pub bytes: u64,
}

/// A new record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// Packs that nothing needs.
    pub packs: Vec<CollectedPack>,
    /// Their length in bytes, with their directories.
    pub bytes: u64,
    /// Snapshots in state *deleted* whose objects go with them.
    pub deleted: Vec<RunId>,
    /// Runs that ended without a snapshot, with their packs that may be used.
    pub dead_runs: Vec<DeadRun>,
    /// Runs whose snapshot objects are gone or about to go, and of which there are packs.
    pub cleared_runs: Vec<RunId>,
}

/// What a removal of packs would do.
#[derive(Clone, Debug, Default)]
pub struct PrunePlan {
    /// Runs that are ended, because they show no sign of life.
    pub fenced: Vec<RunId>,
    /// What happens with existing records, by number.
    pub records: Vec<RecordPlan>,
    /// The record that is added, if there is a reason for one.
    pub condemned: Option<NewRecord>,
    /// Interrupted runs whose objects are removed: nothing else of them is left.
    pub cleared: Vec<RunId>,
    /// Unused packs that are kept, and why.
    pub kept: Vec<KeptPacks>,
    /// Packs that snapshots need: their number, and their length in bytes with their directories.
    pub needed: (usize, u64),
}

/// Plans for the run `own`, if there is one. With doubts, the plan is empty but for what is needed.
pub fn plan(survey: &Survey, own: Option<RunId>, options: &PruneOptions) -> PrunePlan {
    let live = survey.marks.all();
    let bytes = live.iter().map(|number| survey.packs.get(number).stored_bytes()).sum();
    let needed = (live.len(), bytes);
    if !survey.doubts.is_empty() {
        return PrunePlan { needed, ..PrunePlan::default() };
    }
    let planner = Planner { survey, own, options, live };
    let records: Vec<RecordPlan> = survey.records.iter().map(|stored| planner.record(stored)).collect();
    let (candidates, kept) = candidates::find(&planner);
    PrunePlan {
        fenced: planner.fenced(),
        condemned: planner.new_record(candidates),
        cleared: planner.cleared(),
        records,
        kept,
        needed,
    }
}

pub(crate) struct Planner<'a> {
    pub survey: &'a Survey,
    pub own: Option<RunId>,
    pub options: &'a PruneOptions,
    pub live: crate::pack_set::PackSet,
}

impl Planner<'_> {
    /// Returns the pending runs but the own one.
    fn others_pending(&self) -> impl Iterator<Item = &Snapshot> {
        let pending = self.survey.snapshots.snapshots.iter().filter(|snapshot| is_pending(snapshot));
        pending.filter(|snapshot| Some(snapshot.origin.run) != self.own)
    }

    /// Returns whether nothing may be removed because a run is pending.
    fn is_blocked(&self) -> bool {
        self.options.single_writer && self.others_pending().next().is_some()
    }

    fn record(&self, stored: &StoredCollection) -> RecordPlan {
        let record = &stored.record;
        let is_needed = |pack: &&CollectedPack| {
            self.survey.packs.number(pack.name).is_some_and(|number| self.live.contains(number))
        };
        let spared: Vec<PackName> = record.packs.iter().filter(is_needed).map(|pack| pack.name).collect();
        let is_deleted = |run: RunId| match self.survey.snapshots.by_run(run) {
            Some(snapshot) => matches!(snapshot.state, SnapshotState::Deleted(_)),
            None => true,
        };
        let spared_snapshots: Vec<RunId> =
            record.deleted.iter().copied().filter(|run| !is_deleted(*run)).collect();
        let remaining = record.packs.iter().filter(|pack| spared.binary_search(&pack.name).is_err());
        let listed: Vec<u64> = remaining.filter_map(|pack| self.listed_bytes(pack)).collect();
        let left = listed.len() + record.deleted.iter().filter(|run| self.has_object(**run)).count();
        RecordPlan {
            number: record.number,
            step: self.step(stored, left),
            spared,
            spared_snapshots,
            packs: listed.len(),
            bytes: listed.iter().sum(),
        }
    }

    fn step(&self, stored: &StoredCollection, left: usize) -> RecordStep {
        let record = &stored.record;
        let Some(waiting) = &record.waiting else { return RecordStep::NoteWaiting };
        let mut runs: Vec<RunId> = waiting.iter().copied().filter(|run| !self.has_ended(*run)).collect();
        runs.extend(self.missing_in_wait_list(stored, waiting));
        if !runs.is_empty() {
            return RecordStep::Wait { runs };
        }
        if record.state == CollectionState::Condemned {
            let until = stored.modified + self.options.grace;
            let pending = self.others_pending().map(|snapshot| snapshot.origin.run);
            return if self.is_blocked() {
                RecordStep::Wait { runs: pending.collect() }
            } else if until > self.survey.now {
                RecordStep::Grace { until }
            } else {
                RecordStep::Sweep
            };
        }
        if left > 0 {
            RecordStep::Sweep
        } else if self.may_be_closed(record) {
            RecordStep::Close
        } else {
            RecordStep::Stay
        }
    }

    /// Returns pending runs that seem to be older than a record and that it does not wait for. Whoever holds
    /// the key can write a record with a wait list that is too short; its time is the store's.
    fn missing_in_wait_list(&self, stored: &StoredCollection, waiting: &[RunId]) -> Vec<RunId> {
        let written = time_of(stored.modified + CLOCK_TOLERANCE).as_nanoseconds();
        let is_missing = |snapshot: &&Snapshot| {
            let origin = &snapshot.origin;
            origin.source != PRUNE_SOURCE
                && origin.started.as_nanoseconds() <= written
                && waiting.binary_search(&origin.run).is_err()
        };
        self.others_pending().filter(is_missing).map(|snapshot| snapshot.origin.run).collect()
    }

    /// Returns whether a run that a record waits for is over: a run that is not listed has ended only if a
    /// record says what became of it.
    fn has_ended(&self, run: RunId) -> bool {
        match self.survey.snapshots.by_run(run) {
            Some(snapshot) => !is_pending(snapshot),
            None => self.survey.log.history().is_gone(run) || self.is_recorded(run),
        }
    }

    fn is_recorded(&self, run: RunId) -> bool {
        self.survey.records.iter().any(|stored| {
            let record = &stored.record;
            record.cleared_runs.binary_search(&run).is_ok() || is_dead(record, run)
        })
    }

    /// Returns whether a record may go: it is not the newest, and the newest names as dead every run that
    /// this one waited for and that was ended. Such a run may wake and store a pack again under a name that
    /// was removed.
    fn may_be_closed(&self, record: &CollectionRecord) -> bool {
        let Some(newest) = self.survey.records.last().map(|stored| &stored.record) else { return false };
        let waiting = record.waiting.iter().flatten();
        let is_known = |run: &RunId| {
            is_dead(newest, *run)
                || self.survey.snapshots.by_run(*run).is_some_and(|snapshot| !is_aborted(snapshot))
                || self.survey.log.history().is_gone(*run)
        };
        newest.number > record.number && waiting.into_iter().all(is_known)
    }

    /// Returns the length of what is listed of a pack in the versions that a record names.
    fn listed_bytes(&self, pack: &CollectedPack) -> Option<u64> {
        let objects = noted_objects(&self.survey.packs, pack);
        (!objects.is_empty()).then(|| objects.iter().map(|object| object.size).sum())
    }

    fn has_object(&self, run: RunId) -> bool {
        self.survey.snapshot_objects.contains_key(&run)
    }

    /// Returns the runs that show no sign of life and that records wait for or packs are left of.
    fn fenced(&self) -> Vec<RunId> {
        if self.options.single_writer {
            return Vec::new();
        }
        let waited: HashSet<RunId> = self
            .survey
            .records
            .iter()
            .flat_map(|stored| stored.record.waiting.iter().flatten().copied())
            .collect();
        let packs_of: HashSet<RunId> = self.survey.packs.iter().map(|(_, pack)| pack.name.run).collect();
        let is_silent = |snapshot: &&Snapshot| {
            let run = snapshot.origin.run;
            let Some(object) = self.survey.snapshot_objects.get(&run) else { return false };
            let silence = self.survey.now.duration_since(object.modified).unwrap_or_default();
            let may_be_ended = snapshot.origin.source != REPAIR_SOURCE && silence >= self.options.fence_after;
            // Without a record that waits for it, its packs would stay as well.
            let is_waited_for =
                waited.contains(&run) || packs_of.contains(&run) || snapshot.origin.source == PRUNE_SOURCE;
            is_waited_for && (may_be_ended || self.options.ended_runs.contains(&run))
        };
        self.others_pending().filter(is_silent).map(|snapshot| snapshot.origin.run).collect()
    }

    /// Returns the interrupted runs of which nothing but their object is left, and which the newest record
    /// names as dead. Those that write no packs need not be named.
    fn cleared(&self) -> Vec<RunId> {
        let newest = self.survey.records.last();
        let runs_of_packs: HashSet<RunId> = self.survey.packs.iter().map(|(_, pack)| pack.name.run).collect();
        let aborted = self.survey.snapshots.snapshots.iter().filter(|snapshot| is_aborted(snapshot));
        let may_go = |snapshot: &&Snapshot| {
            let run = snapshot.origin.run;
            let is_named = newest.is_some_and(|newest| is_dead(&newest.record, run));
            (is_named || snapshot.origin.source == PRUNE_SOURCE) && !runs_of_packs.contains(&run)
        };
        aborted.filter(may_go).map(|snapshot| snapshot.origin.run).collect()
    }

    /// Makes the next record, if there is something to be removed, or something that older records wait for
    /// is to be written down.
    fn new_record(&self, candidates: Vec<(CollectedPack, u64)>) -> Option<NewRecord> {
        if self.is_blocked() {
            return None;
        }
        let is_named =
            |run: RunId| self.survey.records.iter().any(|stored| stored.record.names_snapshot(run));
        let deleted = self.survey.snapshots.snapshots.iter();
        let deleted = deleted.filter(|snapshot| matches!(snapshot.state, SnapshotState::Deleted(_)));
        let mut deleted: Vec<RunId> =
            deleted.map(|snapshot| snapshot.origin.run).filter(|run| !is_named(*run)).collect();
        deleted.sort_unstable();
        let needs_names = self.survey.records.iter().any(|stored| {
            let is_last =
                self.survey.records.last().is_some_and(|last| last.record.number == stored.record.number);
            !is_last && self.record(stored).step == RecordStep::Stay
        });
        if candidates.is_empty() && deleted.is_empty() && !needs_names {
            return None;
        }
        let bytes = candidates.iter().map(|(_, bytes)| bytes).sum();
        let packs: Vec<CollectedPack> = candidates.into_iter().map(|(pack, _)| pack).collect();
        let dead_runs = self.dead_runs();
        let cleared_runs = self.cleared_runs(&deleted);
        Some(NewRecord { packs, bytes, deleted, dead_runs, cleared_runs })
    }

    /// Returns all runs that ended without a snapshot. Those of their packs are usable that were usable
    /// before and that no other record names: those that the new record names were usable until now, which
    /// undo needs to know.
    fn dead_runs(&self) -> Vec<DeadRun> {
        let before = self.survey.records.last().map_or(&[][..], |stored| &stored.record.dead_runs);
        let known: HashSet<RunId> = before.iter().map(|dead| dead.run).collect();
        let aborted = self.survey.snapshots.snapshots.iter().filter(|snapshot| is_aborted(snapshot));
        let aborted = aborted.filter(|snapshot| snapshot.origin.source != PRUNE_SOURCE);
        let new = aborted.map(|snapshot| snapshot.origin.run).filter(|run| !known.contains(run)).map(|run| {
            let packs = self.survey.packs.iter().map(|(_, pack)| pack.name);
            DeadRun { run, usable: packs.filter(|name| name.run == run).map(|name| name.number).collect() }
        });
        let mut dead: Vec<DeadRun> = before.iter().cloned().chain(new).collect();
        for DeadRun { run, usable } in &mut dead {
            usable.retain(|number| {
                let name = PackName { run: *run, number: *number };
                let is_removed = self.survey.records.iter().any(|stored| stored.record.names_pack(name));
                self.survey.packs.number(name).is_some() && !is_removed
            });
        }
        dead.sort_unstable_by_key(|dead| dead.run);
        dead
    }

    /// Returns the runs of which there are packs and whose snapshot objects are gone, or may go.
    fn cleared_runs(&self, deleted: &[RunId]) -> Vec<RunId> {
        let named = self.survey.records.iter().flat_map(|stored| stored.record.deleted.iter().copied());
        let known = self.survey.records.iter().flat_map(|stored| stored.record.cleared_runs.iter().copied());
        let cleared: HashSet<RunId> = named.chain(known).chain(deleted.iter().copied()).collect();
        let mut runs: Vec<RunId> = self.survey.packs.iter().map(|(_, pack)| pack.name.run).collect();
        runs.dedup();
        runs.retain(|run| cleared.contains(run));
        runs
    }
}

pub(crate) fn is_pending(snapshot: &Snapshot) -> bool {
    matches!(snapshot.state, SnapshotState::Pending { .. })
}

fn is_aborted(snapshot: &Snapshot) -> bool {
    matches!(snapshot.state, SnapshotState::Aborted { .. })
}

fn is_dead(record: &CollectionRecord, run: RunId) -> bool {
    record.dead_runs.binary_search_by_key(&run, |dead| dead.run).is_ok()
}
