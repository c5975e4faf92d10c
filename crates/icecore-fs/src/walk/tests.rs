use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use proptest::prelude::*;
use rustix::fs::{FileType, Mode, OFlags, makedev, mkdirat, mknodat, openat};
use tempfile::TempDir;

use super::*;
use crate::entry::EntryKind;

fn options(concurrency: usize) -> WalkOptions {
    WalkOptions { concurrency, ..WalkOptions::default() }
}

fn items(root: &Path, options: WalkOptions) -> (Vec<WalkItem>, WalkCounts) {
    let mut walk = Walk::start(root, options).unwrap();
    let items = walk.by_ref().flatten().collect();
    (items, walk.counts())
}

/// Returns all entries; fails on errors.
fn entries(root: &Path, options: WalkOptions) -> (Vec<WalkEntry>, WalkCounts) {
    let (items, counts) = items(root, options);
    let entry = |item| match item {
        WalkItem::Entry(entry) => entry,
        other => panic!("{other:?}"),
    };
    (items.into_iter().map(entry).collect(), counts)
}

fn paths(root: &Path, options: WalkOptions) -> Vec<String> {
    let entries = entries(root, options).0;
    entries.into_iter().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect()
}

fn by_path(entries: Vec<WalkEntry>) -> BTreeMap<Vec<u8>, WalkEntry> {
    entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect()
}

/// Creates files and, for paths that end with a slash, directories.
fn make_tree(paths: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in paths {
        let full = root.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(full).unwrap();
        } else {
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(full, path).unwrap();
        }
    }
    root
}

#[test]
fn content_follows_its_directory_before_later_siblings() {
    let root = make_tree(&["a/x", "a/b/c", "a.b", "a b", "ab", "a-/y", "empty/", "Z"]);
    let expected = ["", "Z", "a", "a/b", "a/b/c", "a/x", "a b", "a-", "a-/y", "a.b", "ab", "empty"];
    for concurrency in [1, 2, 8, 64] {
        assert_eq!(paths(root.path(), options(concurrency)), expected);
    }
}

#[test]
fn an_empty_root_is_its_own_only_entry() {
    let root = tempfile::tempdir().unwrap();
    let (entries, counts) = entries(root.path(), options(2));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].metadata, stat_root_of(root.path()));
    assert_eq!(counts, WalkCounts::default());
    assert!(entries[0].extended_attributes().unwrap().unreadable.is_empty());
}

fn stat_root_of(path: &Path) -> Metadata {
    crate::stat_root(path, true).unwrap()
}

#[test]
fn every_kind_is_seen_as_the_system_sees_it() {
    let root = make_tree(&["file", "directory/"]);
    symlink("some/where", root.path().join("link")).unwrap();
    let _socket = UnixListener::bind(root.path().join("socket")).unwrap();
    let directory = File::open(root.path()).unwrap();
    mknodat(&directory, "fifo", FileType::Fifo, Mode::RUSR, 0).unwrap();
    // Only root may make devices, and not in every container.
    let device = makedev(1, 3);
    let has_device = mknodat(&directory, "null", FileType::CharacterDevice, Mode::RUSR, device).is_ok();

    let entries = by_path(entries(root.path(), options(2)).0);
    let mut expected = vec![
        ("directory", EntryKind::Directory),
        ("fifo", EntryKind::Fifo),
        ("file", EntryKind::File),
        ("link", EntryKind::Symlink),
        ("socket", EntryKind::Socket),
    ];
    if has_device {
        expected.push(("null", EntryKind::CharacterDevice));
        let special_device = entries[b"null".as_slice()].metadata.special_device;
        assert_eq!(special_device, 1 << 32 | 3);
        assert_eq!(crate::kernel_device_number(special_device), device);
    }
    assert_eq!(entries.len(), expected.len() + 1);
    for (name, kind) in expected {
        let metadata = &entries[name.as_bytes()].metadata;
        let standard = fs::symlink_metadata(root.path().join(name)).unwrap();
        assert_eq!(metadata.kind, kind, "{name}");
        assert_eq!(metadata.mode, standard.mode() & 0o7777, "{name}");
        assert_eq!((metadata.user_id, metadata.group_id), (standard.uid(), standard.gid()));
        assert_eq!((metadata.inode, metadata.links), (standard.ino(), standard.nlink()));
        assert_eq!(metadata.modified.seconds, standard.mtime());
        assert_eq!(i64::from(metadata.modified.nanoseconds), standard.mtime_nsec());
        assert_eq!(metadata.changed.seconds, standard.ctime());
        let sized = matches!(kind, EntryKind::File | EntryKind::Symlink);
        assert_eq!(metadata.size, if sized { standard.size() } else { 0 });
    }
    assert_eq!(entries[b"link".as_slice()].read_link().unwrap(), b"some/where");
    assert!(entries[b"file".as_slice()].read_link().is_err());
    for name in ["link", "fifo", "directory"] {
        assert!(entries[name.as_bytes()].open().is_err(), "{name}");
    }
    for entry in entries.values() {
        assert!(entry.extended_attributes().unwrap().unreadable.is_empty());
    }
}

