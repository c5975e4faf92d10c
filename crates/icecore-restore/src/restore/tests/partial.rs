//! Parts of a snapshot: subtrees, single objects, patterns, streams.

use std::os::unix::fs::PermissionsExt;

use icecore_format::entry::EntryKind;

use crate::{
    IncludePatterns, RestoreError, RestoreNotice, RestoreRequest,
    fixture::{Fixture, Recorder, Target, directory, file, item, noise, symlink},
    write_content,
};

fn tree(fixture: &Fixture) -> icecore_format::snapshot::Snapshot {
    fixture.snapshot(vec![
        directory(""),
        directory("a").with(|entry| entry.mode = 0o711),
        directory("a/b"),
        file("a/b/one.txt", "1").linked(4),
        file("a/b/two.rs", "2"),
        file("a/c", "c"),
        file("a-b", "not in a"),
        directory("z"),
        file("z/three.txt", "1").linked(4),
        symlink("z/link", "three.txt"),
    ])
}

fn request(fixture: &Fixture, target: &Target, path: &str) -> RestoreRequest {
    RestoreRequest { path: path.as_bytes().to_vec(), ..RestoreRequest::new(tree(fixture), target.root()) }
}

#[test]
fn a_directory_becomes_the_target() {
    let fixture = Fixture::new();
    let target = Target::new();
    let events = Recorder::default();
    let report = fixture.try_restore(&request(&fixture, &target, "a"), &events).unwrap();
    assert_eq!(target.list(), ["b", "b/one.txt", "b/two.rs", "c"]);
    assert_eq!(report.counts.entries, 5);
    let expected = events.expected.lock().unwrap().unwrap();
    assert_eq!((expected.entries, expected.files, expected.bytes), (5, 3, 3));
    assert_eq!(target.root().metadata().unwrap().permissions().mode() & 0o777, 0o711);
}

#[test]
fn a_single_object_is_put_into_the_target() {
    let fixture = Fixture::new();
    let target = Target::new();
    target.write("other", "stays");
    let mut single = request(&fixture, &target, "z/three.txt");
    single.delete = true;
    let report = fixture.restore(&single);
    assert_eq!(target.list(), ["other", "three.txt"]);
    assert_eq!(report.counts.entries, 1);
    fixture.restore(&request(&fixture, &target, "z/link"));
    assert_eq!(std::fs::read_link(target.path("link")).unwrap().to_str(), Some("three.txt"));
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    let fixture = Fixture::new();
    let target = Target::new();
    for path in ["b", "a/b/one", "a/b/one.txt/x", "zz"] {
        let error = fixture.try_restore(&request(&fixture, &target, path), &Recorder::default()).unwrap_err();
        assert!(matches!(error, RestoreError::PathNotFound { .. }), "{path}: {error:?}");
    }
    assert!(!target.root().exists());
}

#[test]
fn patterns_restore_what_matches_and_its_parents() {
    let fixture = Fixture::new();
    let target = Target::new();
    let mut included = request(&fixture, &target, "");
    included.include = IncludePatterns::new(["*.txt"]).unwrap();
    let report = fixture.restore(&included);
    assert_eq!(target.list(), ["a", "a/b", "a/b/one.txt", "z", "z/three.txt"]);
    assert_eq!(
        (report.counts.files_written, report.counts.links_created, report.counts.not_included),
        (1, 1, 7)
    );
    assert_eq!(
        target.path("a").metadata().unwrap().permissions().mode() & 0o777,
        0o711,
        "parents as in the snapshot"
    );
}

#[test]
fn patterns_limit_deletion_to_whole_directories() {
    let fixture = Fixture::new();
    let target = Target::new();
    for path in ["extra", "a/extra", "a/b/extra", "z/extra", "a/b/two.rs", "a/b/other.rs"] {
        target.write(path, "x");
    }
    let mut included = request(&fixture, &target, "");
    included.delete = true;
    included.include = IncludePatterns::new(["/a/b", "!*.rs"]).unwrap();
    let report = fixture.restore(&included);
    assert_eq!(report.counts.deleted, 1);
    let expected =
        ["a", "a/b", "a/b/one.txt", "a/b/other.rs", "a/b/two.rs", "a/extra", "extra", "z", "z/extra"];
    assert_eq!(target.list(), expected);
    assert_eq!(target.read("a/b/two.rs"), b"x", "taken out: neither restored nor deleted");
    assert_eq!(report.notices, [RestoreNotice::DeletionLimited { is_of_changes: false }]);
    included.include = IncludePatterns::none();
    assert!(fixture.restore(&included).notices.is_empty());
}

#[test]
fn a_pattern_excludes_a_directory_with_everything_in_it() {
    let fixture = Fixture::new();
    let target = Target::new();
    let mut included = request(&fixture, &target, "");
    included.include = IncludePatterns::new(["*", "!/a/"]).unwrap();
    fixture.restore(&included);
    assert!(!target.list().iter().any(|path| path == "a" || path.starts_with("a/")), "{:?}", target.list());
    assert!(target.list().iter().any(|path| path == "z/three.txt"));
}

#[test]
fn content_is_streamed_with_its_holes() {
    let mut fixture = Fixture::new();
    fixture.cache_bytes = 1 << 20;
    let data = noise(8, 700_000);
    let snapshot = fixture.snapshot(vec![
        directory(""),
        file("sparse", &data).with_holes(&[(0, 10), (5000, 300_000), (1_000_010, 5)]),
        file("zero", ""),
        item("pipe", EntryKind::Fifo),
    ]);
    let reader = fixture.reader();
    let root = icecore_repo::manifest::ManifestRoot::of(&snapshot).unwrap();
    let find = |path: &str| {
        let cursor = icecore_repo::manifest::ManifestCursor::new(&reader, &root);
        cursor.find(path.as_bytes()).unwrap().unwrap()
    };
    let mut output = Vec::new();
    assert_eq!(write_content(&reader, &find("sparse"), &mut output).unwrap(), 1_000_015);
    let mut expected = vec![0; 10];
    expected.extend_from_slice(&data[..4990]);
    expected.resize(305_000, 0);
    expected.extend_from_slice(&data[4990..]);
    expected.resize(1_000_015, 0);
    assert!(output == expected);
    assert_eq!(write_content(&reader, &find("zero"), &mut Vec::new()).unwrap(), 0);
    let error = write_content(&reader, &find("pipe"), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, RestoreError::NoContent { .. }), "{error:?}");
    let mut full: &mut [u8] = &mut [0; 100];
    let error = write_content(&reader, &find("sparse"), &mut full).unwrap_err();
    assert!(matches!(error, RestoreError::Output { .. }), "{error:?}");
    fixture.damage("data/", |_| 5000);
    let error = write_content(&fixture.reader(), &find("sparse"), &mut Vec::new()).unwrap_err();
    assert!(error.is_corruption(), "{error:?}");
}
