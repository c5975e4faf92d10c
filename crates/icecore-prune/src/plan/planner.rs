//! What happens next with the records of collections.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use icecore_format::{
    collection::{CollectedPack, CollectionRecord, CollectionState},
    ids::RunId,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::{collections::StoredCollection, environment::time_of};

use super::{PruneOptions, RecordPlan, RecordStep, objects::noted_objects, repeated::is_repeated};
use crate::{
    pack_set::PackSet,
    sources::PRUNE_SOURCE,
    survey::{Survey, is_pending},
};

/// How far clocks of hosts may be from the store's.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// A survey, with what is looked up in it again and again.
pub(super) struct Planner<'a> {
    pub survey: &'a Survey,
    pub own: Option<RunId>,
    pub options: &'a PruneOptions,
    /// Packs that complete snapshots need.
    pub live: PackSet,
    /// Runs of which there are packs.
    pub runs_of_packs: HashSet<RunId>,
    snapshots: HashMap<RunId, &'a Snapshot>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        survey: &'a Survey,
        own: Option<RunId>,
        options: &'a PruneOptions,
        live: PackSet,
    ) -> Self {
        let snapshots = survey.snapshots.snapshots.iter();
        Self {
            survey,
            own,
            options,
            live,
            runs_of_packs: survey.packs.iter().map(|(_, pack)| pack.name.run).collect(),
            snapshots: snapshots.map(|snapshot| (snapshot.origin.run, snapshot)).collect(),
        }
    }

    /// Returns the snapshot of a run, in any state.
    pub(super) fn snapshot(&self, run: RunId) -> Option<&'a Snapshot> {
        self.snapshots.get(&run).copied()
    }

    /// Returns the pending runs but the own one.
    pub(super) fn others_pending(&self) -> impl Iterator<Item = &'a Snapshot> {
        let pending = self.survey.snapshots.snapshots.iter().filter(|snapshot| is_pending(snapshot));
        pending.filter(|snapshot| Some(snapshot.origin.run) != self.own)
    }

    /// Returns whether nothing may be removed because a run is pending.
    pub(super) fn is_blocked(&self) -> bool {
        self.options.single_writer && self.others_pending().next().is_some()
    }

    pub(super) fn record(&self, stored: &StoredCollection) -> RecordPlan {
        let record = &stored.record;
        let is_needed = |pack: &&CollectedPack| {
            self.survey.packs.number(pack.name).is_some_and(|number| self.live.contains(number))
        };
        let (to_prove, spared): (Vec<&CollectedPack>, Vec<&CollectedPack>) =
            record.packs.iter().filter(is_needed).partition(|pack| pack.is_repacked);
        let [to_prove, spared] =
            [to_prove, spared].map(|packs| packs.iter().map(|pack| pack.name).collect::<Vec<_>>());
        let is_deleted = |run: RunId| match self.snapshot(run) {
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
            to_prove,
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
            } else if until > self.survey.now && !self.options.grace.is_zero() {
                // Without a grace period, the record may have been written a moment ago, after the own run.
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
        match self.snapshot(run) {
            Some(snapshot) => !is_pending(snapshot),
            None => self.survey.log.history().is_gone(run) || self.is_recorded(run),
        }
    }

    pub(super) fn is_recorded(&self, run: RunId) -> bool {
        self.survey.records.iter().any(|stored| {
            let record = &stored.record;
            record.cleared_runs.binary_search(&run).is_ok() || is_dead(record, run)
        })
    }

    /// Returns whether a record may go: it is not the newest, and the newest says all that it says. The newest
    /// also names as dead every run that this one waited for and that was ended: such a run may wake and store
    /// a pack again under a name that was removed.
    fn may_be_closed(&self, record: &CollectionRecord) -> bool {
        let Some(newest) = self.survey.records.last().map(|stored| &stored.record) else { return false };
        let waiting = record.waiting.iter().flatten();
        let is_known = |run: &RunId| {
            is_dead(newest, *run)
                || self
                    .snapshot(*run)
                    .is_some_and(|snapshot| !matches!(snapshot.state, SnapshotState::Aborted { .. }))
                || self.survey.log.history().is_gone(*run)
        };
        newest.number > record.number
            && waiting.into_iter().all(is_known)
            && is_repeated(record, newest, |run| self.runs_of_packs.contains(&run))
    }

    /// Returns the length of what is listed of a pack in the versions that a record names.
    fn listed_bytes(&self, pack: &CollectedPack) -> Option<u64> {
        let objects = noted_objects(&self.survey.packs, pack);
        (!objects.is_empty()).then(|| objects.iter().map(|object| object.size).sum())
    }

    fn has_object(&self, run: RunId) -> bool {
        self.survey.snapshot_objects.contains_key(&run)
    }
}

pub(super) fn is_dead(record: &CollectionRecord, run: RunId) -> bool {
    record.dead_runs.binary_search_by_key(&run, |dead| dead.run).is_ok()
}
