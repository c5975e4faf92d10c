//! Every kind of entry comes back as it was, one test for each.

use std::{
    ffi::{CString, OsStr},
    fs::{self, File, Permissions},
    io::{Seek, SeekFrom, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, chown, lchown, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags, lsetxattr, makedev, mkdirat, mknodat,
    openat, utimensat,
};

use crate::harness::{Sandbox, Tree, assert_same, bytes, check_tool, is_root, read, skip, succeed};

/// Backs up the source, restores it and compares with our own eyes and with those of rsync.
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
    // What is right already is left alone.
    let again = sandbox.restore("latest", "restored", &["--delete"]);
    let written = ["files_written", "replaced", "deleted", "metadata_fixed", "bytes_written"].map(|key| &again[key]);
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

/// Returns whether the tests run as root; says so if they do not.
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
        [1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 262_144, 1 << 20, (1 << 20) + 1, 5_000_000].iter().enumerate()
    {
        sandbox.write(&format!("size-{length}"), bytes(number as u64, *length));
        sandbox.write(&format!("zeros-{length}"), vec![0; *length]);
    }
    round_trip(&sandbox);
}

#[test]
fn modes_with_setuid_setgid_and_sticky() {
    let sandbox = Sandbox::new();
    for mode in [0o4755, 0o2755, 0o1777, 0o6711, 0o7777, 0o400, 0o000, 0o222] {
        let path = sandbox.source(&format!("file-{mode:o}"));
        sandbox.write(&format!("file-{mode:o}"), "content");
        if mode & 0o400 != 0 || is_root() {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
    }
    for mode in [0o1777, 0o2775, 0o700, 0o555] {
        let path = sandbox.source(&format!("directory-{mode:o}"));
        sandbox.write(&format!("directory-{mode:o}/file"), "content");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(sandbox.source(""), Permissions::from_mode(0o3751)).unwrap();
    let after = round_trip(&sandbox);
    assert_eq!(after[b"file-4755".as_slice()].mode & 0o7777, 0o4755);
    assert_eq!(after[b"".as_slice()].mode & 0o7777, 0o3751);
    for name in ["source/directory-555", "restored/directory-555"] {
        fs::set_permissions(sandbox.path(name), Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn owners_of_everything() {
    if !needs_root() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    sandbox.write("directory/file", "y");
    symlink("file", sandbox.source("link")).unwrap();
    chown(sandbox.source("file"), Some(1234), Some(5678)).unwrap();
    chown(sandbox.source("directory"), Some(4_000_000_000), Some(1)).unwrap();
    chown(sandbox.source("directory/file"), Some(65534), Some(0)).unwrap();
    lchown(sandbox.source("link"), Some(77), Some(88)).unwrap();
    // Changing the owner takes these bits away, so the order of restoring matters.
    fs::set_permissions(sandbox.source("file"), Permissions::from_mode(0o6755)).unwrap();
    let after = round_trip(&sandbox);
    assert_eq!(after[b"link".as_slice()].owner, (77, 88));
    assert_eq!(after[b"file".as_slice()].mode & 0o7777, 0o6755);
}

#[test]
fn times_to_the_nanosecond() {
    let sandbox = Sandbox::new();
    sandbox.write("new", "x");
    sandbox.write("before-1970", "x");
    sandbox.write("after-2038", "x");
    sandbox.write("directory/in-it", "x");
    symlink("nowhere", sandbox.source("link")).unwrap();
    set_time(&sandbox.source("new"), 1_700_000_000, 123_456_789);
    set_time(&sandbox.source("before-1970"), -86_400, 999_999_999);
    set_time(&sandbox.source("after-2038"), 4_102_444_800, 1);
    set_time(&sandbox.source("link"), 1_000_000_000, 987_654_321);
    set_time(&sandbox.source("directory"), 1_234_567_890, 5);
    set_time(&sandbox.source(""), 1_222_222_222, 7);
    let after = round_trip(&sandbox);
    assert_eq!(after[b"link".as_slice()].modified, (1_000_000_000, 987_654_321));
    assert_eq!(after[b"".as_slice()].modified, (1_222_222_222, 7));
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
fn extended_attributes() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    fs::create_dir(sandbox.source("directory")).unwrap();
    symlink("file", sandbox.source("link")).unwrap();
    if set_attribute(&sandbox.source("file"), "user.one", b"value").is_err() {
        return skip("there are no extended attributes here");
    }
    set_attribute(&sandbox.source("file"), "user.empty", b"").unwrap();
    set_attribute(&sandbox.source("file"), "user.binary", &bytes(1, 2000)).unwrap();
    set_attribute(&sandbox.source("directory"), "user.on-directory", b"\0\n\xff").unwrap();
    if is_root() {
        set_attribute(&sandbox.source("file"), "trusted.secret", b"value").unwrap();
        set_attribute(&sandbox.source("link"), "trusted.on-link", b"value").unwrap();
    }
    let after = round_trip(&sandbox);
    assert_eq!(after[b"file".as_slice()].attributes[b"user.one".as_slice()], b"value");
    // An attribute that is too much is taken away again.
    set_attribute(&sandbox.path("restored/file"), "user.more", b"x").unwrap();
    sandbox.restore("latest", "restored", &[]);
    assert_same(&after, &read(&sandbox.path("restored")));
}

/// Returns a raw access control list: version 2, then tag, permissions and id of each entry.
fn access_control_list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend_from_slice(&tag.to_le_bytes());
        list.extend_from_slice(&permissions.to_le_bytes());
        list.extend_from_slice(&id.to_le_bytes());
    }
    list
}

#[test]
fn access_control_lists() {
    const NO_ID: u32 = u32::MAX;
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    sandbox.write("directory/in-it", "x");
    // Owner, user 1234, owning group, group 99, mask, others.
    let list = access_control_list(&[
        (0x01, 7, NO_ID),
        (0x02, 6, 1234),
        (0x04, 5, NO_ID),
        (0x08, 4, 99),
        (0x10, 7, NO_ID),
        (0x20, 1, NO_ID),
    ]);
    let (file, directory) = (sandbox.source("file"), sandbox.source("directory"));
    if set_attribute(&file, "system.posix_acl_access", &list).is_err() {
        return skip("there are no access control lists here");
    }
    // A default list is inherited by what is made in the directory: restoring must not let it.
    set_attribute(&directory, "system.posix_acl_default", &list).unwrap();
    fs::create_dir(directory.join("inherits")).unwrap();
    let after = round_trip(&sandbox);
    let names = |path: &[u8]| after[path].attributes.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(b"file"), [b"system.posix_acl_access"]);
    assert_eq!(names(b"directory"), [b"system.posix_acl_default"]);
    assert_eq!(names(b"directory/in-it").len(), 0);
    assert_eq!(names(b"directory/inherits").len(), 2);
}

#[test]
fn capabilities() {
    if !needs_root() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("ping", "x");
    chown(sandbox.source("ping"), Some(12), Some(34)).unwrap();
    // cap_net_raw+ep, revision 2 of struct vfs_cap_data.
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    if set_attribute(&sandbox.source("ping"), "security.capability", &capability).is_err() {
        return skip("capabilities of files cannot be set here");
    }
    let after = round_trip(&sandbox);
    assert_eq!(after[b"ping".as_slice()].attributes[b"security.capability".as_slice()], capability);
}

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
    // In order, a directory's content comes before its neighbours with smaller bytes than the separator.
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

/// Makes directories one in the other, each through the one above it, with a file in the last.
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

/// Removes deep trees, for which paths are too long: brings each to the top first.
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
    // What is deep is removed, too.
    sandbox.run(&["backup", "source", "--exclude", "/d*/", "--exclude", "/e/"]).expect(0);
    sandbox.restore("latest", "restored", &["--delete"]);
    assert_eq!(read(&sandbox.path("restored")).len(), 2);
    remove_deep(&sandbox.source(""), &name);
    remove_deep(&sandbox.source(""), "e");
}

#[test]
fn a_flat_directory_of_many_entries() {
    const NUMBER: u64 = 20_000;
    let sandbox = Sandbox::in_memory();
    for number in 0..NUMBER {
        // A hard link is cheaper to make than a file, but a file is what is restored with more trouble.
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
        std::io::Read::read_exact(&mut file, &mut content).unwrap();
        assert_eq!(content, bytes(offset, size), "{name}");
    }
    sandbox.check_all_data();
}

/// Name, length, extents of data and allocated blocks of each file: reading gigabytes of holes takes too long.
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
    rustix::fs::mknodat(CWD, sandbox.source("pipe"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    fs::hard_link(sandbox.source("pipe"), sandbox.source("a/same-pipe")).unwrap();
    // One more name outside of the source is none that a restore could bring back.
    sandbox.write("linked-outside", "y");
    fs::hard_link(sandbox.source("linked-outside"), sandbox.path("outside")).unwrap();
    let after = round_trip(&sandbox);
    assert_eq!(after[b"z/third".as_slice()].first_link, b"a/second");
    assert_eq!(after[b"link".as_slice()].first_link, b"a/same-link");
    let backup = sandbox.backup(&["--level", "full"]);
    assert!(backup["bytes_read"].as_u64().unwrap() < 400_000, "each name was read: {backup:#}");
    // A link that is no more, and one that is new.
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
