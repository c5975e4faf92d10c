use icecore_format::entry::{Entry, EntryKind, Marks, Time};

use super::{Comparison, earlier};
use crate::candidate::timestamp;

const CHANGED: Time = Time { seconds: 100, nanoseconds: 7 };

fn entry() -> Entry {
    let mut entry = Entry::new(b"a".to_vec(), EntryKind::File);
    (entry.inode, entry.changed) = (5, CHANGED);
    entry
}

fn trusts(change: impl FnOnce(&mut Entry), before: Time) -> bool {
    let found = crate::candidate::Candidate::for_tests(entry()).metadata();
    assert_eq!((found.inode, found.changed), (5, timestamp(CHANGED)));
    let mut entry = entry();
    change(&mut entry);
    Comparison::Source { before }.trusts(&entry, &found)
}

#[test]
fn only_the_unchanged_file_of_the_source_is_trusted() {
    let before = Time { seconds: 101, nanoseconds: 0 };
    assert!(trusts(|_| {}, before));
    assert!(!trusts(|entry| entry.inode = 6, before));
    assert!(!trusts(|entry| entry.changed.nanoseconds = 8, before));
    assert!(!trusts(|entry| entry.marks = Marks::CHANGED_WHILE_READ, before));
    // It changed so late that it may have changed again without a new time.
    assert!(!trusts(|_| {}, CHANGED));
}

#[test]
fn times_are_subtracted_across_seconds() {
    let time = Time { seconds: 10, nanoseconds: 5 };
    assert_eq!(earlier(time, 2_000_000_000), Time { seconds: 8, nanoseconds: 5 });
    assert_eq!(earlier(time, 6), Time { seconds: 9, nanoseconds: 999_999_999 });
    assert!(earlier(time, u64::MAX) < time);
}
