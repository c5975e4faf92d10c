//! Repositories in which nothing is wrong.

use std::sync::{Arc, atomic::AtomicBool};

use icecore_format::{
    entry::{Entry, EntryKind, Time},
    layout,
    snapshot::{DedupScope, SnapshotState},
};

use icecore_store::{MeterStore, Method, Store};

use super::builder::{Repository, Spec, kinds, noise, now, run, snapshot, usual, usual_spec, wait};
use crate::{CheckOptions, NoEvents, ProblemKind, Severity, check};

#[test]
fn an_empty_repository_is_healthy() {
    let report = Repository::new().check_data();
    assert_eq!(report.problems, []);
    assert!(report.is_healthy());
    assert_eq!((report.packs, report.chunks, report.nodes, report.snapshots.len()), (0, 0, 0, 0));
}

#[test]
fn a_usual_repository_is_healthy() {
    let repository = usual();
    let structure = repository.check();
    assert_eq!(structure.problems, []);
    assert_eq!(structure.snapshots.len(), 2);
    assert!(structure.snapshots.iter().all(|snapshot| snapshot.restorable && snapshot.files_damaged == 0));
    let packs = repository.keys_below("data/").len() + repository.keys_below("meta/manifest/").len();
    assert_eq!(structure.packs, packs as u64);
    assert_eq!(structure.packs_read, 0);
    assert!(structure.nodes > 8, "{}", structure.nodes);
    let read = repository.check_data();
    assert_eq!(read.problems, []);
    assert_eq!(read.packs_read, read.packs);
    assert!(read.bytes_read > read.bytes && structure.bytes_read < read.bytes_read);
}

/// Checks a repository, and returns the reads and listings of the store that this took.
fn calls_of(repository: &Repository, options: &CheckOptions) -> (u64, u64) {
    let meter = MeterStore::new(Arc::clone(&repository.store) as _);
    let store = Arc::new(meter.clone());
    let cancel = AtomicBool::new(false);
    let checked = check(store, &repository.keys, options, &NoEvents, &cancel);
    assert_eq!(wait(checked).expect("check").problems, []);
    let usage = meter.usage();
    (usage.of_method(Method::Get).calls, usage.of_method(Method::List).calls)
}

#[test]
fn every_object_is_read_once() {
    let repository = usual();
    let objects = repository.keys_below("").len() as u64;
    let options = CheckOptions { read_data: true, memory_bytes_max: 4 << 20, ..Repository::options() };
    // Key slots, log, snapshots, records of collections, directories, and everything.
    assert_eq!(calls_of(&repository, &options), (objects, 6));
    let together = CheckOptions { lists_together: true, ..options.clone() };
    assert_eq!(calls_of(&repository, &together), (objects, 2));
    let structure = CheckOptions { read_data: false, ..together.clone() };
    let (reads, _) = calls_of(&repository, &structure);
    // A pack of nodes may be read once more, for nodes outside of the range that was read.
    let forgetful = CheckOptions { memory_bytes_max: 0, ..structure };
    assert!(reads < calls_of(&repository, &forgetful).0);
    // Objects that the caller has read are not read again.
    let slots = repository.keys_below("meta/keys/");
    let fetched = [layout::HEADER_KEY.to_owned()].into_iter().chain(slots);
    let fetched = fetched.map(|key| (key.clone(), wait(repository.store.get(&key, None)).expect("get")));
    let fetched = CheckOptions { fetched: fetched.collect(), ..options };
    assert_eq!(calls_of(&repository, &fetched).0, objects - fetched.fetched.len() as u64);
    // Without memory for it, everything is read as often as it is needed.
    let tiny = CheckOptions { memory_bytes_max: 0, ..together };
    assert!(calls_of(&repository, &tiny).0 > objects);
}

#[test]
fn a_snapshot_without_entries_is_healthy() {
    let mut repository = Repository::new();
    let spec = usual_spec(1);
    repository.add_snapshot_of(&spec, &[]);
    assert_eq!(repository.check_data().problems, []);
    assert!(snapshot(&repository.check(), run(1)).restorable);
}

#[test]
fn memory_and_concurrency_may_be_tiny() {
    let options =
        CheckOptions { read_data: true, concurrency: 0, memory_bytes_max: 0, ..Repository::options() };
    assert_eq!(usual().check_with(&options).problems, []);
}

#[test]
fn equal_nodes_of_many_snapshots_are_read_once() {
    let mut repository = Repository::new();
    let mut spec = usual_spec(0);
    repository.add_snapshot(&spec);
    let alone = repository.check();
    for number in 1..100 {
        spec.run = run(number);
        repository.add_snapshot(&spec);
    }
    let many = repository.check();
    assert_eq!(many.snapshots.len(), 100);
    assert_eq!(many.nodes, alone.nodes);
    assert_eq!(many.problems, []);
}

