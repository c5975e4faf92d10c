//! Repairs: of each kind of object, damaged in each way; interrupted at each call; with active writers.

use std::{sync::Arc, time::Duration};

use icecore_format::{
    ids::{PackName, RunId},
    layout,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_store::{FaultStore, Store, environment::InstantSleep, fault::FaultPlan};

use super::{
    builder::{Repaired, Repository, kinds, now, run, snapshot, usual, usual_spec},
    damage::{BLOWS, Blow, strike},
};
use crate::{CheckOptions, CheckReport, MarkChange, ProblemKind, RepairStep, Severity};

/// Kinds of objects that a repair handles, by their prefix.
const PREFIXES: [&str; 4] =
    [layout::SNAPSHOTS_PREFIX, layout::MANIFEST_PREFIX, layout::PACKS_PREFIX, layout::DATA_PREFIX];

/// The first object of each kind, damaged in every way.
fn for_each_struck(mut look: impl FnMut(&str, Blow, &Repository)) {
    let usual = usual();
    for prefix in PREFIXES {
        let keys = usual.keys_below(prefix);
        for blow in BLOWS {
            let repository = usual.fork();
            strike(&repository, &keys[0], keys.get(1).map(String::as_str), blow);
            look(prefix, blow, &repository);
        }
    }
}

/// Fails unless everything that was restorable before is restorable now. A snapshot that did not open may be
/// missing.
#[track_caller]
fn assert_nothing_lost(before: &CheckReport, after: &CheckReport, shown: &str) {
    for old in before.snapshots.iter().filter(|old| old.opens) {
        let new = after.snapshots.iter().find(|new| new.run == old.run);
        let new = new.unwrap_or_else(|| panic!("{shown}: snapshot {} is gone", old.run));
        assert!(new.restorable || !old.restorable, "{shown}: {:?}", after.problems);
        assert!(new.files_damaged <= old.files_damaged, "{shown}: {old:?} became {new:?}");
    }
}

/// Damage of objects themselves, not of snapshots that lack them.
fn broken_objects(report: &CheckReport) -> Vec<ProblemKind> {
    let about_content = [ProblemKind::ChunkMissing, ProblemKind::NodeMissing, ProblemKind::ChunkLengthWrong];
    let problems = report.problems.iter().filter(|problem| problem.severity == Severity::Damage);
    problems.map(|problem| problem.kind).filter(|kind| !about_content.contains(kind)).collect()
}

#[test]
fn each_kind_of_damage_is_repaired_as_far_as_it_can_be() {
    for_each_struck(|prefix, blow, repository| {
        let shown = format!("{prefix} {blow:?}");
        let objects_before = repository.keys_below("");
        let (before, plan) = repository.plan();
        assert_eq!(repository.keys_below(""), objects_before, "{shown}: planning changed something");
        let repaired = repository.repair();
        let after = repository.check_data();
        assert_nothing_lost(&before, &after, &shown);
        assert_eq!(broken_objects(&after), [], "{shown}: {:?}", after.problems);
        assert_eq!(after.snapshots, repository.check().snapshots, "{shown}: the structure tells all");
        let marked = after.snapshots.iter().all(|one| one.mark.is_some() != one.restorable);
        assert!(marked, "{shown}: {:?}", after.snapshots);
        // Directories are derived, so they are restored completely. So are packs that are damaged outside of
        // their blocks, and objects that were swapped.
        let whole = match blow {
            Blow::Extended | Blow::FlippedFirst | Blow::FlippedLast => prefix != layout::SNAPSHOTS_PREFIX,
            Blow::Swapped => true,
            _ => prefix == layout::PACKS_PREFIX,
        };
        if whole {
            assert!(after.is_healthy() && after.snapshots.len() == 2, "{shown}: {:?}", after.problems);
        }
        let is_lost = prefix == layout::SNAPSHOTS_PREFIX && blow != Blow::Missing && blow != Blow::Swapped;
        assert_eq!(repaired.outcome.snapshots_lost.len(), usize::from(is_lost), "{shown}");
        // Quarantined objects are where the outcome says, and were removed from their old location.
        for key in &repaired.outcome.quarantined {
            assert!(!repository.get(key).is_empty() || blow == Blow::Emptied, "{shown}: {key}");
        }
        let (again, nothing) = repository.plan();
        assert_eq!((nothing.steps, again.mark_changes()), (vec![], vec![]), "{shown}");
        assert_eq!(plan.steps.is_empty(), repaired.outcome == crate::RepairOutcome::default(), "{shown}");
    });
}

#[test]
fn what_comes_back_takes_the_mark_away() {
    let original = usual();
    let repository = original.fork();
    let pack = repository.keys_below(layout::DATA_PREFIX).remove(0);
    repository.delete(&pack);
    let repaired = repository.repair();
    let files = snapshot(&repaired.after, run(1)).files_damaged;
    assert!(repaired.marks.contains(&MarkChange { run: run(1), files: Some(files) }));
    // A correct mark does not change.
    assert_eq!(repository.repair().marks, []);
    // Like a backup: the same chunks in a pack with its directory.
    let (_, name) = pack.rsplit_once('/').expect("key");
    let directory = format!("{}{name}", layout::PACKS_PREFIX);
    repository.put(&pack, original.get(&pack));
    repository.put(&directory, original.get(&directory));
    let report = repository.check();
    assert!(report.is_healthy() && kinds(&report).contains(&ProblemKind::SnapshotWholeAgain));
    assert!(repository.repair().marks.contains(&MarkChange { run: run(1), files: None }));
    assert!(repository.check().snapshots.iter().all(|snapshot| snapshot.mark.is_none()));
}

#[test]
fn only_what_is_not_verified_elsewhere_is_stored_again() {
    let mut repository = usual();
    // A second group with the same chunks, and another copy in the group of the first.
    let mut spec = usual_spec(3);
    spec.dedup = icecore_format::snapshot::DedupScope::Group;
    repository.add_snapshot(&spec);
    spec.run = run(4);
    spec.group = run(1);
    repository.add_snapshot(&spec);
    let mut packs = repository.keys_below(layout::DATA_PREFIX);
    packs.retain(|key| key.starts_with(&format!("data/{0}/{0}-", run(1))));
    let pack = packs.remove(0);
    strike(&repository, &pack, None, Blow::FlippedMiddle);
    let kept = |options: &CheckOptions| {
        let (_, plan) = repository.plan_with(options, &[]);
        let [RepairStep::RetirePack { sources, chunks_lost, .. }] = &plan.steps[..] else {
            panic!("{plan:?}")
        };
        (sources.iter().map(crate::SalvageSource::chunk_count).sum::<u64>(), *chunks_lost)
    };
    assert_eq!(kept(&CheckOptions { read_data: true, ..Repository::options() }), (0, 0));
    let repaired = repository.repair();
    assert_eq!((repaired.outcome.packs_written, repaired.after.is_healthy()), (0, true));
}

#[test]
fn a_copy_that_nobody_has_read_does_not_count() {
    let mut repository = usual();
    // All chunks of the first snapshot again.
    let mut spec = usual_spec(4);
    spec.dedup = icecore_format::snapshot::DedupScope::Group;
    spec.group = run(1);
    repository.add_snapshot(&spec);
    for (number, blow) in [(1, Blow::Extended), (4, Blow::FlippedMiddle)] {
        let packs = repository.keys_below(layout::DATA_PREFIX);
        let in_group = format!("data/{}/{}-", run(1), run(number));
        for pack in packs.iter().filter(|key| key.starts_with(&in_group)) {
            strike(&repository, pack, None, blow);
        }
    }
    // The structure shows only that the packs of the first run are longer than before.
    let (_, plan) = repository.plan_with(&Repository::options(), &[]);
    let repaired = repository.execute_on(Arc::clone(&repository.store) as _, &plan).expect("repair");
    assert!(repaired.outcome.chunks_kept > 0);
    repository.repair();
    let after = repository.check_data();
    assert!(after.is_healthy(), "{:?}", after.problems);
}

#[test]
fn whole_blocks_of_a_bad_pack_are_kept_in_their_group() {
    let repository = usual();
    let pack = repository.keys_below(layout::DATA_PREFIX).remove(0);
    let mut bytes = repository.get(&pack);
    bytes[200] ^= 1;
    repository.replace(&pack, bytes.clone());
    let before = repository.check_data();
    let Repaired { outcome, after, .. } = repository.repair();
    assert_eq!((outcome.packs_written, outcome.directories_rebuilt, outcome.packs_moved), (1, 0, 0));
    assert!(outcome.chunks_kept > 0);
    assert_eq!(snapshot(&after, run(1)).files_damaged, 3);
    assert_eq!(snapshot(&after, run(1)).examples, snapshot(&before, run(1)).examples);
    let (group, _) = pack.rsplit_once('/').expect("key");
    let aside = outcome.quarantined.iter().find(|key| key.ends_with(&pack)).expect("pack");
    assert_eq!(repository.get(aside), bytes);
    assert!(!repository.keys_below(layout::DATA_PREFIX).contains(&pack));
    let new: Vec<_> = repository.keys_below(&format!("{group}/"));
    let is_old = |key: &String| [1, 2].iter().any(|number| key.contains(&format!("/{}-", run(*number))));
    assert_eq!(new.iter().filter(|key| !is_old(key)).count(), 1, "{new:?}");
}

#[test]
fn a_pack_in_the_wrong_place_is_moved_back() {
    let repository = usual();
    for prefix in [layout::DATA_PREFIX, layout::MANIFEST_PREFIX] {
        let key = repository.keys_below(prefix).remove(0);
        let (_, name) = key.rsplit_once('/').expect("key");
        let bytes = repository.get(&key);
        let wrong = format!("data/{}/{name}", RunId([7; 16]));
        repository.put(&wrong, bytes.clone());
        repository.delete(&key);
        let Repaired { outcome, after, .. } = repository.repair();
        assert_eq!((outcome.packs_moved, outcome.packs_written), (1, 0));
        assert!(after.is_healthy() && outcome.quarantined.is_empty());
        assert_eq!(repository.get(&key), bytes);
        assert!(!repository.keys_below(layout::DATA_PREFIX).contains(&wrong));
    }
}

#[test]
fn a_snapshot_comes_back_from_a_copy() {
    let repository = usual();
    let key = layout::snapshot_key(run(1));
    let copy = repository.get(&key);
    strike(&repository, &key, None, Blow::FlippedMiddle);
    let options = Repository::options();
    let (_, plan) = repository.plan_with(&options, &[b"nonsense".to_vec(), copy.clone()]);
    let repaired = repository.execute_on(Arc::clone(&repository.store) as _, &plan).expect("repair");
    assert_eq!(repaired.outcome.snapshots_restored, [run(1)]);
    assert_eq!(repository.get(&key), copy);
    assert!(repository.check_data().is_healthy());
}

#[test]
fn packs_of_runs_at_work_are_left_alone() {
    let mut repository = usual();
    let spec = usual_spec(9);
    let name = PackName { run: run(9), number: 0 };
    let content = b"being written".to_vec();
    let chunk = (repository.keys.chunk_id(&content), content);
    repository.store_pack(name, icecore_format::seal::ObjectKind::Data, run(9), &[chunk]);
    let directory = layout::directory_key(name);
    repository.delete(&directory);
    let unfinished = repository.fork();
    // Without an announcement no run is active: its leftovers are used.
    assert_eq!(repository.repair().outcome.directories_rebuilt, 1);

    let mut repository = unfinished;
    repository
        .put_snapshot(&spec, SnapshotState::Pending { refreshed: icecore_format::entry::Time::default() });
    let (_, plan) = repository.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.left.len(), 1, "{plan:?}");
    // A day later the run counts as dead.
    let late = CheckOptions { now: now() + Duration::from_hours(25), ..Repository::options() };
    assert_eq!(repository.plan_with(&late, &[]).1.steps.len(), 1);
}

