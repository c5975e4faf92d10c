//! A restored target is exactly what was recorded.

use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use crate::{
    RestoreRequest,
    fixture::{Fixture, Target, directory, file, noise},
};

fn set_mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn blocks(path: &std::path::Path) -> u64 {
    path.metadata().unwrap().blocks() * 512
}

#[test]
fn zeros_become_a_hole_and_a_hole_becomes_zeros() {
    let fixture = Fixture::new();
    let data = noise(3, 8192);
    let snapshot = fixture.snapshot(vec![
        directory(""),
        file("sparse", &data).with_holes(&[(4096, 1 << 20)]),
        file("zeros", vec![0; 1 << 20]),
    ]);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    fixture.restore(&request);
    let sparse_blocks = blocks(&target.path("sparse"));
    let modified = |path: &str| {
        (target.path(path).metadata().unwrap().mtime(), target.path(path).metadata().unwrap().mtime_nsec())
    };
    let before = modified("sparse");
    let whole = target.read("sparse");
    // The same bytes, but allocated differently.
    std::fs::write(target.path("sparse"), &whole).unwrap();
    assert!(blocks(&target.path("sparse")) >= 1 << 20);
    let zeros = std::fs::File::create(target.path("zeros")).unwrap();
    zeros.set_len(1 << 20).unwrap();
    let report = fixture.restore(&request);
    assert_eq!((report.counts.files_written, report.counts.metadata_fixed), (0, 2));
    assert_eq!(blocks(&target.path("sparse")), sparse_blocks);
    assert!(blocks(&target.path("zeros")) >= 1 << 20);
    assert!(target.read("sparse") == whole);
    assert_eq!((modified("sparse"), modified("zeros")), (before, before));
    let again = fixture.restore(&request);
    assert_eq!((again.counts.already_right, again.counts.metadata_fixed), (2, 0));
}

#[test]
fn data_in_a_hole_is_replaced() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![directory(""), file("sparse", "data").with_holes(&[(4, 1 << 20)])]);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    fixture.restore(&request);
    let found = target.path("sparse");
    let time = found.metadata().unwrap().modified().unwrap();
    let writer = std::fs::OpenOptions::new().write(true).open(&found).unwrap();
    writer.write_all_at(b"x", 500_000).unwrap();
    writer.set_modified(time).unwrap();
    assert_eq!(fixture.restore(&request).counts.files_written, 1);
    assert_eq!(target.read("sparse")[500_000], 0);
}

#[test]
fn a_file_of_terabytes_that_is_a_hole_is_compared_at_once() {
    let fixture = Fixture::new();
    let length = 4 << 40;
    let snapshot = fixture.snapshot(vec![directory(""), file("huge", "").with_holes(&[(0, length)])]);
    let target = Target::new();
    target.write("huge", "");
    let huge = std::fs::OpenOptions::new().write(true).open(target.path("huge")).unwrap();
    if huge.set_len(length).is_err() {
        println!("SKIPPED: the file system has no files of this length");
        return;
    }
    let report = fixture.restore(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!((report.counts.files_written, report.counts.metadata_fixed), (0, 1));
    assert_eq!(report.counts.bytes_compared, 0);
}

#[test]
fn an_existing_target_keeps_its_metadata() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![directory("").with(|entry| entry.mode = 0o700), file("a", "1")]);
    let target = Target::new();
    std::fs::create_dir(target.root()).unwrap();
    set_mode(&target.root(), 0o1777);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    std::fs::File::open(target.root()).unwrap().set_modified(time).unwrap();
    let mut request = RestoreRequest::new(snapshot, target.root());
    fixture.restore(&request);
    assert_eq!(mode(&target.root()), 0o1777);
    assert_eq!(target.root().metadata().unwrap().modified().unwrap(), time);
    request.target_metadata = true;
    fixture.restore(&request);
    assert_eq!(mode(&target.root()), 0o700);
    assert_eq!(target.root().metadata().unwrap().mtime(), crate::fixture::TIME.seconds);
}

