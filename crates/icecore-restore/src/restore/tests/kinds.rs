//! Every kind of entry, into a new target.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use icecore_format::entry::EntryKind;

use crate::{
    RestoreRequest,
    fixture::{Fixture, TIME, Target, directory, file, item, noise, symlink},
};

#[track_caller]
fn check_time(path: &std::path::Path) {
    let found = path.symlink_metadata().unwrap();
    assert_eq!((found.mtime(), found.mtime_nsec()), (TIME.seconds, i64::from(TIME.nanoseconds)), "{path:?}");
}

#[test]
fn every_kind_is_restored() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![
        directory("").with(|entry| entry.mode = 0o750),
        directory("empty"),
        directory("locked").with(|entry| entry.mode = 0o555),
        file("locked/inside", "in a read-only directory"),
        directory("a"),
        file("a/zero", ""),
        file("a/small", "small"),
        file("a/several", noise(1, 5500)).with(|entry| entry.mode = 0o4751),
        symlink("a/link", "../outside/nowhere"),
        item("pipe", EntryKind::Fifo),
        item("socket", EntryKind::Socket).with(|entry| entry.mode = 0o700),
        item("zz", EntryKind::File)
            .with(|entry| entry.attributes = vec![(b"user.x".to_vec(), b"1".to_vec())]),
    ]);
    let target = Target::new();
    let report = fixture.restore(&RestoreRequest::new(snapshot, target.root().join("deep/er")));
    let root = target.path("deep/er");
    assert_eq!(std::fs::read(root.join("a/small")).unwrap(), b"small");
    assert_eq!(std::fs::read(root.join("a/several")).unwrap(), noise(1, 5500));
    assert_eq!(std::fs::read(root.join("a/zero")).unwrap(), b"");
    assert_eq!(std::fs::read_link(root.join("a/link")).unwrap().to_str(), Some("../outside/nowhere"));
    assert!(root.join("pipe").metadata().unwrap().file_type().is_fifo());
    assert!(root.join("socket").metadata().unwrap().file_type().is_socket());
    for path in
        ["", "empty", "locked", "locked/inside", "a", "a/zero", "a/small", "a/several", "a/link", "pipe"]
    {
        check_time(&root.join(path));
    }
    let mode = |path: &str| root.join(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(""), mode("locked"), mode("a/several")), (0o750, 0o555, 0o4751));
    let counts = report.counts;
    assert_eq!((counts.entries, counts.files, counts.files_written), (12, 5, 5));
    assert_eq!((counts.directories_created, counts.symlinks_created, counts.specials_created), (3, 1, 2));
    assert_eq!(counts.bytes_written, 5 + 5500 + 24);
    assert!(counts.bytes_fetched > 0);
}

#[test]
fn devices_are_created_or_counted() {
    let fixture = Fixture::new();
    let device = item("null", EntryKind::CharacterDevice).with(|entry| entry.special_device = 1 << 32 | 3);
    let snapshot = fixture.snapshot(vec![directory(""), device, file("other", "x")]);
    let target = Target::new();
    let report = fixture.restore(&RestoreRequest::new(snapshot, target.root()));
    assert_eq!(target.read("other"), b"x");
    if report.counts.specials_created == 0 {
        assert_eq!((report.warnings[0].aspect.as_str(), report.warnings[0].count), ("device node", 1));
    } else {
        assert!(target.path("null").metadata().unwrap().file_type().is_char_device());
    }
}

#[test]
fn hard_links_are_links_again() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![
        directory(""),
        directory("a"),
        file("a/one", "shared").linked(9),
        file("a/two", "shared").linked(9),
        directory("b"),
        file("b/three", "shared").linked(9),
        file("b/stranger", "something else").linked(9),
        symlink("b/sym1", "x").linked(11),
        symlink("b/sym2", "x").linked(11),
    ]);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let report = fixture.restore(&request);
    let inode = |path: &str| target.path(path).symlink_metadata().unwrap().ino();
    assert_eq!(inode("a/one"), inode("a/two"));
    assert_eq!(inode("a/one"), inode("b/three"));
    assert_eq!(inode("b/sym1"), inode("b/sym2"));
    assert_ne!(inode("a/one"), inode("b/stranger"));
    assert_eq!(target.read("b/stranger"), b"something else");
    assert_eq!((report.counts.links_created, report.counts.files_written), (3, 2));
    assert_eq!(report.warnings[0].aspect, "hard link");
    let again = fixture.restore(&request);
    assert_eq!((again.counts.links_created, again.counts.files_written), (0, 0));
    assert_eq!((again.counts.already_right, again.counts.metadata_fixed), (6, 0));
    // One link is replaced by a separate file: it becomes a link again, and nothing is fetched for it.
    std::fs::remove_file(target.path("a/two")).unwrap();
    target.write("a/two", "other");
    let repaired = fixture.restore(&request);
    assert_eq!((repaired.counts.links_created, repaired.counts.files_written), (1, 0));
    assert_eq!(inode("a/one"), inode("a/two"));
}

