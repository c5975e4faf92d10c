//! Snapshots that lack the directories of some entries: a repair adds them.

use icecore_format::{
    entry::{Entry, EntryKind, Marks, Time},
    layout,
    snapshot::{DedupScope, Snapshot, SnapshotState},
};
use icecore_store::{FaultStore, Store, environment::InstantSleep, fault::FaultPlan};
use std::sync::Arc;

use super::{
    builder::{Repository, Spec, kinds, run, snapshot, usual_spec},
    structure::file,
};
use crate::{CheckError, ProblemKind, RepairStep};

fn directory(path: &str, owner: u32) -> Entry {
    Entry {
        mode: 0o755,
        user_id: owner,
        group_id: owner,
        modified: Time { seconds: 7, nanoseconds: 0 },
        ..Entry::new(path.as_bytes().to_vec(), EntryKind::Directory)
    }
}

/// Makes a repository with a whole snapshot (1), and one (2) with these entries.
fn with_entries(entries: &[Entry]) -> (Repository, Spec) {
    let mut repository = Repository::new();
    repository.add_snapshot(&usual_spec(1));
    let spec = Spec { run: run(2), group: run(2), dedup: DedupScope::Group, ..usual_spec(2) };
    repository.add_snapshot_of(&spec, entries);
    (repository, spec)
}

/// Entries with several missing directories, over many leaves.
fn orphaned() -> Vec<Entry> {
    let mut entries = vec![directory("", 1), directory("a", 2)];
    entries.extend((0..40).map(|number| file(&format!("a/b/c/{number:02}"))));
    entries.extend((0..40).map(|number| file(&format!("d-{number:02}"))));
    entries.extend([directory("e", 3), file("e/f"), file("g/h/i"), file("g/h/j"), file("g/k")]);
    entries
}

fn paths(parents: &[Vec<u8>]) -> Vec<String> {
    parents.iter().map(|path| String::from_utf8(path.clone()).unwrap()).collect()
}

#[test]
fn missing_directories_are_put_in() {
    let (repository, spec) = with_entries(&orphaned());
    let old =
        Snapshot::open(&repository.keys, spec.run, &repository.get(&layout::snapshot_key(spec.run))).unwrap();
    let (before, plan) = repository.plan();
    assert_eq!(kinds(&before), [ProblemKind::ParentWrong]);
    let [RepairStep::AddParents { run: found, parents, .. }] = plan.steps.as_slice() else {
        panic!("{:?}", plan.steps)
    };
    assert_eq!(
        (*found, paths(parents)),
        (spec.run, ["a/b", "a/b/c", "g", "g/h"].map(str::to_owned).to_vec())
    );

    let repaired = repository.repair();
    assert_eq!(repaired.outcome.snapshots_mended, [spec.run]);
    assert_eq!((repaired.after.is_healthy(), repaired.marks.as_slice()), (true, [].as_slice()));
    let after = repository.check_data();
    assert!(after.is_healthy(), "{:?}", after.problems);
    assert!(snapshot(&after, spec.run).restorable && snapshot(&after, run(1)).restorable);
    assert_eq!(repository.plan().1.steps, []);

    // Only the manifest has changed, and only the directories in it are new.
    let new =
        Snapshot::open(&repository.keys, spec.run, &repository.get(&layout::snapshot_key(spec.run))).unwrap();
    let (SnapshotState::Complete(old), SnapshotState::Complete(new)) = (old.state, new.state) else {
        panic!()
    };
    assert_eq!(new.totals.entries, old.totals.entries + 4);
    assert_eq!(
        (new.totals.files, new.totals.bytes, new.finished),
        (old.totals.files, old.totals.bytes, old.finished)
    );
    let invented = |path: &str, owner| Entry {
        mode: 0o700,
        marks: Marks::ATTRIBUTES_INCOMPLETE,
        ..directory(path, owner)
    };
    let mut expected = orphaned();
    expected.extend([invented("a/b", 2), invented("a/b/c", 2), invented("g", 1), invented("g/h", 1)]);
    expected.sort_by(|left, right| icecore_format::path::compare(&left.path, &right.path));
    let (root, level, _) = repository.encode_manifest(&expected);
    assert_eq!((new.root_node, new.root_level), (root.id, level));
}

#[test]
fn a_mark_of_damage_is_taken_away_and_a_directory_like_another_is_kept() {
    // The first path of all, and a missing root.
    let (repository, spec) = with_entries(&[file("a/b"), directory("c", 1), file("c/d")]);
    repository.repair();
    let after = repository.check_data();
    assert!(after.is_healthy(), "{:?}", after.problems);
    assert_eq!(snapshot(&after, spec.run).mark, None);
}

#[test]
fn what_lies_below_a_file_is_left_alone() {
    let (repository, spec) = with_entries(&[file("a"), file("a/b"), file("c/d")]);
    let (_, plan) = repository.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.left.len(), 1);
    assert_eq!(plan.left[0].0, layout::snapshot_key(spec.run));
    assert!(plan.left[0].1.contains("not a directory"), "{:?}", plan.left);
    assert!(snapshot(&repository.repair().after, run(1)).restorable);
}

#[test]
fn an_interrupted_mending_leaves_the_old_snapshot_or_the_new_one() {
    let (repository, spec) = with_entries(&orphaned());
    let (_, plan) = repository.plan();
    for call in 1.. {
        let struck = repository.fork();
        let inner: Arc<dyn Store> = Arc::clone(&struck.store) as _;
        let store =
            Arc::new(FaultStore::new(inner, FaultPlan::crash_from(call), Arc::new(InstantSleep::new())));
        let done = struck.execute_on(Arc::clone(&store) as _, &plan);
        if !store.has_crashed() {
            done.expect("repair");
            assert!(call > 5, "it was not interrupted");
            return;
        }
        let problems = struck.check_data().problems;
        let is_other = |problem: &&crate::CheckProblem| {
            problem.kind != ProblemKind::ParentWrong && problem.severity == crate::Severity::Damage
        };
        assert_eq!(problems.iter().find(is_other), None, "call {call}");
        struck.repair();
        let after = struck.check_data();
        assert!(after.is_healthy() && snapshot(&after, spec.run).restorable, "call {call}");
    }
}

#[test]
fn a_snapshot_that_changed_meanwhile_is_left_alone() {
    let (repository, spec) = with_entries(&orphaned());
    let (_, plan) = repository.plan();
    let key = layout::snapshot_key(spec.run);
    repository.replace(&key, repository.get(&key));
    let refused = repository.execute_on(Arc::clone(&repository.store) as _, &plan);
    assert!(matches!(refused, Err(CheckError::Changed { .. })), "{refused:?}");
}

#[test]
fn marks_of_what_was_not_looked_at_are_no_damage() {
    let unreadable = Entry { marks: Marks::UNREADABLE, ..directory("b", 1) };
    let name_only = Entry {
        marks: Marks::NAME_ONLY.with(Marks::UNREADABLE),
        ..Entry::new(b"b/c".to_vec(), EntryKind::File)
    };
    let others = [Marks::NOT_ENTERED, Marks::CACHE_LEFT_OUT].map(|marks| marks.0);
    let mut entries = vec![directory("", 1), unreadable, name_only, file("b/d")];
    entries.extend(others.iter().enumerate().map(|(index, marks)| Entry {
        marks: Marks(*marks),
        inode_flags: 0x10,
        ..directory(&format!("e{index}"), 1)
    }));
    let (repository, _) = with_entries(&entries);
    let report = repository.check_data();
    assert!(report.is_healthy() && report.problems.is_empty(), "{:?}", report.problems);
}
