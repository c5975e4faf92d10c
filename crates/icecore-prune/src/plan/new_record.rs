//! The next record of a collection.

use std::collections::{BTreeMap, HashSet};

use icecore_format::{
    collection::{CollectedPack, DeadRun},
    ids::{PackName, RunId},
    snapshot::SnapshotState,
};

use super::{NewRecord, RecordPlan, RecordStep, planner::Planner, runs};
use crate::sources::PRUNE_SOURCE;

/// Makes the next record, if there is something to be removed, or something that older records wait for is to
/// be written down. `records` are the plans of those that exist.
pub(super) fn new_record(
    planner: &Planner<'_>,
    records: &[RecordPlan],
    candidates: Vec<(CollectedPack, u64)>,
) -> Option<NewRecord> {
    if planner.is_blocked() {
        return None;
    }
    let is_named = |run: RunId| planner.survey.records.iter().any(|stored| stored.record.names_snapshot(run));
    let deleted = planner.survey.snapshots.snapshots.iter();
    let deleted = deleted.filter(|snapshot| matches!(snapshot.state, SnapshotState::Deleted(_)));
    let mut deleted: Vec<RunId> =
        deleted.map(|snapshot| snapshot.origin.run).filter(|run| !is_named(*run)).collect();
    deleted.sort_unstable();
    let older = &records[..records.len().saturating_sub(1)];
    let needs_names = older.iter().any(|record| record.step == RecordStep::Stay);
    if candidates.is_empty() && deleted.is_empty() && !needs_names {
        return None;
    }
    let bytes = candidates.iter().map(|(_, bytes)| bytes).sum();
    let packs: Vec<CollectedPack> = candidates.into_iter().map(|(pack, _)| pack).collect();
    let cleared_runs = cleared_runs(planner, &deleted);
    Some(NewRecord { packs, bytes, deleted, dead_runs: dead_runs(planner), cleared_runs })
}

/// Returns all runs that ended without a snapshot. Those of their packs are usable that were usable before
/// and that no other record names: those that the new record names were usable until now, which undo needs to
/// know.
///
/// It repeats what any record says, because the one with the greatest number need not be the newest (see
/// [`is_repeated`](super::repeated::is_repeated)).
fn dead_runs(planner: &Planner<'_>) -> Vec<DeadRun> {
    let survey = planner.survey;
    let mut dead: BTreeMap<RunId, Vec<u32>> = BTreeMap::new();
    for before in survey.records.iter().flat_map(|stored| &stored.record.dead_runs) {
        let usable = dead.entry(before.run).or_insert_with(|| before.usable.clone());
        usable.retain(|number| before.usable.binary_search(number).is_ok());
    }
    let aborted = runs::aborted(planner).filter(|snapshot| snapshot.origin.source != PRUNE_SOURCE);
    let new: HashSet<RunId> =
        aborted.map(|snapshot| snapshot.origin.run).filter(|run| !dead.contains_key(run)).collect();
    dead.extend(new.iter().map(|run| (*run, Vec::new())));
    for (_, pack) in survey.packs.iter().filter(|(_, pack)| new.contains(&pack.name.run)) {
        dead.entry(pack.name.run).or_default().push(pack.name.number);
    }
    let is_usable = |name: PackName| {
        survey.packs.number(name).is_some()
            && !survey.records.iter().any(|stored| stored.record.names_pack(name))
    };
    let dead = dead.into_iter().map(|(run, mut usable)| {
        usable.retain(|number| is_usable(PackName { run, number: *number }));
        DeadRun { run, usable }
    });
    dead.collect()
}

/// Returns the runs of which there are packs and whose snapshot objects are gone, or may go.
fn cleared_runs(planner: &Planner<'_>, deleted: &[RunId]) -> Vec<RunId> {
    let records = planner.survey.records.iter().map(|stored| &stored.record);
    let known = records.flat_map(|record| record.deleted.iter().chain(&record.cleared_runs));
    let cleared: HashSet<RunId> = known.chain(deleted).copied().collect();
    let mut runs: Vec<RunId> =
        planner.runs_of_packs.iter().copied().filter(|run| cleared.contains(run)).collect();
    runs.sort_unstable();
    runs
}
