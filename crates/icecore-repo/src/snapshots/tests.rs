use icecore_format::{
    layout::snapshot_key,
    snapshot::{DedupScope, SnapshotState},
};
use icecore_store::{
    fault::{Fault, FaultPlan, FaultWhen},
    meter::MeterStore,
    method::Method,
};

use super::*;
use crate::bed::{Bed, commit, write_manifest};

fn snapshot(bed: &Bed, source: &str, host: &str, level: Level) -> RunId {
    bed.clock.advance(std::time::Duration::from_secs(1));
    let session = bed.begin(&bed.repository, |origin, _| {
        origin.source = source.to_owned();
        origin.host = host.to_owned();
        origin.level = level;
        origin.dedup = DedupScope::Repository;
    });
    let mut session = session.unwrap();
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap().origin.run
}

fn run_of(snapshot: Option<&Snapshot>) -> Option<RunId> {
    snapshot.map(|snapshot| snapshot.origin.run)
}

/// Lists the snapshots and returns the number of objects that were fetched.
fn counted(bed: &Bed, catalog: &mut Catalog) -> (SnapshotList, u64) {
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(std::sync::Arc::new(meter.clone()));
    let list = list(&repository, catalog).unwrap();
    (list, meter.usage().of_method(Method::Get).calls)
}

#[test]
fn the_latest_of_a_source_on_a_host_is_found() {
    let bed = Bed::new();
    assert!(bed.snapshots().snapshots.is_empty());
    let runs = [
        snapshot(&bed, "a", "host", Level::Full),
        snapshot(&bed, "a", "host", Level::Incremental),
        snapshot(&bed, "b", "host", Level::Full),
        snapshot(&bed, "a", "other", Level::Full),
    ];
    bed.clock.advance(std::time::Duration::from_secs(1));
    // Pending and aborted snapshots do not count.
    let pending = bed.begin(&bed.repository, |origin, _| origin.source = "a".into()).unwrap();
    let aborted = bed.begin(&bed.repository, |origin, _| origin.source = "a".into()).unwrap();
    let aborted_run = aborted.run();
    aborted.abort("reason").unwrap();
    let list = bed.snapshots();
    assert!(list.damaged.is_empty());
    assert!(list.snapshots.is_sorted_by_key(|snapshot| snapshot.origin.run));
    assert_eq!(list.snapshots.len(), 6);
    assert_eq!(list.complete(None).map(|snapshot| snapshot.origin.run).collect::<Vec<_>>(), runs);
    assert_eq!(list.complete(Some("a")).count(), 3);
    assert_eq!(list.complete(Some("c")).count(), 0);
    assert_eq!(run_of(list.latest_of("a", "host")), Some(runs[1]));
    assert_eq!(run_of(list.latest_full_of("a", "host")), Some(runs[0]));
    assert_eq!(run_of(list.latest_of("a", "other")), Some(runs[3]));
    assert_eq!(run_of(list.latest_of("b", "other")), None);
    assert_eq!(run_of(list.latest_full_of("b", "host")), Some(runs[2]));
    assert!(matches!(list.by_run(pending.run()).unwrap().state, SnapshotState::Pending { .. }));
    assert!(matches!(list.by_run(aborted_run).unwrap().state, SnapshotState::Aborted { .. }));
    assert!(list.by_run(RunId([9; 16])).is_none());
}

#[test]
fn damaged_snapshots_are_reported_and_foreign_objects_ignored() {
    let bed = Bed::new();
    let runs = [0, 1, 2, 3].map(|_| snapshot(&bed, "a", "host", Level::Full));
    let keys = runs.map(snapshot_key);
    bed.damage(&keys[0], |bytes| bytes[70] ^= 1);
    bed.damage(&keys[1], |bytes| bytes.truncate(20));
    let third = bed.get(&keys[2]);
    bed.set(&keys[3], third);
    for name in ["note", "0123", "a/b"] {
        bed.set(&format!("{SNAPSHOTS_PREFIX}{name}"), vec![0; 10]);
    }
    let other = Bed::seeded(2);
    let foreign = snapshot(&other, "a", "host", Level::Full);
    bed.set(&snapshot_key(foreign), other.get(&snapshot_key(foreign)));
    let mut catalog = bed.catalog();
    for _ in 0..2 {
        let (list, _) = counted(&bed, &mut catalog);
        assert_eq!(list.snapshots.iter().map(|snapshot| snapshot.origin.run).collect::<Vec<_>>(), [runs[2]]);
        let mut damaged: Vec<&String> = list.damaged.iter().map(|(key, _)| key).collect();
        damaged.sort_unstable();
        let foreign = snapshot_key(foreign);
        let mut expected = vec![&keys[0], &keys[1], &keys[3], &foreign];
        expected.sort_unstable();
        assert_eq!(damaged, expected);
        for (key, error) in &list.damaged {
            assert!(matches!(error, RepoError::Object { key: named, .. } if named == key));
        }
    }
}

