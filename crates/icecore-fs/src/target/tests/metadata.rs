use std::process::Command;

use super::*;
use crate::target::acl::{ACCESS_ACL, DEFAULT_ACL};
use crate::xattr::{AttributeOwner, object_path, read_attributes, write_attribute};

/// Tags of `linux/posix_acl.h`.
const USER_OBJECT: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJECT: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
const NO_ID: u32 = u32::MAX;

/// Builds a raw list from tags, permissions and ids.
fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

/// Owner rwx, user 12345 rwx, owning group nothing, mask rwx, others nothing: mode 770.
fn wide_acl() -> Vec<u8> {
    acl(&[
        (USER_OBJECT, 7, NO_ID),
        (USER, 7, 12345),
        (GROUP_OBJECT, 0, NO_ID),
        (MASK, 7, NO_ID),
        (OTHER, 0, NO_ID),
    ])
}

fn attributes_of(bed: &TargetBed, path: &str) -> ExtendedAttributes {
    let root = rustix::fs::open(bed.inside(""), OFlags::RDONLY, Mode::empty()).unwrap();
    let mut path = object_path(root.as_fd(), path.as_bytes()).unwrap();
    path = std::ffi::CString::new(path.into_bytes()).unwrap();
    let mut attributes = read_attributes(AttributeOwner::Path(&path)).unwrap().attributes;
    attributes.retain(|(name, _)| name != b"security.selinux");
    attributes
}

fn set_attribute(bed: &TargetBed, path: &str, name: &[u8], value: &[u8]) {
    let root = rustix::fs::open(bed.inside(""), OFlags::RDONLY, Mode::empty()).unwrap();
    let path = object_path(root.as_fd(), path.as_bytes()).unwrap();
    write_attribute(AttributeOwner::Path(&path), name, value).unwrap();
}

fn create(bed: &TargetBed, name: &str, kind: EntryKind) {
    let bytes = name.as_bytes();
    match kind {
        EntryKind::File => bed.write(name, b"content").unwrap(),
        EntryKind::Directory => {
            assert_eq!(bed.tree.create_directory(bytes).unwrap(), DirectoryOutcome::Created);
        }
        EntryKind::Symlink => bed.tree.create_symlink(bytes, b"nowhere").unwrap(),
        _ => assert!(bed.tree.create_special(bytes, kind, 0, 0o600).unwrap().is_none()),
    }
}

const KINDS: [EntryKind; 5] =
    [EntryKind::File, EntryKind::Directory, EntryKind::Symlink, EntryKind::Fifo, EntryKind::Socket];

#[test]
fn applies_modes_and_times_to_all_kinds() {
    let bed = TargetBed::new();
    let times = [(1_600_000_000, 999_999_999), (0, 1), (-1, 500_000_000), (-1_000_000_000, 123_456_789)];
    for (number, kind) in KINDS.into_iter().enumerate() {
        for (time, (seconds, nanoseconds)) in times.into_iter().enumerate() {
            for mode in [0o000, 0o444, 0o755, 0o1777, 0o4711, 0o2755] {
                let name = format!("{number}-{time}-{mode}");
                create(&bed, &name, kind);
                let wanted =
                    Metadata { modified: Timestamp { seconds, nanoseconds }, ..metadata(kind, mode) };
                bed.apply(&name, &wanted);
                let found = bed.tree.look_up(name.as_bytes()).unwrap().unwrap();
                assert_eq!((found.kind, found.modified), (kind, wanted.modified));
                if kind != EntryKind::Symlink {
                    assert_eq!(found.mode, mode, "{kind:?}");
                }
                assert!(bed.tree.remove_tree(name.as_bytes()).unwrap());
            }
        }
    }
}

