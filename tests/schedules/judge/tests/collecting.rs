//! What the judge says about forgotten snapshots, collections and what interrupted runs left.

use std::time::Duration;

use icecore_format::{
    collection::{CollectionState, DeadRun},
    ids::RunId,
    snapshot::{DedupScope, SnapshotState},
};

use super::bed::{Bed, Files, SECRET};
use crate::judge::{Expected, garbage, judge};

const OLD: Files<'_> = &[("a", 1), ("b", 2), ("c", 100), ("d", 3), ("e-f", 4)];
const NEW: Files<'_> = &[("a", 1), ("b", 6), ("c", 101)];
const OTHER: Files<'_> = &[("x", 50), ("y", 102)];

const RECORD: &str = "meta/gc/000001";

#[track_caller]
fn assert_good(bed: &Bed, expected: &[Expected]) {
    assert_eq!(judge(&bed.objects(), &SECRET, expected), [""; 0]);
}

#[track_caller]
fn assert_garbage(bed: &Bed, texts: &[String]) {
    assert_eq!(garbage(&bed.objects(), &SECRET), texts);
}

fn name(run: [u8; 16]) -> String {
    RunId(run).to_string()
}

/// What the judge says about the packs of a forgotten snapshot, and about the snapshot.
fn forgotten(run: [u8; 16]) -> [String; 3] {
    let run = name(run);
    let reason = "no complete snapshot needs a chunk of the pack";
    [
        format!("data/{run}/{run}-000000: {reason}"),
        format!("meta/manifest/{run}-000001: {reason}"),
        format!("meta/snapshots/{run}: the snapshot was forgotten"),
    ]
}

#[test]
fn a_forgotten_snapshot_is_garbage_until_it_was_swept() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    let other = bed.snapshot(OTHER, DedupScope::Repository);
    assert_garbage(&bed, &[]);
    bed.forget(one.run);
    let texts = forgotten(one.run);
    assert_garbage(&bed, &texts);
    // Condemned is not gone.
    bed.prune(Duration::from_hours(24));
    assert_garbage(&bed, &texts);
    assert_good(&bed, &[]);
    bed.advance(Duration::from_hours(25));
    assert!(bed.prune(Duration::from_hours(24)).swept.packs > 0);
    assert_garbage(&bed, &[]);
    assert_good(&bed, &[other]);
}

#[test]
fn a_pack_with_one_needed_chunk_stays() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    let other = bed.snapshot(NEW, DedupScope::Repository);
    bed.forget(one.run);
    // The data pack holds the file that both have.
    let texts = forgotten(one.run);
    assert_garbage(&bed, &texts[1..]);
    bed.prune(Duration::ZERO);
    assert_garbage(&bed, &[]);
    assert_good(&bed, &[other]);
}

#[test]
fn a_snapshot_of_a_group_does_not_need_the_same_chunks_of_others() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    let grouped = bed.snapshot(OLD, DedupScope::Group);
    bed.forget(one.run);
    assert_garbage(&bed, &forgotten(one.run));
    bed.prune(Duration::ZERO);
    assert_garbage(&bed, &[]);
    assert_good(&bed, &[grouped]);
}

#[test]
fn packs_of_a_pending_run_and_of_a_first_aborted_one_are_no_garbage() {
    let bed = Bed::new();
    let one = bed.unnamed_snapshot(OLD, DedupScope::Repository);
    let key = format!("meta/snapshots/{}", name(one.run));
    let with = |objects: &mut std::collections::BTreeMap<_, _>, state| {
        let object = bed.changed_snapshot(one.run, |snapshot| snapshot.state = state);
        objects.insert(key.clone(), object);
        garbage(objects, &SECRET)
    };
    let mut objects = bed.objects();
    let refreshed = bed.repository.environment().now();
    assert_eq!(with(&mut objects, SnapshotState::Pending { refreshed }), [""; 0]);
    let aborted = || SnapshotState::Aborted { reason: String::new() };
    assert_eq!(with(&mut objects, aborted()), [""; 0]);
    let repack = bed.changed_snapshot(one.run, |snapshot| {
        snapshot.origin.source = "repack".into();
        snapshot.state = aborted();
    });
    objects.insert(key.clone(), repack);
    assert_eq!(garbage(&objects, &SECRET), forgotten(one.run)[..2]);
    // With a later complete snapshot of the source, nobody continues the aborted run.
    bed.snapshot(OTHER, DedupScope::Repository);
    let mut objects = bed.objects();
    assert_eq!(with(&mut objects, aborted()), forgotten(one.run)[..2]);
}