#[test]
fn what_has_not_changed_is_not_fetched() {
    let bed = Bed::new();
    let mut runs = vec![snapshot(&bed, "a", "host", Level::Full), snapshot(&bed, "a", "host", Level::Full)];
    bed.clock.advance(std::time::Duration::from_secs(1));
    let mut session = bed.session();
    runs.push(session.run());
    let mut catalog = bed.catalog();
    assert_eq!(counted(&bed, &mut catalog).1, 3);
    let (list, fetched) = counted(&bed, &mut catalog);
    assert_eq!((fetched, list.snapshots.len(), list.complete(None).count()), (0, 3, 2));
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap();
    let (list, fetched) = counted(&bed, &mut catalog);
    assert_eq!((fetched, list.complete(None).count()), (1, 3), "the one that has changed is fetched");
    assert_eq!(run_of(list.latest_of("source", "host")), Some(runs[2]));
    bed.remove(&snapshot_key(runs[1]));
    let (list, fetched) = counted(&bed, &mut catalog);
    assert_eq!((fetched, list.snapshots.len()), (0, 2));
    assert_eq!(catalog.snapshots().unwrap().len(), 2, "what is gone is forgotten");
}

#[test]
fn what_is_damaged_on_its_way_is_fetched_again() {
    let bed = Bed::new();
    let run = snapshot(&bed, "a", "host", Level::Full);
    let plan = FaultPlan::new(5).rule(Some(Method::Get), "", FaultWhen::Match(1), Fault::FlipBit);
    let (repository, store) = bed.faulty(plan);
    let mut catalog = bed.catalog();
    let listed = list(&repository, &mut catalog).unwrap();
    assert_eq!((listed.snapshots.len(), listed.damaged.len()), (0, 1));
    let listed = list(&repository, &mut catalog).unwrap();
    assert_eq!(run_of(listed.latest_of("a", "host")), Some(run));
    let calls = store.calls();
    list(&repository, &mut catalog).unwrap();
    assert_eq!(store.calls(), calls + 1, "only the listing");
}

/// Makes a snapshot for which only the number, the time in its name, and the source matter.
fn numbered(bed: &Bed, source: &str, sequence: u64, time: u8) -> Snapshot {
    let run = RunId([time; 16]);
    let mut snapshot = bed.snapshots().snapshots[0].clone();
    snapshot.origin.source = source.to_owned();
    (snapshot.origin.run, snapshot.origin.sequence) = (run, sequence);
    snapshot
}

#[test]
fn the_order_of_a_source_does_not_depend_on_clocks() {
    let bed = Bed::new();
    snapshot(&bed, "a", "host", Level::Full);
    let make = |source, sequence, time| numbered(&bed, source, sequence, time);
    // The second snapshot of "a" was made with a clock that was years ahead; the first of all before there
    // were numbers.
    let list = SnapshotList::of(vec![
        make("a", 2, 90),
        make("a", 3, 30),
        make("b", 1, 40),
        make("a", 0, 10),
        make("a", 1, 20),
    ]);
    let order: Vec<u8> = list.snapshots.iter().map(|snapshot| snapshot.origin.run.0[0]).collect();
    assert_eq!(order, [10, 20, 90, 40, 30], "the others keep their places");
    assert_eq!(run_of(list.latest_of("a", "host")), Some(RunId([30; 16])));
    assert_eq!(list.next_sequence("a"), 4);
    assert_eq!(list.next_sequence("b"), 2);
    assert_eq!(list.next_sequence("c"), 1);
}

#[test]
fn absurd_numbers_leave_an_order() {
    let bed = Bed::new();
    snapshot(&bed, "a", "host", Level::Full);
    let make = |sequence, time| numbered(&bed, "a", sequence, time);
    let list = SnapshotList::of(vec![make(u64::MAX, 90), make(7, 30)]);
    assert_eq!(run_of(list.latest_of("a", "host")), Some(RunId([30; 16])));
    assert_eq!(list.next_sequence("a"), 8);
    // The greatest valid number cannot rise any more; then the names of the runs decide.
    let list = SnapshotList::of(vec![make(SEQUENCE_MAX, 20), make(SEQUENCE_MAX, 30), make(7, 90)]);
    assert_eq!(run_of(list.latest_of("a", "host")), Some(RunId([30; 16])));
    assert_eq!(list.next_sequence("a"), SEQUENCE_MAX);
}