#[test]
fn files_that_are_no_links_in_the_snapshot_become_separate() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![directory(""), file("a", "same"), file("b", "same")]);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    fixture.restore(&request);
    std::fs::remove_file(target.path("b")).unwrap();
    std::fs::hard_link(target.path("a"), target.path("b")).unwrap();
    fixture.restore(&request);
    let inode = |path: &str| target.path(path).metadata().unwrap().ino();
    assert_ne!(inode("a"), inode("b"));
    assert_eq!(target.read("b"), b"same");
}

#[test]
fn holes_stay_holes() {
    let fixture = Fixture::new();
    let data = noise(3, 10_000);
    let snapshot = fixture.snapshot(vec![
        directory(""),
        file("sparse", &data).with_holes(&[
            (0, 1 << 20),
            ((1 << 20) + 2500, 1 << 20),
            ((2 << 20) + 10_000, 1 << 20),
        ]),
        file("hole", "").with_holes(&[(0, 1 << 20)]),
    ]);
    let target = Target::new();
    let mut request = RestoreRequest::new(snapshot, target.root());
    request.verify = true;
    let report = fixture.restore(&request);
    let mut expected = vec![0; 1 << 20];
    expected.extend_from_slice(&data[..2500]);
    expected.resize(expected.len() + (1 << 20), 0);
    expected.extend_from_slice(&data[2500..]);
    expected.resize(expected.len() + (1 << 20), 0);
    assert!(target.read("sparse") == expected);
    assert_eq!(target.read("hole"), vec![0; 1 << 20]);
    let found = target.path("sparse").metadata().unwrap();
    assert!(found.blocks() * 512 < 1 << 20, "{} blocks", found.blocks());
    assert_eq!(report.counts.bytes_written, 10_000);
    let again = fixture.restore(&request);
    assert_eq!((again.counts.files_written, again.counts.already_right), (0, 2));
}

#[test]
fn a_large_file_is_written_in_segments() {
    let mut fixture = Fixture::new();
    fixture.chunk_bytes = 16 << 10;
    // Less than the file, so that many batches are needed.
    fixture.cache_bytes = 4 << 20;
    let content = noise(5, 21 << 20);
    let snapshot = fixture.snapshot(vec![
        directory(""),
        file("before", "1"),
        file("large", &content).with_holes(&[((5 << 20) + 77, 1 << 20)]),
        file("later", "2"),
    ]);
    let target = Target::new();
    let mut request = RestoreRequest::new(snapshot, target.root());
    request.verify = true;
    let report = fixture.restore(&request);
    let found = target.read("large");
    let (begin, end) = ((5 << 20) + 77, (6 << 20) + 77);
    assert!(found[..begin] == content[..begin] && found[end..] == content[begin..]);
    assert!(found[begin..end].iter().all(|byte| *byte == 0));
    assert_eq!((target.read("before"), target.read("later")), (b"1".to_vec(), b"2".to_vec()));
    assert_eq!(report.counts.bytes_written, content.len() as u64 + 2);
    // Each block was fetched about once; with a cache this small, threads that are late fetch some of them
    // again.
    assert!(report.counts.bytes_fetched < 2 * content.len() as u64, "{report:?}");
    change_in_place(&target, &content);
    let repaired = fixture.restore(&request);
    assert!(target.read("large") == found);
    assert_eq!(repaired.counts.files_written, 1);
    assert_eq!(repaired.counts.bytes_written - repaired.counts.bytes_reused, 16 << 10);
    assert!(repaired.counts.bytes_fetched < 1 << 20, "{repaired:?}");
}

fn change_in_place(target: &Target, content: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(target.path("large")).unwrap();
    file.write_all_at(&[!content[3 << 20]], 3 << 20).unwrap();
    file.set_modified(
        std::time::UNIX_EPOCH + std::time::Duration::new(TIME.seconds as u64, TIME.nanoseconds),
    )
    .unwrap();
}

#[test]
fn many_small_files_take_several_batches() {
    let fixture = Fixture::new();
    let mut items = vec![directory("")];
    for number in 0..60 {
        items.push(directory(&format!("d{number:02}")));
        for inner in 0..100 {
            items.push(file(&format!("d{number:02}/f{inner:02}"), format!("content {number} {inner}")));
        }
    }
    let snapshot = fixture.snapshot(items);
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let report = fixture.restore(&request);
    assert_eq!((report.counts.files_written, report.counts.directories_created), (6000, 60));
    assert_eq!(target.list().len(), 6060);
    for number in 0..60 {
        assert_eq!(target.read(&format!("d{number:02}/f77")), format!("content {number} 77").into_bytes());
        check_time(&target.path(&format!("d{number:02}")));
    }
    assert_eq!(fixture.restore(&request).counts.already_right, 6000);
}