#[test]
fn names_are_bytes() {
    let root = tempfile::tempdir().unwrap();
    let longest = [b'n'; 255];
    let names: [&[u8]; 5] = [b"\x01", b"\xff\xfe not UTF-8", b"new\nline", &longest, b"-rf \\ *"];
    for name in names {
        fs::write(root.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let entries = by_path(entries(root.path(), options(2)).0);
    assert_eq!(entries.len(), 1 + names.len());
    for name in names {
        let mut content = Vec::new();
        io::Read::read_to_end(&mut entries[name].open().unwrap(), &mut content).unwrap();
        assert_eq!(content, name);
        assert!(entries[name].extended_attributes().is_ok());
    }
}

/// Removes a tree that is too deep for the standard library.
struct DeepTree(TempDir);

impl Drop for DeepTree {
    fn drop(&mut self) {
        let status = std::process::Command::new("rm").arg("-rf").arg(self.0.path()).status();
        assert!(status.unwrap().success());
    }
}

#[test]
fn trees_deeper_than_the_longest_path_are_walked() {
    const DEPTH: usize = 5000;
    let root = DeepTree(tempfile::tempdir().unwrap());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = openat(rustix::fs::CWD, root.0.path(), flags, Mode::empty()).unwrap();
    for level in 0..DEPTH {
        // With a file after each directory, the walk returns to every level.
        if level % 100 == 0 {
            let create = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
            drop(openat(&directory, "zz", create, Mode::RWXU).unwrap());
        }
        mkdirat(&directory, "deep", Mode::RWXU).unwrap();
        directory = openat(&directory, "deep", flags, Mode::empty()).unwrap();
    }
    let longest = [b'n'; 255];
    rustix::fs::symlinkat("target", &directory, longest.as_slice()).unwrap();

    for (concurrency, directories_open_max) in [(1, 8), (8, 64)] {
        let options = WalkOptions { concurrency, directories_open_max, ..WalkOptions::default() };
        let (entries, _) = entries(root.0.path(), options);
        assert_eq!(entries.len(), 1 + DEPTH + 1 + DEPTH / 100);
        let last = &entries[DEPTH + 1];
        assert_eq!(last.path.len(), DEPTH * 5 + 255);
        assert_eq!(last.read_link().unwrap(), b"target");
        assert!(last.extended_attributes().unwrap().unreadable.is_empty());
        assert_eq!(entries[DEPTH + 2].path.len(), (DEPTH - 100) * 5 + 2);
        assert!(entries[DEPTH + 2].open().is_ok());
    }
}

#[test]
fn a_large_directory_is_complete_and_in_order() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..20_000 {
        File::create(root.path().join(format!("{number}"))).unwrap();
    }
    let mut expected: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    expected.insert(0, String::new());
    expected.sort_unstable();
    for (concurrency, entries_ahead_max) in [(1, 64), (3, 1000), (64, 64 * 1024)] {
        let options = WalkOptions { concurrency, entries_ahead_max, ..WalkOptions::default() };
        assert_eq!(paths(root.path(), options), expected);
    }
}

/// Starts a walk over `aaa/` with many files and the other content of `root`, and consumes it until all names
/// in the root have been read, but nothing after `aaa` has been examined: one thread works in path order.
fn stalled_walk(root: &Path) -> Walk {
    fs::create_dir_all(root.join("aaa")).unwrap();
    for number in 0..2000 {
        File::create(root.join(format!("aaa/{number}"))).unwrap();
    }
    let options = WalkOptions { concurrency: 1, entries_ahead_max: 64, ..WalkOptions::default() };
    let mut walk = Walk::start(root, options).unwrap();
    while walk.next().unwrap().iter().all(|item| !item.path().starts_with(b"aaa/")) {}
    walk
}

/// The rest of a stalled walk, without `aaa`.
fn rest_of(walk: &mut Walk) -> Vec<WalkItem> {
    walk.flatten().filter(|item| !item.path().starts_with(b"aaa")).collect()
}

#[test]
fn a_directory_swapped_for_a_link_is_the_link_and_not_followed() {
    let root = make_tree(&["swapped/inside", "z/last"]);
    let elsewhere = make_tree(&["secret"]);
    let mut walk = stalled_walk(root.path());
    fs::remove_dir_all(root.path().join("swapped")).unwrap();
    symlink(elsewhere.path(), root.path().join("swapped")).unwrap();

    let items = rest_of(&mut walk);
    let [WalkItem::Entry(swapped), WalkItem::Entry(z), WalkItem::Entry(last)] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!((swapped.metadata.kind, swapped.completeness), (EntryKind::Symlink, Completeness::Whole));
    assert_eq!(swapped.read_link().unwrap(), elsewhere.path().as_os_str().as_bytes());
    assert_eq!((z.path.as_slice(), last.path.as_slice()), (b"z".as_slice(), b"z/last".as_slice()));
    assert_eq!(walk.counts(), WalkCounts::default());
    assert!(walk.gone(Suspects::default()).is_empty());
}

#[test]
fn a_directory_swapped_for_another_one_is_the_other_one() {
    let root = make_tree(&["current/old", "next/new", "next/below/newer"]);
    let mut walk = stalled_walk(root.path());
    let next = stat_root_of(&root.path().join("next"));
    fs::rename(root.path().join("current"), root.path().join("old")).unwrap();
    fs::rename(root.path().join("next"), root.path().join("current")).unwrap();

    let items = rest_of(&mut walk);
    let paths: Vec<_> = items.iter().map(|item| String::from_utf8_lossy(item.path())).collect();
    assert_eq!(paths, ["current", "current/below", "current/below/newer", "current/new", "next", "next"]);
    let WalkItem::Entry(current) = &items[0] else { panic!("{items:?}") };
    assert_eq!(current.metadata.inode, next.inode);
    // The object that has the name now was read; the object with the other name is gone.
    let [WalkItem::Entry(moved), WalkItem::Gone(_)] = &items[4..] else { panic!("{items:?}") };
    assert_eq!((moved.metadata, moved.completeness), (next, Completeness::Incomplete));
}

#[test]
fn a_directory_that_is_gone_before_it_is_listed_is_kept_and_named() {
    let root = make_tree(&["directory/inside", "moved/inside", "other/gone", "other/kept"]);
    let expected = stat_root_of(&root.path().join("directory"));
    let mut walk = stalled_walk(root.path());
    fs::remove_dir_all(root.path().join("directory")).unwrap();
    fs::rename(root.path().join("moved"), root.path().join("elsewhere")).unwrap();

    let items = rest_of(&mut walk);
    let [
        WalkItem::Entry(directory),
        WalkItem::Gone(_),
        WalkItem::Entry(moved),
        WalkItem::Gone(path),
        WalkItem::Entry(other),
        ..,
    ] = &items[..]
    else {
        panic!("{items:?}");
    };
    assert_eq!((directory.metadata, directory.completeness), (expected, Completeness::Incomplete));
    assert_eq!((moved.path.as_slice(), moved.completeness), (b"moved".as_slice(), Completeness::Incomplete));
    assert_eq!(path, b"moved");
    assert_eq!(other.completeness, Completeness::Whole);
}

#[test]
fn files_that_vanish_are_counted_and_no_error() {
    let root = make_tree(&["other/kept"]);
    let mut walk = stalled_walk(root.path());
    fs::remove_file(root.path().join("aaa/999")).unwrap();

    let rest: Vec<WalkItem> = walk.by_ref().flatten().collect();
    assert!(rest.iter().all(|item| matches!(item, WalkItem::Entry(_))));
    assert!(!rest.iter().any(|item| item.path() == b"aaa/999"));
    assert_eq!(rest.last().unwrap().path(), b"other/kept");
    assert_eq!(walk.counts(), WalkCounts { vanished: 1, ..WalkCounts::default() });
    assert!(walk.gone(Suspects::default()).is_empty());
}

#[test]
fn a_directory_whose_names_vanish_because_it_is_removed_is_named() {
    let root = make_tree(&["z"]);
    let mut walk = stalled_walk(root.path());
    fs::remove_dir_all(root.path().join("aaa")).unwrap();
    for item in walk.by_ref().flatten() {
        assert!(matches!(item, WalkItem::Entry(_)), "{item:?}");
    }
    assert!(walk.counts().vanished > 0);
    assert_eq!(walk.gone(Suspects::default()).into_iter().collect::<Vec<_>>(), [b"aaa".to_vec()]);
}

#[test]
fn a_root_that_is_moved_is_named_whatever_was_read() {
    let root = make_tree(&["source/z"]);
    let mut walk = stalled_walk(&root.path().join("source"));
    fs::rename(root.path().join("source"), root.path().join("moved")).unwrap();
    assert_eq!(walk.by_ref().flatten().last().unwrap().path(), b"z");
    assert_eq!(walk.gone(Suspects::default()).into_iter().collect::<Vec<_>>(), [Vec::new()]);
}

#[test]
fn of_a_directory_that_moves_after_it_was_listed_the_names_are_kept() {
    let root = make_tree(&["m/a/"]);
    for number in 0..300 {
        File::create(root.path().join(format!("m/a/{number}"))).unwrap();
        File::create(root.path().join(format!("m/b{number}"))).unwrap();
    }
    // One directory is open at a time, so `m` has to be opened again after `m/a`.
    let options = WalkOptions {
        concurrency: 1,
        entries_ahead_max: 64,
        directories_open_max: 1,
        ..WalkOptions::default()
    };
    let mut walk = Walk::start(root.path(), options).unwrap();
    let mut items = Vec::new();
    while !items.iter().any(|item: &WalkItem| item.path().starts_with(b"m/a/")) {
        items.extend(walk.next().unwrap());
    }
    fs::rename(root.path().join("m"), root.path().join("n")).unwrap();
    items.extend(walk.by_ref().flatten());
    let names = items.iter().filter(|item| item.path().starts_with(b"m/b")).count();
    let unknown = items.iter().filter(|item| matches!(item, WalkItem::NameOnly { error: None, .. })).count();
    assert_eq!(names, 300);
    assert!(unknown > 0);
    assert!(items.iter().any(|item| matches!(item, WalkItem::Gone(path) if path == b"m")), "it is named");
    let ordered = items.iter().filter(|item| !matches!(item, WalkItem::Gone(_)));
    let key = |path: &[u8]| path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert!(ordered.map(|item| key(item.path())).is_sorted());
}

#[test]
fn what_changed_is_found_when_it_is_looked_up_again() {
    let root = make_tree(&["same", "linked", "directory", "gone", "d/below"]);
    let entries = by_path(entries(root.path(), options(1)).0);
    for name in ["linked", "directory", "gone"] {
        fs::remove_file(root.path().join(name)).unwrap();
    }
    symlink("target", root.path().join("linked")).unwrap();
    fs::create_dir(root.path().join("directory")).unwrap();
    let again = |name: &str| entries[name.as_bytes()].look_again().unwrap();
    let Presence::There(same) = again("same") else { panic!() };
    assert!(same.is_same_object(&entries[b"same".as_slice()].metadata));
    let Presence::There(linked) = again("linked") else { panic!() };
    assert_eq!((linked.metadata.kind, linked.completeness), (EntryKind::Symlink, Completeness::Whole));
    assert_eq!(linked.read_link().unwrap(), b"target");
    let Presence::There(directory) = again("directory") else { panic!() };
    assert_eq!(
        (directory.metadata.kind, directory.completeness),
        (EntryKind::Directory, Completeness::Incomplete)
    );
    assert!(matches!(again("gone"), Presence::Gone));
    // The directory is opened again by its name, which it no longer has.
    fs::rename(root.path().join("d"), root.path().join("e")).unwrap();
    assert!(matches!(again("d/below"), Presence::There(_)), "as long as it is open");
    for _ in 0..4 {
        entries[b"d/below".as_slice()].directory.relieve_descriptors();
    }
    assert!(matches!(again("d/below"), Presence::DirectoryGone));
}

#[test]
fn a_file_replaced_by_another_kind_is_not_opened() {
    let root = make_tree(&["file", "pipe"]);
    let entries = by_path(entries(root.path(), options(1)).0);
    for name in ["file", "pipe"] {
        fs::remove_file(root.path().join(name)).unwrap();
    }
    symlink("/etc/passwd", root.path().join("file")).unwrap();
    let directory = File::open(root.path()).unwrap();
    mknodat(&directory, "pipe", FileType::Fifo, Mode::RUSR, 0).unwrap();
    for name in ["file", "pipe"] {
        let error = entries[name.as_bytes()].open().unwrap_err();
        assert_eq!((error.operation, error.path.as_slice()), ("open", name.as_bytes()));
    }
}

#[test]
fn excluded_directories_are_not_entered() {
    let root =
        make_tree(&["keep/a.log", "keep/b.txt", "cache/x", "cache/y", "keep/cache", "keep/important.log"]);
    let mut builder = Excludes::builder();
    builder
        .add_pattern("*.log")
        .unwrap()
        .add_pattern("!important.log")
        .unwrap()
        .add_pattern("cache/")
        .unwrap();
    let options = WalkOptions { excludes: builder.build().unwrap(), ..options(2) };
    let (entries, counts) = entries(root.path(), options.clone());
    assert_eq!(counts.excluded, 2);
    assert_eq!(entries.len(), 5);
    let expected = ["", "keep", "keep/b.txt", "keep/cache", "keep/important.log"];
    assert_eq!(paths(root.path(), options), expected);
}

#[test]
fn cache_directories_keep_only_their_tag() {
    let root = make_tree(&["a/CACHEDIR.TAG", "a/x", "b/CACHEDIR.TAG", "b/x", "b/y/z", "c/CACHEDIR.TAG/x"]);
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# comment";
    fs::write(root.path().join("b/CACHEDIR.TAG"), tag).unwrap();
    let options = WalkOptions { exclude_caches: true, ..options(2) };
    let (entries, counts) = entries(root.path(), options.clone());
    assert_eq!(counts.excluded, 2);
    let entries = by_path(entries);
    assert_eq!(entries[b"b".as_slice()].completeness, Completeness::CacheTag);
    assert_eq!(
        entries[b"a".as_slice()].completeness,
        Completeness::Whole,
        "a file of that name is not enough"
    );
    let expected = ["", "a", "a/CACHEDIR.TAG", "a/x", "b", "b/CACHEDIR.TAG", "c", "c/CACHEDIR.TAG"];
    let found = paths(root.path(), options);
    assert_eq!(found[..8], expected);
    assert_eq!(found[8..], ["c/CACHEDIR.TAG/x"]);
}

#[test]
fn a_skipped_directory_is_left_out_wholly() {
    let root = make_tree(&["a/x", "repository/data/pack", "z"]);
    let repository = stat_root_of(&root.path().join("repository"));
    // A file is never skipped, even if its numbers are named.
    let file = stat_root_of(&root.path().join("z"));
    let skip = vec![(repository.device, repository.inode), (file.device, file.inode)];
    let options = WalkOptions { skip, ..options(2) };
    let mut walk = Walk::start(root.path(), options.clone()).unwrap();
    walk.by_ref().for_each(drop);
    assert_eq!(walk.counts().excluded, 1);
    assert_eq!(walk.skipped(10), [b"repository".to_vec()]);
    assert_eq!(paths(root.path(), options), ["", "a", "a/x", "z"]);
}

#[test]
fn other_file_systems_are_not_entered_if_so_asked() {
    // /dev usually contains other file systems, so the test need not mount anything.
    let root = Path::new("/dev");
    let device = stat_root_of(root).device;
    let options = WalkOptions { one_file_system: true, ..options(2) };
    let (items, counts) = items(root, options);
    let mut mount_points = 0;
    for pair in items.windows(2) {
        let WalkItem::Entry(entry) = &pair[0] else { continue };
        if entry.metadata.kind == EntryKind::Directory && entry.metadata.device != device {
            mount_points += 1;
            assert_eq!(entry.completeness, Completeness::NotEntered);
            let mut inside = entry.path.clone();
            inside.push(b'/');
            assert!(!pair[1].path().starts_with(&inside));
        }
    }
    assert_eq!(counts.mount_points, mount_points);
}

#[test]
fn a_walk_can_be_dropped_at_any_time() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..3000 {
        let directory = root.path().join(format!("{:02}", number / 100));
        fs::create_dir_all(&directory).unwrap();
        File::create(directory.join(number.to_string())).unwrap();
    }
    for batches in 0..12 {
        let options = WalkOptions { entries_ahead_max: 100, ..options(1 + batches % 5) };
        let mut walk = Walk::start(root.path(), options).unwrap();
        for _ in 0..batches {
            walk.next();
        }
        let shared = Arc::downgrade(&walk.workers.shared);
        drop(walk);
        assert!(shared.upgrade().is_none(), "a thread of the walk outlives it");
    }
}