#[test]
fn what_changed_since_the_plan_is_left_alone() {
    let repository = usual();
    let pack = repository.keys_below(layout::DATA_PREFIX).remove(0);
    let whole = repository.get(&pack);
    strike(&repository, &pack, None, Blow::FlippedMiddle);
    let (_, plan) = repository.plan();
    // Somebody restored the pack.
    repository.replace(&pack, whole);
    let packs = repository.keys_below(layout::DATA_PREFIX);
    let failed = repository.execute_on(Arc::clone(&repository.store) as _, &plan).expect_err("changed");
    assert_eq!(
        failed.to_string(),
        format!("repair the repository: {pack} has changed since the repair was planned")
    );
    assert!(repository.check_data().is_healthy());
    assert_eq!(repository.keys_below(layout::DATA_PREFIX), packs, "nothing was written from what it is now");
}

#[test]
fn a_repair_ends_as_a_run_without_a_snapshot() {
    let repository = usual();
    strike(&repository, &repository.keys_below(layout::DATA_PREFIX)[0], None, Blow::FlippedMiddle);
    let before = repository.keys_below(layout::SNAPSHOTS_PREFIX);
    repository.repair();
    let mut new = repository.keys_below(layout::SNAPSHOTS_PREFIX);
    new.retain(|key| !before.contains(key));
    let [key] = &new[..] else { panic!("{new:?}") };
    let run = layout::parse_snapshot_key(key).expect("key");
    let Snapshot { origin, state } =
        Snapshot::open(&repository.keys, run, &repository.get(key)).expect("snapshot");
    assert_eq!(origin.source, "repair");
    assert!(matches!(state, SnapshotState::Aborted { reason } if reason.starts_with("repair: ")));
}

