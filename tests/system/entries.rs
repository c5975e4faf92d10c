//! Every kind of entry is restored exactly, one test for each.

mod metadata;
mod names;
mod sparse;

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, chown, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, makedev, mknodat, utimensat,
};

use crate::harness::{Sandbox, Tree, assert_same, bytes, check_tool, is_root, read, skip, succeed};

/// Backs up the source, restores it, and compares the trees with our own code and with rsync.
#[track_caller]
fn round_trip(sandbox: &Sandbox) -> Tree {
    let after = round_trip_without_rsync(sandbox);
    assert_rsync_finds_nothing(sandbox);
    after
}

/// Does the same for trees that rsync cannot read.
#[track_caller]
fn round_trip_without_rsync(sandbox: &Sandbox) -> Tree {
    let before = read(&sandbox.source(""));
    sandbox.run(&["init"]).expect(0);
    sandbox.backup(&[]);
    let report = sandbox.restore("latest", "restored", &["--verify"]);
    assert!(report["warnings"].as_array().unwrap().is_empty(), "{report:#}");
    let after = read(&sandbox.path("restored"));
    assert_same(&before, &after);
    sandbox.check_all_data();
    // Correct objects are left alone.
    let again = sandbox.restore("latest", "restored", &["--delete"]);
    let written =
        ["files_written", "replaced", "deleted", "metadata_fixed", "bytes_written"].map(|key| &again[key]);
    assert!(written.iter().all(|count| **count == 0), "{again:#}");
    after
}

/// Fails if rsync would change anything in the restored tree to make it like the source.
#[track_caller]
fn assert_rsync_finds_nothing(sandbox: &Sandbox) {
    if !check_tool("rsync") {
        return;
    }
    let [from, to] = ["source/", "restored/"].map(|name| sandbox.path(name));
    let mut rsync = Command::new("rsync");
    rsync.args(["-aHAXSn", "--delete", "--checksum", "--itemize-changes"]).args([from, to]);
    let changes = succeed(&mut rsync);
    assert_eq!(changes, "", "rsync would change this");
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) -> rustix::io::Result<()> {
    lsetxattr(path, name, value, XattrFlags::empty())
}

/// Returns whether the tests run as root; reports it if they do not.
fn needs_root() -> bool {
    let root = is_root();
    if !root {
        skip("this needs root");
    }
    root
}

#[test]
fn an_empty_directory_and_an_empty_file() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.source("empty")).unwrap();
    sandbox.write("directory/empty", "");
    round_trip(&sandbox);
}

#[test]
fn files_of_all_sizes_around_the_borders() {
    let sandbox = Sandbox::new();
    for (number, length) in
        [1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 262_144, 1 << 20, (1 << 20) + 1, 5_000_000]
            .iter()
            .enumerate()
    {
        sandbox.write(&format!("size-{length}"), bytes(number as u64, *length));
        sandbox.write(&format!("zeros-{length}"), vec![0; *length]);
    }
    round_trip(&sandbox);
}

#[test]
fn symbolic_links_of_all_sorts() {
    let sandbox = Sandbox::new();
    sandbox.write("target", "x");
    let long = "t/".repeat(2000);
    let targets: [&[u8]; 7] =
        [b"target", b"/etc/passwd", b"../../..", b"dangling", b".", b"not utf-8 \xff\xfe", long.as_bytes()];
    for (number, target) in targets.iter().enumerate() {
        symlink(OsStr::from_bytes(target), sandbox.source(&format!("link-{number}"))).unwrap();
    }
    round_trip(&sandbox);
}

#[test]
fn sparse_files_keep_their_holes() {
    let sandbox = Sandbox::new();
    sandbox.write("ordinary", bytes(1, 100_000));
    let at = |name: &str, parts: &[(u64, usize)], length: u64| {
        let mut file = File::create(sandbox.source(name)).unwrap();
        for (offset, size) in parts {
            file.seek(SeekFrom::Start(*offset)).unwrap();
            file.write_all(&bytes(*offset, *size)).unwrap();
        }
        file.set_len(length).unwrap();
    };
    at("hole-only", &[], 3 << 30);
    at("data-in-the-middle", &[(1 << 30, 70_000)], 2 << 30);
    at("data-at-the-end", &[(512 << 20, 4096)], (512 << 20) + 4096);
    at("many-holes", &[(0, 4096), (1 << 20, 4096), (2 << 20, 4096), (3 << 20, 500_000)], 8 << 20);
    let before = read_extents_only(&sandbox, "source");
    sandbox.run(&["init"]).expect(0);
    let backup = sandbox.backup(&[]);
    assert!(backup["bytes_read"].as_u64().unwrap() < 2 << 20, "holes were read: {backup:#}");
    sandbox.restore("latest", "restored", &[]);
    let after = read_extents_only(&sandbox, "restored");
    for ((name, size, extents, blocks), found) in before.iter().zip(&after) {
        assert_eq!((name, size, extents), (&found.0, &found.1, &found.2));
        assert!(found.3 <= blocks + 64, "{name} occupies {} blocks instead of {blocks}", found.3);
    }
    for (name, offset, size) in [
        ("data-in-the-middle", 1 << 30, 70_000),
        ("data-at-the-end", 512 << 20, 4096),
        ("many-holes", 3 << 20, 500_000),
    ] {
        let mut file = File::open(sandbox.path("restored").join(name)).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        let mut content = vec![0; size];
        file.read_exact(&mut content).unwrap();
        assert_eq!(content, bytes(offset, size), "{name}");
    }
    sandbox.check_all_data();
}

