//! Targets that already have content.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    sync::atomic::Ordering,
};

use icecore_format::entry::EntryKind;

use crate::{
    ProblemReason, RestoreAction, RestoreError, RestoreRequest,
    fixture::{Fixture, Recorder, Target, directory, file, item, noise, symlink, texts},
};

fn simple(fixture: &Fixture) -> icecore_format::snapshot::Snapshot {
    fixture.snapshot(vec![
        directory(""),
        directory("d"),
        file("d/a", noise(1, 5000)),
        file("d/b", "bbb"),
        symlink("d/l", "b"),
    ])
}

#[test]
fn what_is_right_is_not_fetched_again() {
    let fixture = Fixture::new();
    let target = Target::new();
    let request = RestoreRequest::new(simple(&fixture), target.root());
    fixture.restore(&request);
    fixture.remove("data/");
    let changed = |path: &str| {
        let found = target.path(path).symlink_metadata().unwrap();
        (found.ino(), found.ctime(), found.ctime_nsec())
    };
    let before = (changed("d/a"), changed("d/b"), changed("d/l"));
    let report = fixture.restore(&request);
    assert_eq!((report.counts.already_right, report.counts.files_written), (3, 0));
    assert_eq!(before, (changed("d/a"), changed("d/b"), changed("d/l")), "nothing is touched");
}

