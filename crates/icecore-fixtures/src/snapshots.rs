//! Snapshots as values. A test sets only the fields that matter to it; the others come from here with `..`.

use std::collections::BTreeMap;

use icecore_format::{
    entry::Time,
    ids::{ChunkId, RunId},
    node::Totals,
    snapshot::{Completion, DedupScope, Level, Snapshot, SnapshotOrigin, SnapshotState, SnapshotStatistics},
};

/// Returns the origin of a full backup of the directory `/data` on the host `host`, begun at time 0, in its
/// own group.
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

/// Returns the completion of an empty snapshot, finished at time 0. Its root node does not exist.
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
        hold: None,
        note: String::new(),
    }
}

/// Returns an empty complete snapshot.
pub fn complete(origin: SnapshotOrigin) -> Snapshot {
    Snapshot { origin, state: SnapshotState::Complete(completion()) }
}

/// Returns the snapshot of a run that is still working, or was killed.
pub fn pending(origin: SnapshotOrigin) -> Snapshot {
    Snapshot { origin, state: SnapshotState::Pending { refreshed: Time::default() } }
}

/// Makes a snapshot whose run has `id` in each of its random bytes and started this many seconds after 1970.
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
