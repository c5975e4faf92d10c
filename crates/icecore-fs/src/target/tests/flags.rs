//! Inode flags (`chattr`), and values that the file system does not keep.

use super::*;
use crate::flags;

/// Returns whether the file system supports flags, and the user may set them.
fn has_flags(bed: &TargetBed) -> bool {
    fs::write(bed.inside("probe"), b"").unwrap();
    let probe = fs::File::open(bed.inside("probe")).unwrap();
    let has = flags::change(&probe, flags::IMMUTABLE, 0).is_ok();
    if has {
        flags::change(&probe, 0, flags::IMMUTABLE).unwrap();
    } else {
        println!("SKIPPED: no flags here, or no right to set them");
    }
    has
}

fn flagged(kind: EntryKind, mode: u32, inode_flags: u32) -> Metadata {
    Metadata { inode_flags, ..metadata(kind, mode) }
}

fn found(bed: &TargetBed, path: &str) -> u32 {
    bed.tree.look_up(path.as_bytes()).unwrap().unwrap().inode_flags
}

fn clear(bed: &TargetBed, path: &str) {
    flags::change(fs::File::open(bed.inside(path)).unwrap(), 0, flags::PROTECTING).unwrap();
}

fn write(bed: &TargetBed, path: &str, content: &[u8], metadata: &Metadata) {
    let file = bed.tree.create_file(path.as_bytes(), 0).unwrap();
    file.write_at(0, content).unwrap();
    let warnings = file.finish(metadata, &Vec::new(), &ApplyOptions::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn flags_are_set_last_and_do_not_stop_the_next_restore() {
    let bed = TargetBed::new();
    if !has_flags(&bed) {
        return;
    }
    bed.tree.create_directory(b"d").unwrap();
    let (immutable, append_only) = (flags::IMMUTABLE | flags::NO_DUMP, flags::APPEND_ONLY);
    write(&bed, "d/i", b"1", &flagged(EntryKind::File, 0o640, immutable));
    write(&bed, "d/a", b"2", &flagged(EntryKind::File, 0o640, append_only));
    bed.tree.create_hard_link(b"d/i", b"d/link").unwrap();
    bed.apply("d", &flagged(EntryKind::Directory, 0o750, flags::IMMUTABLE));
    assert_eq!((found(&bed, "d/i"), found(&bed, "d/a")), (immutable, append_only));
    assert_eq!((found(&bed, "d"), found(&bed, "d/link")), (flags::IMMUTABLE, immutable));
    // Other content, mode and names, over objects that forbid all of them.
    write(&bed, "d/i", b"3", &flagged(EntryKind::File, 0o600, flags::IMMUTABLE));
    bed.apply("d/a", &flagged(EntryKind::File, 0o600, 0));
    bed.apply("d", &flagged(EntryKind::Directory, 0o755, flags::APPEND_ONLY));
    write(&bed, "d/new", b"4", &metadata(EntryKind::File, 0o600));
    assert_eq!(fs::read(bed.inside("d/i")).unwrap(), b"3");
    assert_eq!((found(&bed, "d/i"), found(&bed, "d/a")), (flags::IMMUTABLE, 0));
    for path in ["d", "d/i", "d/link"] {
        clear(&bed, path);
    }
}

#[test]
fn what_is_right_keeps_its_flags_untouched() {
    let bed = TargetBed::new();
    if !has_flags(&bed) {
        return;
    }
    let wanted = flagged(EntryKind::File, 0o640, flags::IMMUTABLE);
    write(&bed, "a", b"1", &wanted);
    let before = bed.tree.look_up(b"a").unwrap().unwrap().changed;
    bed.apply("a", &wanted);
    assert_eq!(bed.tree.look_up(b"a").unwrap().unwrap().changed, before);
    // If flags were not recorded, existing ones are kept.
    let options = ApplyOptions { clear_flags: false, ..ApplyOptions::default() };
    let other = metadata(EntryKind::File, 0o600);
    assert!(bed.tree.apply_metadata(b"a", &other, &Vec::new(), &options).unwrap().is_empty());
    assert_eq!(found(&bed, "a"), flags::IMMUTABLE);
    clear(&bed, "a");
}

#[test]
fn the_flags_of_a_target_that_is_kept_stay() {
    let bed = TargetBed::new();
    if !has_flags(&bed) {
        return;
    }
    bed.apply("", &flagged(EntryKind::Directory, 0o755, flags::IMMUTABLE));
    bed.tree.keep_root_flags();
    let error = bed.tree.create_file(b"new", 0).unwrap_err();
    assert!(error.is_permission_denied(), "{error:?}");
    assert_eq!(found(&bed, ""), flags::IMMUTABLE);
    clear(&bed, "");
}

#[test]
fn a_time_that_the_file_system_clips_is_said() {
    let bed = TargetBed::new();
    // No file system of Linux keeps a time before the year 1.
    let wanted = Metadata {
        modified: Timestamp { seconds: -70_000_000_000, nanoseconds: 0 },
        ..metadata(EntryKind::File, 0o640)
    };
    let file = bed.tree.create_file(b"a", 0).unwrap();
    let warnings = file.finish(&wanted, &Vec::new(), &ApplyOptions::default()).unwrap();
    if bed.tree.look_up(b"a").unwrap().unwrap().modified == wanted.modified {
        println!("SKIPPED: the file system keeps all times");
        return;
    }
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].aspect, AppliedAspect::Times);
    assert!(warnings[0].source.to_string().contains("outside the range"), "{warnings:?}");
}