#[test]
fn a_walk_that_has_ended_stays_ended() {
    let root = make_tree(&["a"]);
    let mut walk = Walk::start(root.path(), options(2)).unwrap();
    assert_eq!(walk.by_ref().flatten().count(), 2);
    assert!(walk.next().is_none());
}

#[test]
fn the_root_may_be_a_link_but_must_be_a_directory() {
    let root = make_tree(&["real/file"]);
    let link = root.path().join("link");
    symlink("real", &link).unwrap();
    assert_eq!(paths(&link, options(2)), ["", "file"]);
    assert_eq!(crate::stat_root(&link, true).unwrap().kind, EntryKind::Directory);
    assert_eq!(crate::stat_root(&link, false).unwrap().kind, EntryKind::Symlink);
    for wrong in ["real/file", "missing"] {
        let path = root.path().join(wrong);
        let error = Walk::start(&path, options(2)).unwrap_err();
        assert_eq!(error.path, path.as_os_str().as_bytes());
    }
}

#[test]
fn a_single_file_is_an_entry_named_as_the_user_named_it() {
    let root = make_tree(&["directory/file"]);
    let file = root.path().join("directory/file");
    let link = root.path().join("link");
    symlink("directory/file", &link).unwrap();
    symlink("missing", root.path().join("dangling")).unwrap();

    for (path, follow, name) in [(&file, false, "file"), (&file, true, "file"), (&link, true, "link")] {
        let entry = Walk::single(path, follow).unwrap();
        assert_eq!(entry.path, name.as_bytes());
        let mut content = Vec::new();
        io::Read::read_to_end(&mut entry.open().unwrap(), &mut content).unwrap();
        assert_eq!(content, b"directory/file");
    }
    let entry = Walk::single(&link, false).unwrap();
    assert_eq!(entry.metadata.kind, EntryKind::Symlink);
    assert_eq!(entry.read_link().unwrap(), b"directory/file");
    assert!(Walk::single(&root.path().join("dangling"), true).unwrap_err().is_not_found());
    assert!(Walk::single(Path::new("/"), true).is_err());
}

