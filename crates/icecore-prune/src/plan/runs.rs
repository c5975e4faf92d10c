//! Which runs are ended, and what is left of interrupted ones.

use std::collections::{BTreeSet, HashSet};

use icecore_format::{
    ids::RunId,
    snapshot::{Snapshot, SnapshotState},
};

use super::{
    RecordPlan, RecordStep, WaitedRun,
    planner::{Planner, is_dead},
};
use crate::sources::{PRUNE_SOURCE, REPAIR_SOURCE};

/// Returns the pending runs that the operator names, and those that show no sign of life and that records
/// wait for or packs are left of. `records` are the plans of the records: some wait for runs that are not in
/// their lists.
pub(super) fn fenced(planner: &Planner<'_>, records: &[RecordPlan]) -> Vec<RunId> {
    let waited: HashSet<RunId> = records.iter().flat_map(runs_of).collect();
    let is_ended = |snapshot: &&Snapshot| {
        let run = snapshot.origin.run;
        planner.options.ended_runs.contains(&run)
            // Without a record that waits for it, its packs would stay as well.
            || (waited.contains(&run)
                || planner.runs_of_packs.contains(&run)
                || snapshot.origin.source == PRUNE_SOURCE)
                && is_silent(planner, snapshot)
    };
    planner.others_pending().filter(is_ended).map(|snapshot| snapshot.origin.run).collect()
}

/// Returns whether a run showed no sign of life for so long that it is taken for dead.
fn is_silent(planner: &Planner<'_>, pending: &Snapshot) -> bool {
    // Where the store decides no races, and of repairs, only the operator knows.
    if planner.options.single_writer || pending.origin.source == REPAIR_SOURCE {
        return false;
    }
    let object = planner.survey.snapshot_objects.get(&pending.origin.run);
    object.is_some_and(|object| {
        let silence = planner.survey.now.duration_since(object.modified).unwrap_or_default();
        silence >= planner.options.fence_after
    })
}

/// Describes the runs that records wait for.
pub(super) fn waited(planner: &Planner<'_>, records: &[RecordPlan]) -> Vec<WaitedRun> {
    let named: BTreeSet<RunId> = records.iter().flat_map(runs_of).collect();
    let describe = |run: RunId| {
        let origin = &planner.snapshot(run)?.origin;
        let object = planner.survey.snapshot_objects.get(&run)?;
        let (host, source) = (origin.host.clone(), origin.source.clone());
        Some(WaitedRun { run, host, source, started: origin.started, alive: object.modified })
    };
    named.into_iter().filter_map(describe).collect()
}

fn runs_of(record: &RecordPlan) -> impl Iterator<Item = RunId> {
    let runs = match &record.step {
        RecordStep::Wait { runs } => runs.as_slice(),
        _ => &[],
    };
    runs.iter().copied()
}

/// Returns the interrupted runs.
pub(super) fn aborted<'a>(planner: &Planner<'a>) -> impl Iterator<Item = &'a Snapshot> {
    let snapshots = planner.survey.snapshots.snapshots.iter();
    snapshots.filter(|snapshot| matches!(snapshot.state, SnapshotState::Aborted { .. }))
}

/// Returns the interrupted runs of which nothing but their object is left, and which the newest record names
/// as dead. Those that write no packs need not be named.
pub(super) fn cleared(planner: &Planner<'_>) -> Vec<RunId> {
    let newest = planner.survey.records.last();
    let may_go = |snapshot: &&Snapshot| {
        let run = snapshot.origin.run;
        let is_named = newest.is_some_and(|newest| is_dead(&newest.record, run));
        (is_named || snapshot.origin.source == PRUNE_SOURCE) && !planner.runs_of_packs.contains(&run)
    };
    aborted(planner).filter(may_go).map(|snapshot| snapshot.origin.run).collect()
}