#[test]
fn files_get_everything_before_they_get_their_name() {
    let bed = TargetBed::new();
    for mode in [0o644, 0o4755, 0o2711, 0o1600, 0o000] {
        let file = bed.tree.create_file(b"file", 0).unwrap();
        file.write_at(0, b"content").unwrap();
        let attributes = vec![(b"user.a".to_vec(), b"1".to_vec()), (b"user.empty".to_vec(), Vec::new())];
        let wanted = metadata(EntryKind::File, mode);
        let warnings = file.finish(&wanted, &attributes, &ApplyOptions::default()).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let found = bed.tree.look_up(b"file").unwrap().unwrap();
        assert_eq!((found.mode, found.modified), (mode, wanted.modified));
        // Users may read the attributes only of readable objects.
        if is_root() || mode & 0o400 != 0 {
            assert_eq!(attributes_of(&bed, "file"), attributes);
        }
    }
    let file = bed.tree.create_file(b"file", 0).unwrap();
    let wanted = metadata(EntryKind::Symlink, 0o644);
    assert!(file.finish(&wanted, &Vec::new(), &ApplyOptions::default()).is_err());
}

#[test]
fn applies_to_the_target_itself() {
    let bed = TargetBed::new();
    bed.apply("", &metadata(EntryKind::Directory, 0o751));
    let found = bed.tree.look_up(b"").unwrap().unwrap();
    assert_eq!(
        (found.kind, found.mode, found.modified.seconds),
        (EntryKind::Directory, 0o751, 1_000_000_000)
    );
}

#[test]
fn refuses_another_kind_and_reports_what_cannot_be() {
    let bed = TargetBed::new();
    bed.write("file", b"").unwrap();
    let options = ApplyOptions::default();
    for kind in KINDS.into_iter().filter(|kind| *kind != EntryKind::File) {
        assert!(bed.tree.apply_metadata(b"file", &metadata(kind, 0o700), &Vec::new(), &options).is_err());
    }
    let wanted = metadata(EntryKind::File, 0o700);
    assert!(bed.tree.apply_metadata(b"missing", &wanted, &Vec::new(), &options).unwrap_err().is_not_found());

    // Values in damaged or hostile metadata: `UTIME_NOW`, and the id that means "unchanged".
    let wanted = Metadata {
        modified: Timestamp { seconds: 0, nanoseconds: 0x3fff_ffff },
        user_id: u32::MAX,
        ..metadata(EntryKind::File, 0o640)
    };
    let attributes = vec![(b"nonsense".to_vec(), b"1".to_vec()), (b"user.good".to_vec(), b"2".to_vec())];
    let warnings = bed.tree.apply_metadata(b"file", &wanted, &attributes, &options).unwrap();
    let aspects: Vec<_> = warnings.iter().map(|warning| warning.aspect.clone()).collect();
    assert_eq!(
        aspects,
        [AppliedAspect::Owner, AppliedAspect::ExtendedAttribute(b"nonsense".to_vec()), AppliedAspect::Times]
    );
    assert_eq!(warnings[0].path, b"file");
    let found = bed.tree.look_up(b"file").unwrap().unwrap();
    assert_eq!(found.mode, 0o640);
    assert_eq!(attributes_of(&bed, "file"), [(b"user.good".to_vec(), b"2".to_vec())]);
}

