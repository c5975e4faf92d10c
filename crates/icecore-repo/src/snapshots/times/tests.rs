use icecore_fixtures::snapshots;
use icecore_format::{
    entry::Time,
    snapshot::{Completion, Level, SnapshotIdentity, SnapshotOrigin, SnapshotState},
};

use super::*;

const DAY: i64 = 86_400;

/// Makes a complete snapshot with this number in the order and this start time on the clock.
fn snapshot(sequence: u8, started: i64) -> Snapshot {
    let mut run = [sequence; 16];
    // Names of runs begin with the time.
    run[..8].copy_from_slice(&started.to_be_bytes());
    let run = RunId(run);
    let started = Time { seconds: started, nanoseconds: 0 };
    let (level, sequence) = (Level::Incremental, sequence.into());
    let origin = SnapshotOrigin { started, level, sequence, ..snapshots::origin(run) };
    let completion = Completion { finished: started, ..snapshots::completion() };
    Snapshot { origin, state: SnapshotState::Complete(completion) }
}

/// Makes a list of snapshots that were made in this order; `written` has the times of the store.
fn list(started: &[i64], written: &[i64]) -> SnapshotList {
    let snapshots: Vec<Snapshot> =
        started.iter().enumerate().map(|(index, started)| snapshot(index as u8 + 1, *started)).collect();
    let runs: Vec<RunId> = snapshots.iter().map(|snapshot| snapshot.origin.run).collect();
    let mut list = SnapshotList::of(snapshots);
    let times = written.iter().map(|seconds| Time { seconds: *seconds, nanoseconds: 0 });
    list.written = runs.into_iter().zip(times).collect();
    list
}

/// Returns the numbers of the snapshots whose times are doubtful, and how.
fn doubtful(list: &SnapshotList) -> Vec<(u64, ClockError)> {
    let found = list.doubtful_times();
    let number = |run: &RunId| list.by_run(*run).unwrap().origin.sequence;
    let mut found: Vec<_> = found.iter().map(|(run, error)| (number(run), *error)).collect();
    found.sort_by_key(|(number, _)| *number);
    found
}

use ClockError::{Ahead, Behind};

#[test]
fn times_that_rise_are_not_doubtful() {
    assert_eq!(doubtful(&list(&[], &[])), []);
    assert_eq!(doubtful(&list(&[10, 20, 30], &[11, 21, 31])), []);
    // A clock may be adjusted by a minute, and two snapshots may have the same time.
    assert_eq!(doubtful(&list(&[100, 40, 40, 200], &[])), []);
}

#[test]
fn one_wrong_time_is_found_among_right_ones() {
    assert_eq!(doubtful(&list(&[DAY, 9 * DAY, 2 * DAY, 3 * DAY], &[])), [(2, Ahead)]);
    assert_eq!(doubtful(&list(&[5 * DAY, 6 * DAY, DAY, 7 * DAY], &[])), [(3, Behind)]);
    assert_eq!(doubtful(&list(&[DAY, 9 * DAY, 2 * DAY], &[])), [(2, Ahead)]);
    assert_eq!(doubtful(&list(&[5 * DAY, DAY, 7 * DAY], &[])), [(2, Behind)]);
    // If the numbers alone do not decide, the store's times do.
    assert_eq!(doubtful(&list(&[5 * DAY, DAY], &[5 * DAY, 6 * DAY])), [(2, Behind)]);
    assert_eq!(doubtful(&list(&[5 * DAY, 0, 6 * DAY], &[5 * DAY, 5 * DAY, 6 * DAY])), [(2, Behind)]);
}

#[test]
fn what_is_later_than_the_store_is_ahead() {
    assert_eq!(doubtful(&list(&[DAY, 9 * DAY], &[DAY, 2 * DAY])), [(2, Ahead)]);
    // A copy, or a snapshot that a repair has changed, was written long after it was made.
    assert_eq!(doubtful(&list(&[DAY, 2 * DAY], &[30 * DAY, 30 * DAY])), []);
}

#[test]
fn each_host_and_each_origin_of_copies_has_its_own_line() {
    let mut other = snapshot(2, DAY);
    other.origin.host = "other".into();
    assert_eq!(doubtful(&SnapshotList::of(vec![snapshot(1, 9 * DAY), other])), []);
    let mut copy = snapshot(2, DAY);
    copy.origin.copy_of = Some(SnapshotIdentity { repository: RepositoryId([7; 16]), run: copy.origin.run });
    assert_eq!(doubtful(&SnapshotList::of(vec![snapshot(1, 9 * DAY), copy])), []);
}

#[test]
fn long_histories_are_compared_quickly() {
    let started: Vec<i64> =
        (0..200).map(|number| if number == 77 { 0 } else { (number + 10) * DAY }).collect();
    assert_eq!(doubtful(&list(&started, &[])), [(78, Behind)]);
}

#[test]
fn absurd_times_do_no_harm() {
    let found = doubtful(&list(&[i64::MAX, i64::MIN, 5, i64::MAX, 6], &[i64::MIN, i64::MAX, 5, 5, 6]));
    assert!(found.iter().all(|(number, _)| [1, 2, 4].contains(number)), "{found:?}");
}
