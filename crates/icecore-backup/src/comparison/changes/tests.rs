use icecore_format::entry::{ChunkRef, Content};
use icecore_format::ids::ChunkId;

use icecore_format::entry::Marks;

use super::*;

const STARTED: Time = Time { seconds: 1_000, nanoseconds: 0 };
const FINISHED: Time = Time { seconds: 1_010, nanoseconds: 0 };
const NOW: Time = Time { seconds: 2_000, nanoseconds: 0 };

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

fn rules() -> Rules {
    Rules { base_started: STARTED, base_finished: FINISHED, started: NOW, ..Rules::default() }
}

fn need(found: &Entry, base: &Entry, base_started: Time) -> Need {
    Rules { base_started, ..rules() }.need(found, base)
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

/// Returns whether a file that changed at this time is read again although it looks the same.
fn is_read_again(seconds: i64, nanoseconds: u32) -> bool {
    let mut base = file();
    base.changed = Time { seconds, nanoseconds };
    base.modified = base.changed;
    need(&base.clone(), &base, STARTED) == Need::Everything
}

#[test]
fn times_that_are_coarse_are_doubted_for_as_long_as_they_are_coarse() {
    assert!(is_read_again(999, 0), "a second that the base began in");
    assert!(is_read_again(998, 0), "even seconds");
    assert!(!is_read_again(997, 0));
    assert!(is_read_again(999, 900_000_000), "tenths of a second");
    assert!(!is_read_again(999, 800_000_000));
    assert!(is_read_again(999, 995_123_456), "the tick of the clock before");
    assert!(!is_read_again(999, 985_123_456), "a file system with nanoseconds");
}

#[test]
fn times_in_the_future_are_believed_after_a_second_reading() {
    for (changed, modified) in [(9_000, 100), (200, 9_000), (9_000, 9_000)] {
        let mut base = file();
        (base.changed.seconds, base.modified.seconds) = (changed, modified);
        let found = base.clone();
        assert_eq!(rules().need(&found, &base), Need::Everything);
        assert!(rules().is_second_reading(&found, &base));
        base.marks = Marks::READ_TWICE;
        assert_eq!(rules().need(&found, &base), Need::Nothing);
        for change in [
            (|entry: &mut Entry| entry.changed.seconds = 1_500) as fn(&mut Entry),
            |entry| entry.modified.seconds = 1_500,
            |entry| entry.size += 1,
        ] {
            let mut found = found.clone();
            change(&mut found);
            assert_eq!(rules().need(&found, &base), Need::Everything);
            assert!(!rules().is_second_reading(&found, &base));
        }
    }
}

#[test]
fn a_reading_proves_nothing_as_long_as_the_clock_of_the_files_may_stand_still() {
    let mut base = file();
    base.changed = Time { seconds: 9_000, nanoseconds: 0 };
    let soon = Rules { started: Time { seconds: 1_011, nanoseconds: 0 }, ..rules() };
    assert!(!soon.is_second_reading(&base.clone(), &base), "two seconds after the base");
    base.changed.nanoseconds = 5;
    assert!(soon.is_second_reading(&base.clone(), &base));
    let present = file();
    assert!(!rules().is_second_reading(&present.clone(), &present));
}

#[test]
fn changes_of_status_can_be_ignored() {
    let ignoring = |changed, inode| Rules { ignored: IgnoredChanges { changed, inode }, ..rules() };
    let (changed, inode, both) = (ignoring(true, false), ignoring(false, true), ignoring(true, true));
    let mut found = file();
    found.changed.seconds += 1;
    assert_eq!(changed.need(&found, &file()), Need::Attributes);
    assert_eq!(inode.need(&found, &file()), Need::Everything);
    found.inode += 1;
    assert_eq!(changed.need(&found, &file()), Need::Everything);
    assert_eq!(both.need(&found, &file()), Need::Attributes);
    found.changed = file().changed;
    assert_eq!(inode.need(&found, &file()), Need::Attributes);
    found.modified.seconds += 1;
    assert_eq!(both.need(&found, &file()), Need::Everything);
    let mut base = file();
    base.changed = Time { seconds: 1_500, nanoseconds: 7 };
    assert_eq!(changed.need(&base.clone(), &base), Need::Nothing, "only the other time counts");
}
#[test]
fn a_directory_keeps_the_mark_that_it_has_now() {
    let mut base = Entry::new(b"a".to_vec(), EntryKind::Directory);
    for marks in [Marks::UNREADABLE, Marks::NOT_ENTERED, Marks::CACHE_LEFT_OUT] {
        base.marks = Marks::default();
        let found = Entry { marks, ..base.clone() };
        assert_eq!(need(&found, &base, STARTED), Need::Everything, "it has lost its content");
        assert_eq!(need(&base.clone(), &found, STARTED), Need::Everything, "it can be looked into again");
        assert_eq!(need(&found.clone(), &found, STARTED), Need::Nothing);
    }
}
