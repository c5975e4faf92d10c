use std::time::SystemTime;

use icecore_fixtures::snapshots::{completion, origin};
use icecore_format::{
    ids::PackName,
    layout::directory_key,
    snapshot::{SnapshotState, SnapshotStatistics},
};
use icecore_store::{ObjectInfo, Version};

use super::*;

/// Midnight of 1 November 2026 in UTC, in milliseconds.
const NOVEMBER: u64 = 1_793_491_200_000;

fn run_at(milliseconds: u64) -> RunId {
    RunId::new(milliseconds, [1; 10])
}

fn snapshot(milliseconds: u64) -> Snapshot {
    let run = run_at(milliseconds);
    let origin = icecore_format::snapshot::SnapshotOrigin { started: begin(run), ..origin(run) };
    let statistics = SnapshotStatistics { bytes_new: 10, bytes_stored: 4, ..SnapshotStatistics::default() };
    let completion = icecore_format::snapshot::Completion { statistics, ..completion() };
    Snapshot { origin, state: SnapshotState::Complete(completion) }
}

fn directory(run: RunId, number: u32, size: u64) -> ObjectInfo {
    let key = directory_key(PackName { run, number });
    ObjectInfo { key, size, version: Version("1".into()), modified: SystemTime::UNIX_EPOCH }
}

#[test]
fn months_are_those_of_the_time_zone() {
    let times = [NOVEMBER - 1000, NOVEMBER, NOVEMBER + 1000];
    let snapshots = times.map(snapshot);
    let packs = PackTable::of(&[directory(run_at(times[0]), 1, 5), directory(run_at(times[1]), 1, 7)]);
    let months = |hours, runs: Option<&HashSet<RunId>>| {
        let zone = TimeZone::fixed(jiff::tz::offset(hours));
        let months = by_month(&snapshots, &packs, runs, &zone).into_iter();
        let row = |month: MonthGrowth| {
            (month.month, month.snapshots, month.bytes_new, month.bytes_uploaded, month.packs.bytes)
        };
        months.map(row).collect::<Vec<_>>()
    };
    let both = vec![("2026-10".to_owned(), 1, 10, 4, 5), ("2026-11".to_owned(), 2, 20, 8, 7)];
    assert_eq!(months(0, None), both);
    assert_eq!(months(1, None), [("2026-11".to_owned(), 3, 30, 12, 12)]);
    let runs = HashSet::from([run_at(times[0])]);
    assert_eq!(months(0, Some(&runs))[1].4, 0);
}