#[test]
fn metadata_alone_is_fixed_without_data() {
    let fixture = Fixture::new();
    let target = Target::new();
    let request = RestoreRequest::new(simple(&fixture), target.root());
    fixture.restore(&request);
    fixture.remove("data/");
    let set_mode = |path: &str, mode| {
        std::fs::set_permissions(target.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode("d/a", 0o600);
    set_mode("d", 0o700);
    // Only the time differs: the content is compared here, and matches.
    let file = std::fs::File::open(target.path("d/b")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let report = fixture.restore(&request);
    assert_eq!(
        (report.counts.metadata_fixed, report.counts.already_right, report.counts.files_written),
        (2, 1, 0)
    );
    assert_eq!(target.path("d/a").metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(target.path("d").metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(target.path("d/b").metadata().unwrap().mtime(), crate::fixture::TIME.seconds);
}

#[test]
fn only_chunks_that_differ_are_fetched() {
    let fixture = Fixture::new();
    let content = noise(1, 30_000);
    let snapshot = fixture.snapshot(vec![directory(""), file("a", &content)]);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let mut other = content.clone();
    other[15_500] ^= 1;
    target.write("a", &other);
    let report = fixture.restore(&request);
    assert!(target.read("a") == content);
    assert_eq!((report.counts.bytes_written, report.counts.bytes_reused), (30_000, 29_000));
    // A file that is too short, or too long, also provides the chunks that it has.
    for other in [&content[..20_000], &[content.as_slice(), b"tail"].concat()] {
        target.write("a", other);
        let report = fixture.restore(&request);
        assert!(target.read("a") == content);
        assert_eq!(report.counts.bytes_reused, other.len().min(30_000) as u64);
    }
}

#[test]
fn content_that_lies_about_its_time_is_found_unless_times_are_trusted() {
    let fixture = Fixture::new();
    let target = Target::new();
    let mut request = RestoreRequest::new(simple(&fixture), target.root());
    fixture.restore(&request);
    let time = target.path("d/b").metadata().unwrap().modified().unwrap();
    target.write("d/b", "BBB");
    std::fs::File::open(target.path("d/b")).unwrap().set_modified(time).unwrap();
    request.trust_times = true;
    let report = fixture.restore(&request);
    assert_eq!((report.counts.files_written, report.counts.files_not_compared), (0, 2));
    assert_eq!(target.read("d/b"), b"BBB");
    request.trust_times = false;
    request.dry_run = true;
    let events = Recorder::default();
    fixture.try_restore(&request, &events).unwrap();
    assert_eq!(events.sorted(), [(RestoreAction::Update, "d/b".to_owned())]);
    assert_eq!(target.read("d/b"), b"BBB");
    request.dry_run = false;
    let report = fixture.restore(&request);
    assert_eq!((report.counts.files_written, report.counts.already_right), (1, 2));
    assert!(report.counts.bytes_compared >= 5003);
    assert_eq!(target.read("d/b"), b"bbb");
}

#[test]
fn a_link_that_leads_elsewhere_is_not_right_by_its_length_and_time() {
    let fixture = Fixture::new();
    let (there, here) =
        (fixture.snapshot(vec![symlink("link", "there")]), fixture.snapshot(vec![symlink("link", "where")]));
    for verify in [false, true] {
        let target = Target::new();
        fixture.restore(&RestoreRequest::new(there.clone(), target.root()));
        let mut request = RestoreRequest::new(here.clone(), target.root());
        request.verify = verify;
        assert_eq!(fixture.restore(&request).counts.symlinks_created, 1);
        assert_eq!(std::fs::read_link(target.path("link")).unwrap().to_str(), Some("where"));
        assert_eq!(fixture.restore(&request).counts.symlinks_created, 0, "it is right now");
    }
}

#[test]
fn other_kinds_are_replaced() {
    let fixture = Fixture::new();
    let target = Target::new();
    let outside = target.directory.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir_all(target.path("d/b")).unwrap();
    std::os::unix::fs::symlink("nowhere", target.path("d/a")).unwrap();
    target.write("d/l", "a file");
    let mut request = RestoreRequest::new(simple(&fixture), target.root());
    let report = fixture.restore(&request);
    assert_eq!(report.counts.replaced, 3, "a link, an empty directory, a file");
    assert_eq!((target.read("d/a"), target.read("d/b")), (noise(1, 5000), b"bbb".to_vec()));
    // A symbolic link in the way of a directory is replaced, not followed.
    std::fs::remove_dir_all(target.path("d")).unwrap();
    std::os::unix::fs::symlink(&outside, target.path("d")).unwrap();
    let report = fixture.restore(&request);
    assert_eq!(report.counts.replaced, 1);
    assert!(target.path("d").symlink_metadata().unwrap().is_dir());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    // A directory with content only with `delete`.
    std::fs::remove_file(target.path("d/b")).unwrap();
    target.write("d/b/precious", "x");
    let report = fixture.restore_in_part(&request);
    assert!(matches!(report.problems[0].reason, ProblemReason::DirectoryInTheWay), "{:?}", report.problems);
    assert_eq!(target.read("d/b/precious"), b"x");
    request.delete = true;
    fixture.restore(&request);
    assert_eq!(target.read("d/b"), b"bbb");
}

#[test]
fn delete_removes_what_the_snapshot_does_not_have() {
    let fixture = Fixture::new();
    let target = Target::new();
    let mut request = RestoreRequest::new(simple(&fixture), target.root());
    fixture.restore(&request);
    for path in ["0", "d/0", "d/aa", "d/z", "e/f/g", "d/.icecore-0123456789abcdef-7.part"] {
        target.write(path, "extra");
    }
    let report = fixture.restore(&request);
    assert_eq!((report.counts.deleted, report.counts.leftovers_removed), (0, 1));
    assert_eq!(target.list(), ["0", "d", "d/0", "d/a", "d/aa", "d/b", "d/l", "d/z", "e", "e/f", "e/f/g"]);
    request.delete = true;
    request.dry_run = true;
    let events = Recorder::default();
    fixture.try_restore(&request, &events).unwrap();
    let deleted = ["0", "d/0", "d/aa", "d/z", "e"].map(|path| (RestoreAction::Delete, path.to_owned()));
    assert_eq!(events.sorted(), deleted);
    request.dry_run = false;
    let report = fixture.restore(&request);
    assert_eq!(report.counts.deleted, 5);
    assert_eq!(target.list(), ["d", "d/a", "d/b", "d/l"]);
    assert_eq!(target.path("d").metadata().unwrap().mtime(), crate::fixture::TIME.seconds);
}

#[test]
fn what_could_not_be_read_at_backup_is_neither_restored_nor_deleted() {
    let fixture = Fixture::new();
    let unreadable = |entry: &mut icecore_format::entry::Entry| {
        entry.marks = icecore_format::entry::Marks::UNREADABLE;
    };
    let snapshot = fixture.snapshot(vec![
        directory(""),
        directory("closed").with(unreadable),
        item("secret", EntryKind::File).with(unreadable).with(|entry| entry.size = 77),
    ]);
    let target = Target::new();
    target.write("closed/kept", "1");
    target.write("secret", "2");
    let mut request = RestoreRequest::new(snapshot, target.root());
    request.delete = true;
    let report = fixture.restore_in_part(&request);
    assert_eq!(report.problem_count, 2);
    assert_eq!(report.damaged, 0);
    assert_eq!((target.read("closed/kept"), target.read("secret")), (b"1".to_vec(), b"2".to_vec()));
}

#[test]
fn dry_run_touches_nothing_and_reads_no_data() {
    let fixture = Fixture::new();
    let target = Target::new();
    let mut request = RestoreRequest::new(simple(&fixture), target.root());
    request.dry_run = true;
    fixture.remove("data/");
    let events = Recorder::default();
    let report = fixture.try_restore(&request, &events).unwrap();
    assert!(!target.root().exists());
    assert_eq!((report.counts.files_written, report.counts.bytes_written), (2, 5003));
    let created = ["", "d", "d/a", "d/b", "d/l"].map(|path| (RestoreAction::Create, path.to_owned()));
    assert_eq!(events.sorted(), created);
    assert_eq!(events.expected.lock().unwrap().unwrap().bytes, 5003);
    target.write("d/a", "short");
    std::fs::create_dir(target.path("d/l")).unwrap();
    target.write("d/l/x", "in the way");
    let events = Recorder::default();
    let report = fixture.try_restore(&request, &events).unwrap();
    assert_eq!(texts(&report).len(), 1);
    let planned = [(RestoreAction::Update, "d/a".to_owned()), (RestoreAction::Create, "d/b".to_owned())];
    assert_eq!(events.sorted(), planned);
    assert_eq!(target.list(), ["d", "d/a", "d/l", "d/l/x"]);
}

#[test]
fn a_target_that_is_no_directory_is_refused() {
    let fixture = Fixture::new();
    let target = Target::new();
    std::fs::write(target.root(), "a file").unwrap();
    let snapshot = simple(&fixture);
    for path in [target.root(), target.root().join("below")] {
        let error = fixture
            .try_restore(&RestoreRequest::new(snapshot.clone(), path), &Recorder::default())
            .unwrap_err();
        assert!(matches!(error, RestoreError::TargetNotDirectory { .. }), "{error:?}");
    }
}

#[test]
fn an_interrupted_restore_goes_on() {
    let fixture = Fixture::new();
    let target = Target::new();
    let items: Vec<_> = (0..300).map(|number| file(&format!("f{number:03}"), noise(number, 3000))).collect();
    let snapshot = fixture.snapshot([vec![directory("")], items].concat());
    let request = RestoreRequest::new(snapshot, target.root());
    let events = Recorder { cancel: Some(std::sync::Arc::clone(&fixture.cancelled)), ..Recorder::default() };
    let error = fixture.try_restore(&request, &events).unwrap_err();
    assert!(error.is_interrupted(), "{error:?}");
    let done: Vec<String> = target.list().into_iter().filter(|name| !name.starts_with('.')).collect();
    assert!(done.len() < 300 && done.iter().all(|name| name.starts_with('f')), "{done:?}");
    fixture.cancelled.store(false, Ordering::Relaxed);
    let report = fixture.restore(&request);
    assert_eq!(report.counts.already_right, done.len() as u64);
    assert_eq!(report.counts.files_written + report.counts.already_right, 300);
}