/// Name, length, extents of data and allocated blocks of each file: reading gigabytes of holes takes too
/// long.
type Layout = Vec<(String, u64, Vec<(u64, u64)>, u64)>;

fn read_extents_only(sandbox: &Sandbox, root: &str) -> Layout {
    let names = ["data-at-the-end", "data-in-the-middle", "hole-only", "many-holes", "ordinary"];
    let layout = |name: &str| {
        let file = File::open(sandbox.path(root).join(name)).unwrap();
        let found = file.metadata().unwrap();
        let (mut extents, mut position) = (Vec::new(), 0);
        while let Ok(begin) = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(position)) {
            position = rustix::fs::seek(&file, rustix::fs::SeekFrom::Hole(begin)).unwrap();
            extents.push((begin, position));
        }
        (name.to_owned(), found.len(), extents, found.blocks())
    };
    names.map(layout).to_vec()
}

#[test]
fn hard_links_stay_one_object() {
    let sandbox = Sandbox::new();
    sandbox.write("z/first", bytes(1, 300_000));
    sandbox.write("one-name", "x");
    fs::create_dir(sandbox.source("a")).unwrap();
    for name in ["a/second", "z/third", "fourth"] {
        fs::hard_link(sandbox.source("z/first"), sandbox.source(name)).unwrap();
    }
    symlink("nowhere", sandbox.source("link")).unwrap();
    rustix::fs::link(sandbox.source("link"), sandbox.source("a/same-link")).unwrap();
    mknodat(CWD, sandbox.source("pipe"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    fs::hard_link(sandbox.source("pipe"), sandbox.source("a/same-pipe")).unwrap();
    // Another name outside of the source cannot be restored.
    sandbox.write("linked-outside", "y");
    fs::hard_link(sandbox.source("linked-outside"), sandbox.path("outside")).unwrap();
    let after = round_trip(&sandbox);
    assert_eq!(after[b"z/third".as_slice()].first_link, b"a/second");
    assert_eq!(after[b"link".as_slice()].first_link, b"a/same-link");
    let backup = sandbox.backup(&["--level", "full"]);
    assert!(backup["bytes_read"].as_u64().unwrap() < 400_000, "each name was read: {backup:#}");
    // A removed link, and a new one.
    fs::remove_file(sandbox.source("fourth")).unwrap();
    fs::copy(sandbox.source("z/first"), sandbox.source("fourth")).unwrap();
    fs::hard_link(sandbox.source("one-name"), sandbox.source("two-names")).unwrap();
    sandbox.backup(&[]);
    sandbox.restore("latest", "restored", &["--delete"]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}

#[test]
fn pipes_and_sockets() {
    let sandbox = Sandbox::new();
    mknodat(CWD, sandbox.source("pipe"), FileType::Fifo, Mode::from(0o640), 0).unwrap();
    drop(UnixListener::bind(sandbox.source("socket")).unwrap());
    set_time(&sandbox.source("pipe"), 1_500_000_000, 42);
    set_time(&sandbox.source("socket"), 1_500_000_001, 43);
    round_trip(&sandbox);
}

#[test]
fn device_files() {
    if !needs_root() {
        return;
    }
    let sandbox = Sandbox::new();
    let device = makedev(1, 3);
    if mknodat(CWD, sandbox.source("null"), FileType::CharacterDevice, Mode::from(0o666), device).is_err() {
        return skip("device files cannot be made here");
    }
    let large = makedev(259, 1_000_000);
    mknodat(CWD, sandbox.source("disk"), FileType::BlockDevice, Mode::from(0o660), large).unwrap();
    chown(sandbox.source("disk"), Some(0), Some(6)).unwrap();
    let after = round_trip(&sandbox);
    assert_eq!(after[b"disk".as_slice()].device, large);
}
