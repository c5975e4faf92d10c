//! Modes, owners, times, attributes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown, lchown, symlink},
};

use super::{needs_root, round_trip, set_attribute, set_time};
use crate::harness::{Sandbox, assert_same, bytes, is_root, read, skip};

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
    // Changing the owner clears these bits, so the order of restoring matters.
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
    // An extra attribute is removed.
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
    // New objects inherit the default list of their directory: a restore must prevent this.
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
