//! Names and paths, and which of them are accepted.

use std::{
    ffi::{CString, OsStr},
    fs::{self, File},
    io::Write,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::Command,
};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::{needs_root, round_trip, round_trip_without_rsync, set_time};
use crate::harness::{Sandbox, assert_same, bytes, read, skip, succeed};

#[test]
fn names_of_all_sorts() {
    let sandbox = Sandbox::new();
    let long = "n".repeat(255);
    let names: [&[u8]; 14] = [
        b"not utf-8 \xff\xfe\x80",
        b"line\nbreak",
        b"\n",
        b" ",
        b"...",
        b"-rf",
        b"quote'\"`$(x)",
        b"back\\slash",
        b"*?[a]",
        b"\x01\x1b[31m\x7f",
        "\u{e4}".as_bytes(),
        "a\u{308}".as_bytes(),
        b"Case",
        b"case",
    ];
    for name in names.into_iter().chain([long.as_bytes()]) {
        fs::write(sandbox.source("").join(OsStr::from_bytes(name)), name).unwrap();
    }
    // In path order, a directory's content comes before neighbours with bytes smaller than the separator.
    for name in ["a/x", "a b", "a-b", "a.b", "a0"] {
        sandbox.write(name, name);
    }
    fs::create_dir(sandbox.source("").join(OsStr::from_bytes(b"dir\xff\n"))).unwrap();
    fs::write(sandbox.source("").join(OsStr::from_bytes(b"dir\xff\n/file\xfe")), "x").unwrap();
    round_trip(&sandbox);
    let listed = sandbox.run(&["ls", "-R", "latest"]).expect(0);
    let contains = |part: &[u8]| listed.stdout.windows(part.len()).any(|window| window == part);
    assert!(contains(b"not utf-8 \xff\xfe\x80"), "in a pipe names are what they are");
    let mut reference = b"latest:dir\xff\n/file".to_vec();
    reference.push(0xfe);
    let output = sandbox.run(&[OsStr::new("cat"), OsStr::from_bytes(&reference)]).expect(0);
    assert_eq!(output.stdout, b"x");
}

/// Makes nested directories, each through the one above it, with a file in the last one.
fn make_deep(root: &Path, name: &str, levels: usize) {
    let name = CString::new(name).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut directory = openat(CWD, root, flags, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&directory, &name, Mode::from(0o755)).unwrap();
        directory = openat(&directory, &name, flags, Mode::empty()).unwrap();
    }
    let file = openat(&directory, "file", OFlags::CREATE | OFlags::WRONLY, Mode::from(0o644)).unwrap();
    File::from(file).write_all(b"deep down").unwrap();
}

/// Removes deep trees whose paths are too long: moves each level to the top first.
fn remove_deep(root: &Path, name: &str) {
    let (top, inner) = (root.join(name), root.join("inner"));
    while top.exists() {
        if top.join(name).exists() {
            fs::rename(top.join(name), &inner).unwrap();
        }
        fs::remove_dir_all(&top).unwrap();
        if inner.exists() {
            fs::rename(&inner, &top).unwrap();
        }
    }
}

#[test]
fn paths_longer_than_the_system_takes() {
    let sandbox = Sandbox::new();
    let name = "d".repeat(240);
    make_deep(&sandbox.source(""), &name, 40);
    make_deep(&sandbox.source(""), "e", 400);
    let after = round_trip_without_rsync(&sandbox);
    assert!(after.keys().any(|path| path.len() > 9000));
    sandbox.write("unchanged", "x");
    let second = sandbox.backup(&[]);
    assert_eq!((&second["files_new"], &second["files_unchanged"]), (&1.into(), &2.into()));
    // Deep trees are also removed.
    sandbox.run(&["backup", "source", "--exclude", "/d*/", "--exclude", "/e/"]).expect(0);
    sandbox.restore("latest", "restored", &["--delete", "--delete-excluded"]);
    assert_eq!(read(&sandbox.path("restored")).len(), 2);
    remove_deep(&sandbox.source(""), &name);
    remove_deep(&sandbox.source(""), "e");
}

#[test]
fn a_flat_directory_of_many_entries() {
    const NUMBER: u64 = 20_000;
    let sandbox = Sandbox::in_memory();
    for number in 0..NUMBER {
        fs::write(sandbox.source(&format!("file-{number:05}")), number.to_le_bytes()).unwrap();
    }
    let before = read(&sandbox.source(""));
    sandbox.run(&["init"]).expect(0);
    let backup = sandbox.backup(&[]);
    assert_eq!(backup["files_new"], NUMBER);
    sandbox.restore("latest", "restored", &[]);
    assert_same(&before, &read(&sandbox.path("restored")));
    let second = sandbox.backup(&[]);
    assert_eq!((&second["files_unchanged"], &second["bytes_read"]), (&NUMBER.into(), &0.into()));
}

#[test]
fn a_single_file_as_the_source() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("report.txt", bytes(1, 10_000));
    set_time(&sandbox.source("report.txt"), 1_600_000_000, 1);
    sandbox.run(&["backup", "source/report.txt"]).expect(0);
    sandbox.restore("report.txt@latest", "restored", &[]);
    let restored = read(&sandbox.path("restored/report.txt"));
    assert_same(&read(&sandbox.source("report.txt")), &restored);
}

#[test]
fn excluded_objects_are_left_out() {
    let sandbox = Sandbox::with_repository();
    for name in ["keep", "a.tmp", "deep/b.tmp", "deep/keep.tmp", "cache/x", "deep/cache/y", "tagged/x"] {
        sandbox.write(name, name);
    }
    sandbox.write("tagged/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    fs::write(sandbox.path("patterns"), "# comment\n/cache/\n").unwrap();
    let options =
        ["--exclude", "*.tmp", "--exclude", "!keep.tmp", "--exclude-file", "patterns", "--exclude-caches"];
    sandbox.backup(&options);
    sandbox.restore("latest", "restored", &[]);
    let paths: Vec<Vec<u8>> = read(&sandbox.path("restored")).into_keys().collect();
    let expected =
        ["", "deep", "deep/cache", "deep/cache/y", "deep/keep.tmp", "keep", "tagged", "tagged/CACHEDIR.TAG"];
    assert_eq!(paths, expected.map(|path| path.as_bytes().to_vec()));
}

#[test]
fn mounted_file_systems_are_left_out_on_request() {
    if !needs_root() {
        return;
    }
    let sandbox = Sandbox::with_repository();
    sandbox.write("here", "x");
    fs::create_dir(sandbox.source("mounted")).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=1m", "icecore-test"];
    if !Command::new("mount").args(mount).arg(sandbox.source("mounted")).output().unwrap().status.success() {
        return skip("nothing can be mounted here");
    }
    sandbox.write("mounted/there", "y");
    let with = sandbox.run(&["backup", "source", "--json"]);
    let without = sandbox.run(&["backup", "source", "--one-file-system", "--json"]);
    succeed(Command::new("umount").arg(sandbox.source("mounted")));
    assert_eq!(with.expect(0).json()["sources"][0]["files"], 2);
    assert_eq!(without.expect(0).json()["sources"][0]["files"], 1);
    let listed = sandbox.run(&["ls", "latest"]).expect(0);
    assert_eq!(listed.text(), "here\nmounted\n");
}
