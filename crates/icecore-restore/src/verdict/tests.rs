use icecore_format::entry::{Entry, EntryKind, Time};
use icecore_fs::entry::Metadata;

use super::Verdict;
use crate::{candidate::Candidate, comparison::Comparison};

fn candidate(kind: EntryKind, change: impl FnOnce(&mut Entry)) -> Candidate {
    let mut entry = Entry::new(b"a".to_vec(), kind);
    entry.modified = Time { seconds: 5, nanoseconds: 6 };
    change(&mut entry);
    Candidate::for_tests(entry)
}

fn found(candidate: &Candidate, change: impl FnOnce(&mut Metadata)) -> Metadata {
    let mut found = candidate.metadata();
    found.size += candidate.entry.target.len() as u64;
    change(&mut found);
    found
}

const TIMES: Comparison = Comparison::Times;

#[track_caller]
fn check(
    candidate: &Candidate,
    change: impl FnOnce(&mut Metadata),
    comparison: Comparison,
    expected: Verdict,
) {
    assert_eq!(candidate.judge(Some(&found(candidate, change)), comparison), expected);
}

#[test]
fn files_are_right_by_size_and_time_only_if_times_are_trusted() {
    let file = candidate(EntryKind::File, |entry| entry.size = 10);
    assert_eq!(file.judge(None, TIMES), Verdict::Create);
    check(&file, |_| {}, TIMES, Verdict::Right { time: true });
    check(&file, |found| found.mode = 0o777, TIMES, Verdict::Right { time: true });
    let compare = Verdict::Compare { replace: false };
    check(&file, |_| {}, Comparison::Content, compare);
    check(&file, |found| found.size = 11, TIMES, compare);
    check(&file, |found| found.modified.nanoseconds = 7, TIMES, compare);
    check(&file, |found| found.kind = icecore_fs::entry::EntryKind::Directory, TIMES, Verdict::Directory);
    let replace = Verdict::Replace { other_kind: true };
    check(&file, |found| found.kind = icecore_fs::entry::EntryKind::Symlink, TIMES, replace);
}

#[test]
fn content_that_is_known_to_differ_is_not_right_by_size_and_time() {
    let mut file = candidate(EntryKind::File, |_| {});
    file.is_changed = true;
    check(&file, |_| {}, TIMES, Verdict::Compare { replace: false });
}

#[test]
fn a_link_that_the_snapshot_does_not_know_is_broken() {
    let file = candidate(EntryKind::File, |_| {});
    check(&file, |found| found.links = 2, TIMES, Verdict::Compare { replace: true });
    let linked = candidate(EntryKind::File, |entry| entry.link_device = Some(0));
    check(&linked, |found| found.links = 2, TIMES, Verdict::Right { time: true });
}

#[test]
fn other_kinds_are_compared_by_what_they_have() {
    let replace = Verdict::Replace { other_kind: false };
    let symlink = candidate(EntryKind::Symlink, |entry| entry.target = b"there".to_vec());
    check(&symlink, |_| {}, TIMES, Verdict::Right { time: true });
    check(&symlink, |_| {}, Comparison::Content, Verdict::Right { time: true });
    check(&symlink, |found| found.size = 4, TIMES, replace);
    let fifo = candidate(EntryKind::Fifo, |_| {});
    check(&fifo, |found| found.modified.seconds = 4, TIMES, Verdict::Right { time: false });
    let device = candidate(EntryKind::CharacterDevice, |entry| entry.special_device = 5);
    check(&device, |found| found.special_device = 6, TIMES, replace);
}