/// Interrupts the repair of a repository before each call of its execution; the calls are made one after the
/// other. Then nothing is lost, and a second repair ends like one that was not interrupted.
fn interrupt_everywhere(shown: &str, repository: &Repository) {
    let (before, plan) = repository.plan();
    let uninterrupted = repository.fork();
    uninterrupted.repair();
    let expected = uninterrupted.check_data();
    for call in 1.. {
        let struck = repository.fork();
        let inner: Arc<dyn Store> = Arc::clone(&struck.store) as _;
        let store =
            Arc::new(FaultStore::new(inner, FaultPlan::crash_from(call), Arc::new(InstantSleep::new())));
        let result = struck.execute_on(Arc::clone(&store) as _, &plan);
        if !store.has_crashed() {
            result.expect("repair");
            assert!(call > 5, "{shown}: it was not interrupted");
            return;
        }
        let shown = format!("{shown}, call {call}");
        assert_nothing_lost(&before, &struck.check_data(), &shown);
        struck.repair();
        let after = struck.check_data();
        assert_nothing_lost(&before, &after, &shown);
        assert_eq!(broken_objects(&after), [], "{shown}: {:?}", after.problems);
        let judged = |report: &CheckReport| {
            let of =
                |one: &crate::SnapshotCheck| (one.run, one.restorable, one.files_damaged, one.mark.is_some());
            report.snapshots.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(judged(&after), judged(&expected), "{shown}");
    }
}

#[test]
fn interrupted_anywhere_a_repair_loses_nothing() {
    for_each_struck(|prefix, blow, repository| {
        if matches!(blow, Blow::FlippedMiddle | Blow::Missing | Blow::Swapped | Blow::FlippedLast) {
            interrupt_everywhere(&format!("{prefix} {blow:?}"), repository);
        }
    });
    let misplaced = usual();
    let key = misplaced.keys_below(layout::DATA_PREFIX).remove(0);
    let (_, name) = key.rsplit_once('/').expect("key");
    misplaced.put(&format!("data/{}/{name}", RunId([7; 16])), misplaced.get(&key));
    misplaced.delete(&key);
    interrupt_everywhere("misplaced", &misplaced);
}