#[test]
fn an_aborted_run_is_garbage_when_it_is_named_dead_and_has_no_packs() {
    let bed = Bed::new();
    let one = bed.unnamed_snapshot(OLD, DedupScope::Repository);
    let other = bed.snapshot(OTHER, DedupScope::Repository);
    bed.forget(other.run);
    bed.prune(Duration::ZERO);
    let run = name(one.run);
    let mut objects = bed.objects();
    let aborted = bed.changed_snapshot(one.run, |snapshot| {
        snapshot.state = SnapshotState::Aborted { reason: String::new() };
    });
    objects.insert(format!("meta/snapshots/{run}"), aborted);
    objects.retain(|key, _| !key.contains(&format!("{run}-")));
    assert_eq!(garbage(&objects, &SECRET), [""; 0]);
    let record = bed.changed_record(1, &objects[RECORD], |record| {
        record.dead_runs = vec![DeadRun { run: RunId(one.run), usable: Vec::new() }];
    });
    objects.insert(RECORD.into(), record);
    assert_eq!(
        garbage(&objects, &SECRET),
        [format!("meta/snapshots/{run}: the run is dead and has no packs")]
    );
}

#[test]
fn a_pack_without_directory_and_a_directory_without_pack_are_garbage() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    bed.snapshot(OTHER, DedupScope::Repository);
    bed.forget(one.run);
    let [data, manifest] = [0, 1].map(|number| format!("{}-{number:06}", name(one.run)));
    let mut objects = bed.objects();
    objects.remove(&format!("meta/packs/{data}")).unwrap();
    objects.remove(&format!("meta/manifest/{manifest}")).unwrap();
    assert_eq!(
        garbage(&objects, &SECRET),
        [
            format!("data/{}/{data}: the pack has no directory", name(one.run)),
            format!("meta/packs/{manifest}: the directory has no pack"),
            forgotten(one.run)[2].clone(),
        ]
    );
}

#[test]
fn a_sweep_of_what_is_needed_is_a_violation() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    bed.snapshot(OTHER, DedupScope::Repository);
    let complete = bed.objects();
    bed.forget(one.run);
    bed.prune(Duration::from_hours(24));
    let key = format!("meta/snapshots/{}", name(one.run));
    let mut objects = bed.objects();
    // The snapshot came back. A record that has not begun to sweep will spare it.
    objects.insert(key.clone(), complete[&key].clone());
    assert_eq!(judge(&objects, &SECRET, std::slice::from_ref(&one)), [""; 0]);
    let sweeping = bed.changed_record(1, &objects[RECORD], |record| {
        record.state = CollectionState::Sweeping;
    });
    objects.insert(RECORD.into(), sweeping);
    let violations = judge(&objects, &SECRET, &[one]);
    assert!(violations[0].ends_with("as deleted, and it is Complete"), "{violations:?}");
    assert!(violations[2].contains("which collection 1 is removing"), "{violations:?}");
}

#[test]
fn runs_must_be_in_the_state_that_a_record_says() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    let two = bed.snapshot(OTHER, DedupScope::Repository);
    bed.forget(one.run);
    bed.prune(Duration::from_hours(24));
    let mut objects = bed.objects();
    let other = bed.changed_record(1, &objects[RECORD], |record| {
        record.dead_runs = vec![DeadRun { run: RunId(two.run), usable: vec![0, 1] }];
        record.cleared_runs = vec![RunId(two.run)];
        record.deleted = vec![RunId(two.run)];
        record.state = CollectionState::Sweeping;
    });
    objects.insert(RECORD.into(), other);
    let two = name(two.run);
    assert_eq!(
        judge(&objects, &SECRET, &[]),
        [
            format!("collection 1 names the run {two} as dead, and it is Complete"),
            format!("collection 1 names the run {two} as deleted, and it is Complete"),
            format!("collection 1 names the run {two} as cleared, and it is Complete"),
        ]
    );
    let unannounced = bed.changed_record(1, &objects[RECORD], |record| {
        record.state = CollectionState::Sweeping;
        record.dead_runs.clear();
        record.cleared_runs.clear();
        record.deleted.clear();
        record.waiting = None;
    });
    objects.insert(RECORD.into(), unannounced);
    assert_eq!(judge(&objects, &SECRET, &[]), ["collection 1 sweeps without having made its wait list"]);
}

#[test]
fn a_record_of_which_nothing_is_left_may_be_closed_unless_it_is_the_newest() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Repository);
    bed.snapshot(OTHER, DedupScope::Repository);
    bed.forget(one.run);
    bed.prune(Duration::ZERO);
    let record = bed.objects()[RECORD].clone();
    let mut objects = bed.objects();
    assert_eq!(garbage(&objects, &SECRET), [""; 0]);
    let two = "meta/gc/000002";
    let next = bed.changed_record(1, &record, |record| {
        record.number = icecore_format::ids::CollectionNumber::new(2).unwrap();
    });
    objects.insert(two.into(), next);
    assert_eq!(garbage(&objects, &SECRET), ["meta/gc/000001: everything that it names is gone"]);
    assert_eq!(judge(&objects, &SECRET, &[]), [""; 0]);
}

#[test]
fn a_forgotten_full_that_only_uses_its_group_comes_back_within_it() {
    let bed = Bed::new();
    let one = bed.snapshot(OLD, DedupScope::Group);
    bed.snapshot(OTHER, DedupScope::Repository);
    bed.forget(one.run);
    let back = Expected { run: bed.undo(one.run), files: one.files };
    bed.prune(Duration::ZERO);
    assert_garbage(&bed, &[]);
    assert_good(&bed, &[back]);
}