#[test]
fn applies_only_what_is_asked_for() {
    let bed = TargetBed::new();
    bed.write("file", b"").unwrap();
    set_attribute(&bed, "file", b"user.kept", b"1");
    let before = bed.tree.look_up(b"file").unwrap().unwrap();
    let options = ApplyOptions {
        owner: OwnerChoice::Unchanged,
        mode: false,
        times: false,
        extended_attributes: false,
        keep_attributes: false,
        clear_flags: false,
    };
    let wanted =
        Metadata { user_id: 4711, modified: Timestamp::default(), ..metadata(EntryKind::File, 0o4777) };
    let attributes = vec![(b"user.new".to_vec(), Vec::new())];
    assert!(bed.tree.apply_metadata(b"file", &wanted, &attributes, &options).unwrap().is_empty());
    let after = bed.tree.look_up(b"file").unwrap().unwrap();
    assert_eq!((before.mode, before.user_id, before.modified), (after.mode, after.user_id, after.modified));
    assert_eq!(attributes_of(&bed, "file"), [(b"user.kept".to_vec(), b"1".to_vec())]);

    // If the attributes of an object are only partly known, existing ones are kept.
    let known_in_part = ApplyOptions { extended_attributes: true, keep_attributes: true, ..options };
    assert!(bed.tree.apply_metadata(b"file", &wanted, &attributes, &known_in_part).unwrap().is_empty());
    assert_eq!(
        attributes_of(&bed, "file"),
        [(b"user.kept".to_vec(), b"1".to_vec()), (b"user.new".to_vec(), Vec::new())]
    );

    // Setuid is meant for the former owner of the file, not for the user who restores it.
    let options = ApplyOptions { owner: OwnerChoice::Unchanged, ..ApplyOptions::default() };
    let warnings = bed.tree.apply_metadata(b"file", &wanted, &attributes, &options).unwrap();
    assert_eq!(
        warnings.iter().map(|warning| &warning.aspect).collect::<Vec<_>>(),
        [&AppliedAspect::SetIdBits]
    );
    assert_eq!(bed.tree.look_up(b"file").unwrap().unwrap().mode, 0o777);
}

#[test]
fn replaces_unwanted_attributes() {
    let bed = TargetBed::new();
    for kind in [EntryKind::File, EntryKind::Directory] {
        let name = format!("{kind:?}");
        create(&bed, &name, kind);
        set_attribute(&bed, &name, b"user.unwanted", b"1");
        set_attribute(&bed, &name, b"user.changed", b"1");
        set_attribute(&bed, &name, b"user.same", b"1");
        set_attribute(&bed, &name, ACCESS_ACL, &wide_acl());
        let mut attributes = vec![
            (b"user.changed".to_vec(), vec![0; 1000]),
            (b"user.new".to_vec(), b"\0\xff".to_vec()),
            (b"user.same".to_vec(), b"1".to_vec()),
        ];
        if is_root() {
            attributes.insert(0, (b"trusted.new".to_vec(), b"t".to_vec()));
        }
        bed.apply_with_attributes(&name, &metadata(kind, 0o750), &attributes);
        assert_eq!(attributes_of(&bed, &name), attributes);
        assert_eq!(bed.tree.look_up(name.as_bytes()).unwrap().unwrap().mode, 0o750);
    }
}

#[test]
fn access_control_lists_make_the_round_trip() {
    let bed = TargetBed::new();
    let list = wide_acl();
    for kind in [EntryKind::File, EntryKind::Directory, EntryKind::Fifo] {
        let name = format!("{kind:?}");
        create(&bed, &name, kind);
        let mut attributes = vec![(ACCESS_ACL.to_vec(), list.clone())];
        if kind == EntryKind::Directory {
            attributes.push((DEFAULT_ACL.to_vec(), list.clone()));
        }
        // The second time, the list exists already.
        for _ in 0..2 {
            bed.apply_with_attributes(&name, &metadata(kind, 0o770), &attributes);
            assert_eq!(attributes_of(&bed, &name), attributes);
            assert_eq!(bed.tree.look_up(name.as_bytes()).unwrap().unwrap().mode, 0o770);
        }
    }
    if let Ok(output) = Command::new("getfacl").arg("-nc").arg(bed.inside("File")).output() {
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("user:12345:rwx") && text.contains("group::---"), "{text}");
    }
    // If the system rejects a list, the group must not keep the permissions of its mask.
    bed.write("plain", b"").unwrap();
    let broken = acl(&[(USER_OBJECT, 7, NO_ID), (GROUP_OBJECT, 4, NO_ID), (MASK, 7, NO_ID)]);
    for (list, mode) in [(broken, 0o740), (b"nonsense".to_vec(), 0o700)] {
        let warnings = bed
            .tree
            .apply_metadata(
                b"plain",
                &metadata(EntryKind::File, 0o770),
                &vec![(ACCESS_ACL.to_vec(), list)],
                &ApplyOptions::default(),
            )
            .unwrap();
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].aspect, AppliedAspect::AccessControlList);
        assert_eq!(bed.tree.look_up(b"plain").unwrap().unwrap().mode, mode);
    }
}

