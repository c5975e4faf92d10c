//! Snapshots as values.

use std::collections::BTreeMap;

use icecore_format::{
    entry::Time,
    ids::{ChunkId, RunId},
    node::Totals,
    snapshot::{Completion, DedupScope, Level, Snapshot, SnapshotOrigin, SnapshotState, SnapshotStatistics},
};

/// Makes a snapshot whose run has `id` in each of its random bytes and was started so many seconds after 1970.
///
/// # Panics
///
/// If the time is before 1970.
pub fn snapshot(source: &str, host: &str, id: u8, seconds: i64, is_complete: bool) -> Snapshot {
    let milliseconds = u64::try_from(seconds).unwrap() * 1000;
    let run = RunId::new(milliseconds, [id; 10]);
    let completion = Completion {
        finished: Time { seconds: seconds + 5, nanoseconds: 0 },
        root_node: ChunkId([0; ChunkId::BYTES]),
        root_level: 0,
        totals: Totals::default(),
        errors: 0,
        condemned_epoch: 0,
        statistics: SnapshotStatistics::default(),
        damage: None,
        left_out: None,
        time_granularity: 0,
    };
    let state = if is_complete {
        SnapshotState::Complete(completion)
    } else {
        SnapshotState::Pending { refreshed: Time::default() }
    };
    let origin = SnapshotOrigin {
        run,
        source: source.to_owned(),
        host: host.to_owned(),
        root: Vec::new(),
        command: Vec::new(),
        started: Time { seconds, nanoseconds: 500_000_000 },
        level: Level::Full,
        dedup: DedupScope::Repository,
        group: run,
        base: None,
        tags: BTreeMap::new(),
        program: String::new(),
        copy_of: None,
        sequence: 0,
    };
    Snapshot { origin, state }
}
