use icecore_format::entry::{ChunkRef, Content};
use icecore_format::ids::ChunkId;

use super::*;

const STARTED: Time = Time { seconds: 1_000, nanoseconds: 0 };

fn file() -> Entry {
    let mut entry = Entry::new(b"a/file".to_vec(), EntryKind::File);
    entry.mode = 0o644;
    entry.size = 10;
    entry.inode = 7;
    entry.modified = Time { seconds: 100, nanoseconds: 5 };
    entry.changed = Time { seconds: 200, nanoseconds: 6 };
    entry.content = Content::Inline(vec![ChunkRef { id: ChunkId([1; ChunkId::BYTES]), length: 10 }]);
    entry
}

fn check(change: impl FnOnce(&mut Entry), expected: Need) {
    let mut found = file();
    change(&mut found);
    assert_eq!(need(&found, &file(), STARTED), expected);
}

#[test]
fn what_looks_the_same_is_not_read() {
    check(|_| {}, Need::Nothing);
}

#[test]
fn each_sign_of_new_content_is_heeded() {
    check(|entry| entry.size += 1, Need::Everything);
    check(|entry| entry.modified.nanoseconds += 1, Need::Everything);
    check(|entry| entry.inode += 1, Need::Everything);
    check(|entry| entry.kind = EntryKind::Symlink, Need::Everything);
}

#[test]
fn a_change_of_mode_or_owner_does_not_read_the_content() {
    check(
        |entry| {
            entry.mode = 0o600;
            entry.changed.seconds += 1;
        },
        Need::Attributes,
    );
    check(
        |entry| {
            entry.user_id = 5;
            entry.changed.seconds += 1;
        },
        Need::Attributes,
    );
}

#[test]
fn a_new_time_of_change_that_nothing_explains_has_the_file_read() {
    check(|entry| entry.changed.seconds += 1, Need::Everything);
}

#[test]
fn times_from_the_last_moments_before_the_base_prove_nothing() {
    let mut base = file();
    base.changed = Time { seconds: 1_000, nanoseconds: 1 };
    assert_eq!(need(&base.clone(), &base, STARTED), Need::Everything);
}

#[test]
fn what_the_base_could_not_read_properly_is_read_again() {
    let mut base = file();
    base.marks = Marks::CHANGED_WHILE_READ;
    let mut found = base.clone();
    found.marks = Marks::default();
    assert_eq!(need(&found, &base, STARTED), Need::Everything);
}

#[test]
fn directories_are_looked_at_again_when_their_time_of_change_is_new() {
    let mut base = Entry::new(b"a".to_vec(), EntryKind::Directory);
    base.changed = Time { seconds: 2_000, nanoseconds: 0 };
    assert_eq!(need(&base.clone(), &base, STARTED), Need::Nothing);
    let mut found = base.clone();
    found.changed.seconds += 1;
    assert_eq!(need(&found, &base, STARTED), Need::Everything);
}
