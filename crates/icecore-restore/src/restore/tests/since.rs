//! Only what changed between two snapshots.

use std::os::unix::fs::MetadataExt;

use icecore_format::snapshot::Snapshot;

use crate::{
    RestoreAction, RestoreRequest,
    fixture::{Fixture, Item, Recorder, TIME, Target, directory, file, symlink, texts},
};

fn old_items() -> Vec<Item> {
    let mut items = vec![
        directory(""),
        directory("d"),
        file("d/changed", "old"),
        file("d/same", "same"),
        directory("gone"),
        directory("gone/deep"),
        file("gone/deep/file", "g"),
        directory("into-file"),
        file("into-file/x", "x"),
        file("into-directory", "f"),
        directory("quiet"),
        file("quiet/removed", "r"),
    ];
    items.extend((0..40).map(|number| file(&format!("rest{number:02}"), format!("{number}"))));
    items
}

fn new_items() -> Vec<Item> {
    let mut items = vec![
        directory(""),
        directory("d"),
        file("d/changed", "new content"),
        file("d/same", "same"),
        file("into-file", "now a file"),
        directory("into-directory"),
        file("into-directory/y", "y"),
        directory("quiet"),
        symlink("zlink", "d"),
    ];
    items.extend((0..40).map(|number| file(&format!("rest{number:02}"), format!("{number}"))));
    items
}

fn snapshots(fixture: &Fixture) -> (Snapshot, Snapshot) {
    (fixture.snapshot(old_items()), fixture.snapshot(new_items()))
}

#[test]
fn the_earlier_state_becomes_the_later_one() {
    let fixture = Fixture::new();
    let (old, new) = snapshots(&fixture);
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(old.clone(), target.root()));
    target.write("rest07", "changed by somebody, not by the snapshot");
    target.write("d/untouched", "not in any snapshot");
    let mut request = RestoreRequest::new(new, target.root());
    request.since = Some(old);
    request.delete = true;
    let report = fixture.restore(&request);
    assert_eq!(target.read("d/changed"), b"new content");
    assert_eq!(target.read("into-file"), b"now a file");
    assert_eq!(target.read("into-directory/y"), b"y");
    assert_eq!(target.read("rest07"), b"changed by somebody, not by the snapshot");
    assert_eq!(target.read("d/untouched"), b"not in any snapshot");
    assert!(!target.path("gone").exists() && !target.path("quiet/removed").exists());
    assert_eq!(report.counts.files_written, 3);
    assert_eq!(report.counts.deleted, 4, "gone/deep/file, gone/deep, gone, quiet/removed");
    for path in ["", "d", "quiet"] {
        assert_eq!(target.path(path).metadata().unwrap().mtime(), TIME.seconds, "{path:?}");
    }
}

#[test]
fn deletions_follow_only_when_asked_for() {
    let fixture = Fixture::new();
    let (old, new) = snapshots(&fixture);
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(old.clone(), target.root()));
    let mut request = RestoreRequest::new(new, target.root());
    request.since = Some(old);
    let report = fixture.restore_in_part(&request);
    assert_eq!(texts(&report).len(), 1, "into-file is a directory with something in it");
    assert!(target.path("gone/deep/file").exists() && target.path("quiet/removed").exists());
    assert_eq!(report.counts.deleted, 0);
}

#[test]
fn a_removed_directory_with_something_else_in_it_stays() {
    let fixture = Fixture::new();
    let (old, new) = snapshots(&fixture);
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(old.clone(), target.root()));
    target.write("gone/deep/own", "kept");
    let mut request = RestoreRequest::new(new, target.root());
    request.since = Some(old);
    request.delete = true;
    let report = fixture.restore_in_part(&request);
    assert_eq!(texts(&report).len(), 2, "{:?}", texts(&report));
    assert_eq!(target.read("gone/deep/own"), b"kept");
    assert!(!target.path("gone/deep/file").exists());
}

#[test]
fn into_an_empty_target_the_changes_alone_are_written() {
    let fixture = Fixture::new();
    let (old, new) = snapshots(&fixture);
    let target = Target::new();
    let mut request = RestoreRequest::new(new, target.root());
    request.since = Some(old);
    request.delete = true;
    request.dry_run = true;
    let events = Recorder::default();
    fixture.try_restore(&request, &events).unwrap();
    assert!(
        events.sorted().iter().all(|(action, _)| *action == RestoreAction::Create),
        "{:?}",
        events.sorted()
    );
    request.dry_run = false;
    fixture.restore(&request);
    let expected = ["d", "d/changed", "into-directory", "into-directory/y", "into-file", "zlink"];
    assert_eq!(target.list(), expected);
    assert_eq!(target.path("d").metadata().unwrap().mtime(), TIME.seconds);
}

#[test]
fn a_subtree_alone_can_be_brought_up_to_date() {
    let fixture = Fixture::new();
    let (old, new) = snapshots(&fixture);
    let target = Target::new();
    let mut request = RestoreRequest::new(new, target.root());
    request.since = Some(old);
    request.path = b"d".to_vec();
    let report = fixture.restore(&request);
    assert_eq!(target.list(), ["changed"]);
    assert_eq!(report.counts.files_written, 1);
}