#[test]
fn a_target_of_an_interrupted_restore_gets_the_recorded_metadata() {
    use crate::fixture::Recorder;
    use std::sync::{Arc, atomic::Ordering};

    let fixture = Fixture::new();
    let items: Vec<_> = (0..300).map(|number| file(&format!("f{number:03}"), noise(number, 3000))).collect();
    let snapshot = fixture.snapshot([vec![directory("").with(|entry| entry.mode = 0o751)], items].concat());
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let events = Recorder { cancel: Some(Arc::clone(&fixture.cancelled)), ..Recorder::default() };
    fixture.try_restore(&request, &events).unwrap_err();
    assert_eq!(mode(&target.root()), 0o751);
    assert!(target.list().iter().all(|path| path.starts_with('f')), "no mark is left behind");
    fixture.cancelled.store(false, Ordering::Relaxed);
    fixture.restore(&request);
    assert_eq!(mode(&target.root()), 0o751);
    assert_eq!(target.list().len(), 300, "nothing else is left behind");
}

#[test]
fn a_directory_that_becomes_private_is_private_before_its_files_are_written() {
    use crate::{RestoreAction, RestoreEvents, RestoreNotice, RestoreProblem, RestoreProgress};

    /// Looks at the directory whenever something is created in it.
    struct Watcher {
        directory: std::path::PathBuf,
        modes: std::sync::Mutex<Vec<u32>>,
    }
    impl RestoreEvents for Watcher {
        fn started(&self, _: Option<icecore_format::node::Totals>) {}
        fn progress(&self, _: &RestoreProgress) {}
        fn action(&self, _: RestoreAction, path: &[u8]) {
            if path.starts_with(b"private/") {
                self.modes.lock().unwrap().push(mode(&self.directory));
            }
        }
        fn problem(&self, _: &RestoreProblem) {}
        fn notice(&self, _: &RestoreNotice) {}
    }

    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![
        directory(""),
        directory("private").with(|entry| entry.mode = 0o710),
        file("private/a", "1"),
        file("private/b", "2"),
    ]);
    let target = Target::new();
    std::fs::create_dir_all(target.path("private")).unwrap();
    set_mode(&target.path("private"), 0o755);
    let events = Watcher { directory: target.path("private"), modes: std::sync::Mutex::default() };
    fixture.try_restore(&RestoreRequest::new(snapshot, target.root()), &events).unwrap();
    assert_eq!(*events.modes.lock().unwrap(), [0o710, 0o710]);
    assert_eq!(mode(&target.path("private")), 0o710);
}

#[test]
fn the_unchanged_file_of_the_source_is_not_read() {
    let fixture = Fixture::new();
    let target = Target::new();
    target.write("a", "1");
    let found = target.path("a").metadata().unwrap();
    let recorded = |entry: &mut icecore_format::entry::Entry| {
        let time = |seconds, nanoseconds: i64| icecore_format::entry::Time {
            seconds,
            nanoseconds: u32::try_from(nanoseconds).unwrap(),
        };
        entry.modified = time(found.mtime(), found.mtime_nsec());
        entry.changed = time(found.ctime(), found.ctime_nsec());
        (entry.inode, entry.mode) = (found.ino(), found.mode() & 0o7777);
    };
    let mut snapshot = fixture.snapshot(vec![directory(""), file("a", "1").with(recorded)]);
    snapshot.origin.started.seconds = found.ctime() + 10;
    let mut request = RestoreRequest::new(snapshot, target.root());
    request.is_source = true;
    let report = fixture.restore(&request);
    assert_eq!((report.counts.files_not_compared, report.counts.bytes_compared), (1, 0));
    // The same file, changed without a new time: the time of change reveals it.
    let time = found.modified().unwrap();
    target.write("a", "2");
    std::fs::File::open(target.path("a")).unwrap().set_modified(time).unwrap();
    let report = fixture.restore(&request);
    assert_eq!((report.counts.files_not_compared, report.counts.files_written), (0, 1));
    assert_eq!(target.read("a"), b"1");
}