/// A component of a random path. There are few different ones, so that paths collide, including some that
/// sort around `/`.
fn component() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        b"a".to_vec(),
        b"a.b".to_vec(),
        b"a b".to_vec(),
        b"ab".to_vec(),
        b"\x01".to_vec(),
        b"\xff\xc3".to_vec(),
        b"new\nline".to_vec(),
        vec![b'l'; 200],
    ])
}

fn random_paths() -> impl Strategy<Value = Vec<(Vec<Vec<u8>>, bool)>> {
    prop::collection::vec((prop::collection::vec(component(), 1..6), any::<bool>()), 0..60)
}

fn make_random_tree(paths: &[(Vec<Vec<u8>>, bool)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (components, is_directory) in paths {
        let mut path = root.path().to_path_buf();
        path.extend(components.iter().map(|component| OsStr::from_bytes(component)));
        // Some paths cannot be created, because an earlier one is a file where they need a directory.
        let made = fs::create_dir_all(path.parent().unwrap()).is_ok();
        if made && !path.exists() {
            if *is_directory { fs::create_dir(&path).unwrap() } else { fs::write(&path, "x").unwrap() }
        }
    }
    root
}

/// The simplest possible walk: everything in memory, sorted at the end.
fn naive_walk(root: &Path) -> Vec<(Vec<u8>, u64)> {
    let mut found: Vec<(Vec<Vec<u8>>, u64)> = walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(root).unwrap();
            let components = path.components().map(|component| component.as_os_str().as_bytes().to_vec());
            (components.collect(), entry.metadata().unwrap().ino())
        })
        .collect();
    found.sort();
    found.into_iter().map(|(components, inode)| (components.join(&b'/'), inode)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn random_trees_are_walked_as_by_the_naive_model(
        tree in random_paths(),
        concurrency in 1_usize..9,
        entries_ahead_max in 1_usize..200,
        directories_open_max in 1_usize..6,
    ) {
        let root = make_random_tree(&tree);
        let options = WalkOptions { concurrency, entries_ahead_max, directories_open_max, ..WalkOptions::default() };
        let (entries, counts) = entries(root.path(), options);
        for entry in entries.iter().filter(|entry| entry.metadata.kind == EntryKind::File) {
            prop_assert!(entry.open().is_ok());
        }
        let found: Vec<_> = entries.into_iter().map(|entry| (entry.path, entry.metadata.inode)).collect();
        prop_assert_eq!(found, naive_walk(root.path()));
        prop_assert_eq!(counts, WalkCounts::default());
    }
}
