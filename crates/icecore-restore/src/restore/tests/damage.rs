//! Damaged repositories and hostile snapshots.

use icecore_format::entry::{ChunkRef, Content, EntryKind};
use icecore_format::ids::ChunkId;

use crate::{
    ProblemReason, RestoreNotice, RestoreRequest,
    fixture::{Fixture, Item, Recorder, Target, directory, file, item, noise, symlink, texts},
};

fn files(count: u64) -> Vec<Item> {
    let mut items = vec![directory("")];
    items.extend((0..count).map(|number| file(&format!("f{number:03}"), noise(number, 3000))));
    items
}

#[test]
fn a_damaged_block_costs_only_the_files_in_it() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(files(60));
    fixture.damage("data/", |length| length / 3);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let report = fixture.restore_in_part(&request);
    assert!((1..=4).contains(&report.problem_count), "{:?}", texts(&report));
    assert_eq!(report.damaged, report.problem_count);
    assert!(report.problems.iter().all(|problem| problem.reason.is_damage()));
    assert_eq!(report.counts.files_written + report.problem_count, 60);
    assert_eq!(target.list().len() as u64, report.counts.files_written, "no temporary file is left");
}

#[test]
fn a_missing_pack_costs_its_files_and_keeps_what_was_there() {
    let fixture = Fixture::new();
    let first = fixture.snapshot(files(20));
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(first, target.root()));
    let mut items = files(20);
    items.push(file("g", "other content").linked(3));
    items.push(file("h", "other content").linked(3));
    items[5] = file("f004", noise(1000, 3000)).with(|entry| entry.modified.seconds += 1);
    let second = fixture.snapshot(items);
    fixture.remove("data/");
    let report = fixture.restore_in_part(&RestoreRequest::new(second, target.root()));
    let paths: Vec<&[u8]> = report.problems.iter().map(|problem| problem.path.as_slice()).collect();
    assert_eq!(report.problem_count, 3, "{paths:?}");
    assert_eq!(report.damaged, 3);
    assert_eq!(target.read("f004"), noise(4, 3000));
    assert_eq!(target.list().len(), 20);
}

#[test]
fn a_damaged_large_file_leaves_nothing_behind() {
    let mut fixture = Fixture::new();
    fixture.chunk_bytes = 16 << 10;
    let snapshot = fixture.snapshot(vec![directory(""), file("big", noise(1, 9 << 20)), file("ok", "ok")]);
    fixture.damage("data/", |length| length / 2);
    let target = Target::new();
    let report = fixture.restore_in_part(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!((report.problem_count, report.damaged), (1, 1));
    assert_eq!(target.list(), ["ok"]);
}

#[test]
fn a_chunk_that_is_nowhere_is_a_problem_of_its_file() {
    let fixture = Fixture::new();
    let lost = item("lost", EntryKind::File).with(|entry| {
        entry.size = 7;
        entry.content = Content::Inline(vec![ChunkRef { id: ChunkId([9; ChunkId::BYTES]), length: 7 }]);
    });
    let snapshot = fixture.snapshot(vec![directory(""), lost, file("there", "x")]);
    let target = Target::new();
    let report = fixture.restore_in_part(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!((report.problem_count, report.damaged), (1, 1));
    assert_eq!(target.list(), ["there"]);
}

#[test]
fn a_damaged_part_of_the_manifest_is_passed_over_and_nothing_deleted() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(files(400));
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(snapshot.clone(), target.root()));
    std::fs::remove_file(target.path("f399")).unwrap();
    // The first block, with the first leaves, follows the header.
    let mut damaged = None;
    for position in (200..20_000).step_by(1500) {
        fixture.damage("meta/manifest/", |length| position % length);
        let events = Recorder::default();
        let mut request = RestoreRequest::new(snapshot.clone(), target.root());
        request.delete = true;
        if let Ok(report) = fixture.try_restore(&request, &events)
            && report.problem_count > 0
        {
            damaged = Some((report, events));
        }
        fixture.damage("meta/manifest/", |length| position % length);
        if damaged.is_some() {
            break;
        }
    }
    let (report, events) = damaged.unwrap();
    assert!(report.problems.iter().all(|problem| matches!(problem.reason, ProblemReason::ManifestGap(_))));
    assert!(report.damaged > 0);
    assert_eq!(report.counts.deleted, 0);
    assert!(events.notices.lock().unwrap().contains(&RestoreNotice::DeletionSuspended));
    assert_eq!(target.read("f399"), noise(399, 3000), "what the rest lists is restored");
    assert_eq!(target.list().len(), 400);
}

#[test]
fn an_entry_below_something_else_than_a_directory_is_refused() {
    let fixture = Fixture::new();
    let target = Target::new();
    let outside = target.directory.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let snapshot = fixture.snapshot(vec![
        directory(""),
        symlink("link", outside.to_str().unwrap()),
        file("link/escaped", "1"),
        directory("link/deep"),
        file("link/deep/escaped", "2"),
        file("file", "x"),
        file("file/below", "3"),
        file("other", "y"),
    ]);
    let report = fixture.restore_in_part(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!(report.problem_count, 4);
    assert!(report.problems.iter().all(|problem| matches!(problem.reason, ProblemReason::NotBelowDirectory)));
    assert_eq!(report.counts.skipped, 4);
    assert_eq!(target.list(), ["file", "link", "other"]);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn parents_that_the_manifest_lacks_are_created() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![file("a/b/c", "deep"), file("z", "z")]);
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!(target.list(), ["a", "a/b", "a/b/c", "z"]);
}

#[test]
fn an_empty_snapshot_is_an_empty_directory() {
    let fixture = Fixture::new();
    let target = Target::new();
    let report = fixture.restore(&RestoreRequest::new(fixture.snapshot(Vec::new()), target.root()));
    assert_eq!(target.list(), Vec::<String>::new());
    assert_eq!(report.counts.entries, 0);
}

#[test]
fn names_that_the_target_cannot_have_are_problems_of_their_own() {
    let fixture = Fixture::new();
    let long = "n".repeat(300);
    let snapshot = fixture.snapshot(vec![
        directory(""),
        file(&long, "x"),
        directory(&format!("m{long}")),
        file(&format!("m{long}/inside"), "x"),
        file("fine", "y"),
    ]);
    let target = Target::new();
    let report = fixture.restore_in_part(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!(report.problem_count, 2, "{:?}", texts(&report));
    assert_eq!(report.counts.skipped, 1);
    assert_eq!(target.list(), ["fine"]);
}