#[test]
fn nothing_is_inherited_from_the_directory() {
    let bed = TargetBed::new();
    fs::create_dir(bed.inside("directory")).unwrap();
    set_attribute(&bed, "directory", DEFAULT_ACL, &wide_acl());
    fs::write(bed.inside("directory/proof"), "").unwrap();
    assert!(!attributes_of(&bed, "directory/proof").is_empty());

    for mode in [0o640, 0o600] {
        let file = bed.tree.create_file(b"directory/file", 0).unwrap();
        file.finish(&metadata(EntryKind::File, mode), &Vec::new(), &ApplyOptions::default()).unwrap();
        assert_eq!(attributes_of(&bed, "directory/file"), []);
        assert_eq!(bed.tree.look_up(b"directory/file").unwrap().unwrap().mode, mode);
    }
    for kind in [EntryKind::Directory, EntryKind::Fifo] {
        let name = format!("directory/{kind:?}");
        create(&bed, &name, kind);
        bed.apply(&name, &metadata(kind, 0o640));
        assert_eq!(attributes_of(&bed, &name), []);
        assert_eq!(bed.tree.look_up(name.as_bytes()).unwrap().unwrap().mode, 0o640);
    }
    // The list is removed and set again: files created afterwards are checked accordingly.
    bed.apply("directory", &metadata(EntryKind::Directory, 0o755));
    bed.write("directory/file", b"").unwrap();
    let attributes = vec![(DEFAULT_ACL.to_vec(), wide_acl())];
    bed.apply_with_attributes("directory", &metadata(EntryKind::Directory, 0o755), &attributes);
    bed.write("directory/file", b"").unwrap();
    assert_eq!(attributes_of(&bed, "directory/file"), []);
}

#[test]
fn privileged_users_restore_owners_and_capabilities() {
    if !is_root() {
        return;
    }
    let bed = TargetBed::new();
    // `cap_net_raw+ep`, version 2.
    let capability = [0x01, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
    for kind in KINDS {
        let name = format!("{kind:?}");
        create(&bed, &name, kind);
        let wanted = Metadata { user_id: 1234, group_id: 5678, ..metadata(kind, 0o6755) };
        let mut attributes = vec![(b"trusted.any".to_vec(), b"value".to_vec())];
        if kind == EntryKind::File {
            attributes.insert(0, (b"security.capability".to_vec(), capability.clone()));
        }
        bed.apply_with_attributes(&name, &wanted, &attributes);
        let found = bed.tree.look_up(name.as_bytes()).unwrap().unwrap();
        assert_eq!((found.user_id, found.group_id, found.modified), (1234, 5678, wanted.modified));
        if kind != EntryKind::Symlink {
            assert_eq!(found.mode, 0o6755);
        }
        assert_eq!(attributes_of(&bed, &name), attributes);

        let options =
            ApplyOptions { owner: OwnerChoice::Fixed { user_id: 1, group_id: 2 }, ..ApplyOptions::default() };
        let warnings = bed.tree.apply_metadata(name.as_bytes(), &wanted, &Vec::new(), &options).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let found = bed.tree.look_up(name.as_bytes()).unwrap().unwrap();
        assert_eq!((found.user_id, found.group_id), (1, 2));
    }
    let file = bed.tree.create_file(b"file", 0).unwrap();
    let wanted = Metadata { user_id: 1234, group_id: 5678, ..metadata(EntryKind::File, 0o6755) };
    let attributes = vec![(b"security.capability".to_vec(), capability)];
    assert!(file.finish(&wanted, &attributes, &ApplyOptions::default()).unwrap().is_empty());
    let found = bed.tree.look_up(b"file").unwrap().unwrap();
    assert_eq!((found.user_id, found.group_id, found.mode), (1234, 5678, 0o6755));
    assert_eq!(attributes_of(&bed, "file"), attributes);
}