#[test]
fn a_sample_reads_the_asked_share_and_depends_on_the_seed() {
    let repository = usual();
    let sample = |percent: f64, seed: u8| {
        let options =
            CheckOptions { sample_percent: Some(percent), seed: [seed; 32], ..Repository::options() };
        repository.check_with(&options)
    };
    let all = sample(100.0, 0);
    assert_eq!((all.packs_read, all.problems.len()), (all.packs, 0));
    assert_eq!(sample(0.0, 0).packs_read, 0);
    assert_eq!(sample(0.001, 0).packs_read, 1);
    assert_eq!(all.verified.len() as u64, all.packs);
    let half = sample(50.0, 0);
    assert!(half.packs_read < all.packs && half.packs_left == all.packs - half.packs_read, "{half:?}");
    assert_eq!(sample(20.0, 1), sample(20.0, 1));
    assert!((2..20).any(|seed| sample(20.0, seed).bytes_read != sample(20.0, 1).bytes_read));
}

#[test]
fn foreign_objects_and_leftovers_are_noted_and_nothing_else() {
    let mut repository = usual();
    for key in [
        "readme.txt",
        "meta/keys/abc",
        "meta/snapshots/x",
        "meta/other/1",
        "data/x",
        "data/x/y",
        "meta/packs/z",
    ] {
        repository.put(key, b"whatever".to_vec());
    }
    // A killed run left a pack without a directory.
    let spec = Spec { run: run(7), group: run(7), dedup: DedupScope::Repository, files: [].into() };
    repository.store_content(&spec, &noise(77, 100));
    let directory =
        repository.keys_below("meta/packs/").into_iter().find(|key| key.contains(&run(7).to_string()));
    repository.delete(&directory.expect("directory"));
    let report = repository.check_data();
    assert_eq!(kinds(&report), [ProblemKind::ForeignObject, ProblemKind::PackUnlisted]);
    // Five of seven by name, the others counted, and the pack.
    assert_eq!(report.count(Severity::Note), 7);
    assert!(report.problems.iter().any(|problem| problem.detail == "2 more problems of this kind"));
    assert!(report.is_healthy());
}

#[test]
fn very_many_problems_of_one_kind_are_counted() {
    let repository = Repository::new();
    for number in 0..1_005_u64 {
        repository.put(&format!("meta/keys/{number:032x}"), Vec::new());
    }
    let report = repository.check();
    let damaged = report.problems.iter().filter(|problem| problem.kind == ProblemKind::KeySlotDamaged);
    assert_eq!(damaged.clone().count(), 1_001);
    assert!(damaged.clone().any(|problem| problem.detail == "5 more problems of this kind"));
    // A bucket may be full of foreign objects.
    let repository = Repository::new();
    for number in 0..1_005 {
        repository.put(&format!("foreign/{number:04}"), Vec::new());
    }
    let report = repository.check();
    assert_eq!(kinds(&report), [ProblemKind::ForeignObject]);
    let objects: Vec<_> = report.problems.iter().map(|problem| problem.object.as_deref()).collect();
    let named = ["foreign/0000", "foreign/0001", "foreign/0002", "foreign/0003", "foreign/0004"];
    assert_eq!(objects, [&named.map(Some)[..], &[None]].concat());
    assert_eq!(
        report.problems.last().map(|problem| problem.detail.as_str()),
        Some("1000 more problems of this kind")
    );
}

#[test]
fn objects_with_which_a_server_was_tried_are_known() {
    let repository = usual();
    for name in ["0123456789abcdef-clock", "0123456789abcdef-single", "0123456789abcdef-race"] {
        repository.put(&format!("probe/{name}"), b"probe".to_vec());
    }
    assert_eq!(repository.check().problems, []);
}

#[test]
fn a_pending_run_is_noted_with_its_age() {
    let mut repository = usual();
    let spec = usual_spec(9);
    repository.put_snapshot(&spec, SnapshotState::Pending { refreshed: Time::default() });
    let later = CheckOptions { now: now() + std::time::Duration::from_secs(90), ..Repository::options() };
    let report = repository.check_with(&later);
    assert_eq!(kinds(&report), [ProblemKind::SnapshotPending]);
    assert!(report.problems[0].detail.contains("90 seconds"), "{}", report.problems[0].detail);
    assert_eq!(report.problems[0].object, Some(layout::snapshot_key(run(9))));
    assert_eq!(report.snapshots.len(), 2);
    assert!(report.is_healthy());
}

#[test]
fn garbage_of_aborted_runs_is_not_judged() {
    let mut repository = usual();
    let spec = usual_spec(9);
    repository.put_snapshot(&spec, SnapshotState::Aborted { reason: "killed".to_owned() });
    let mut entry = Entry::new(b"lost".to_vec(), EntryKind::File);
    entry.size = 10;
    let id = repository.keys.chunk_id(b"0123456789");
    entry.content =
        icecore_format::entry::Content::Inline(vec![icecore_format::entry::ChunkRef { id, length: 10 }]);
    let (_, _, raw) = repository.encode_manifest(&[entry]);
    repository.store_nodes(&spec, raw);
    assert_eq!(repository.check_data().problems, []);
}
