//! Snapshots as values. A test says only what matters to it; the rest comes from here with `..`.

use std::collections::BTreeMap;

use icecore_format::{
    entry::Time,
    ids::{ChunkId, RunId},
    node::Totals,
    snapshot::{Completion, DedupScope, Level, Snapshot, SnapshotOrigin, SnapshotState, SnapshotStatistics},
};

/// Returns the origin of a full of the directory `/data` on the host `host`, begun at time 0; its group is
/// its own.
pub fn origin(run: RunId) -> SnapshotOrigin {
    SnapshotOrigin {
        run,
        source: "data".to_owned(),
        host: "host".to_owned(),
        root: b"/data".to_vec(),
        command: Vec::new(),
        started: Time::default(),
        level: Level::Full,
        dedup: DedupScope::Repository,
        group: run,
        base: None,
        tags: BTreeMap::new(),
        program: String::new(),
        copy_of: None,
        sequence: 0,
    }
}

/// Returns what a snapshot with nothing in it refers to, ended at time 0. Its root node exists nowhere.
pub fn completion() -> Completion {
    Completion {
        finished: Time::default(),
        root_node: ChunkId([0; ChunkId::BYTES]),
        root_level: 0,
        totals: Totals::default(),
        errors: 0,
        condemned_epoch: 0,
        statistics: SnapshotStatistics::default(),
        damage: None,
        left_out: None,
        time_granularity: 0,
    }
}

/// Returns a complete snapshot with nothing in it.
pub fn complete(origin: SnapshotOrigin) -> Snapshot {
    Snapshot { origin, state: SnapshotState::Complete(completion()) }
}

/// Returns the snapshot of a run that is at work, or was killed.
pub fn pending(origin: SnapshotOrigin) -> Snapshot {
    Snapshot { origin, state: SnapshotState::Pending { refreshed: Time::default() } }
}

/// Makes a snapshot whose run has `id` in each of its random bytes and was started so many seconds after
/// 1970.
///
/// # Panics
///
/// If the time is before 1970.
pub fn snapshot(source: &str, host: &str, id: u8, seconds: i64, is_complete: bool) -> Snapshot {
    let milliseconds = u64::try_from(seconds).unwrap() * 1000;
    let origin = SnapshotOrigin {
        source: source.to_owned(),
        host: host.to_owned(),
        root: Vec::new(),
        started: Time { seconds, nanoseconds: 500_000_000 },
        ..origin(RunId::new(milliseconds, [id; 10]))
    };
    if !is_complete {
        return pending(origin);
    }
    let completion = Completion { finished: Time { seconds: seconds + 5, nanoseconds: 0 }, ..completion() };
    Snapshot { origin, state: SnapshotState::Complete(completion) }
}