#[test]
fn holes_are_found_made_and_filled() {
    let bed = TargetBed::new();
    fs::write(bed.inside("a"), vec![0; 256 << 10]).unwrap();
    let existing = bed.tree.open_existing_for_compare(b"a").unwrap().unwrap();
    assert_eq!(existing.next_data(0, 256 << 10).unwrap(), Some((0, 256 << 10)));
    let file = bed.tree.open_for_holes(&existing).unwrap().unwrap();
    assert!(file.punch(64 << 10, 128 << 10).unwrap());
    assert_eq!(existing.next_data(64 << 10, 128 << 10).unwrap(), None);
    assert_eq!(existing.next_data(64 << 10, 256 << 10).unwrap(), Some((128 << 10, 256 << 10)));
    file.fill(64 << 10, 128 << 10).unwrap();
    assert_eq!(existing.next_data(64 << 10, 128 << 10).unwrap(), Some((64 << 10, 128 << 10)));
    // Less than a block stays unchanged, and so does another file with the same name.
    assert!(file.punch(1, 100).unwrap());
    fs::remove_file(bed.inside("a")).unwrap();
    fs::write(bed.inside("a"), b"other").unwrap();
    assert!(bed.tree.open_for_holes(&existing).unwrap().is_none());
}

#[test]
fn a_directory_loses_at_once_what_it_will_not_have() {
    let bed = TargetBed::new();
    bed.tree.create_directory(b"d").unwrap();
    let set = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(bed.inside("d"), permissions).unwrap();
    };
    let mode = || bed.tree.look_up(b"d").unwrap().unwrap().mode;
    let options = ApplyOptions::default();
    let restrict = |wanted: &Metadata| {
        bed.tree.make_private(b"d", wanted, &Vec::new(), &options).unwrap();
    };
    set(0o755);
    restrict(&metadata(EntryKind::Directory, 0o700));
    assert_eq!(mode(), 0o700);
    set(0o755);
    restrict(&metadata(EntryKind::Directory, 0o777));
    assert_eq!(mode(), 0o755, "it becomes open only in the end");
    if is_root() {
        // The group's permissions were for another group.
        restrict(&Metadata { group_id: 1234, ..metadata(EntryKind::Directory, 0o775) });
        let found = bed.tree.look_up(b"d").unwrap().unwrap();
        assert_eq!((found.mode, found.group_id), (0o705, 1234));
    }
}
