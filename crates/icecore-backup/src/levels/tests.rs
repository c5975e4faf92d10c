use icecore_fixtures::snapshots;
use icecore_format::{ids::RunId, snapshot::SnapshotOrigin};

use super::*;

fn snapshot(number: u8, level: Level, dedup: DedupScope, group: u8, complete: bool) -> Snapshot {
    let (run, group) = (RunId([number; 16]), RunId([group; 16]));
    let origin = SnapshotOrigin { level, dedup, group, ..snapshots::origin(run) };
    if complete { snapshots::complete(origin) } else { snapshots::pending(origin) }
}

fn list(snapshots: Vec<Snapshot>) -> SnapshotList {
    SnapshotList::of(snapshots)
}

/// Returns the level, the scope, and the numbers of the group and the base.
fn plan(
    list: &SnapshotList,
    level: Level,
    dedup: Option<DedupScope>,
) -> (Level, DedupScope, Option<u8>, Option<u8>) {
    let plan = plan_run(list, "data", "host", level, dedup);
    (plan.level, plan.dedup, plan.group.map(|group| group.0[0]), plan.base.map(|base| base.origin.run.0[0]))
}

use DedupScope::{Group, Repository};
use Level::{Differential, Full, Incremental};

#[test]
fn the_first_backup_is_a_full() {
    let nothing = list(vec![snapshot(1, Full, Repository, 1, false)]);
    assert_eq!(plan(&nothing, Incremental, None), (Full, Repository, None, None));
    assert_eq!(plan(&nothing, Differential, Some(Group)), (Full, Group, None, None));
    assert_eq!(plan_run(&nothing, "data", "host", Incremental, None).notices, [BackupNotice::FirstIsFull]);
    assert_eq!(plan_run(&nothing, "data", "host", Full, None).notices, []);
}

#[test]
fn incremental_follows_the_latest_and_differential_the_last_full() {
    let week = list(vec![
        snapshot(1, Full, Repository, 1, true),
        snapshot(2, Incremental, Repository, 1, true),
        snapshot(3, Full, Repository, 3, true),
        snapshot(4, Incremental, Repository, 3, true),
        snapshot(5, Incremental, Repository, 3, false),
    ]);
    assert_eq!(plan(&week, Incremental, None), (Incremental, Repository, Some(3), Some(4)));
    assert_eq!(plan(&week, Differential, None), (Differential, Repository, Some(3), Some(3)));
    assert_eq!(plan(&week, Full, None), (Full, Repository, None, None));
}

#[test]
fn other_sources_and_hosts_do_not_count() {
    let mut other = snapshot(1, Full, Repository, 1, true);
    other.origin.host = "elsewhere".into();
    let mut named = snapshot(2, Full, Repository, 2, true);
    named.origin.source = "other".into();
    assert_eq!(plan(&list(vec![other, named]), Incremental, None), (Full, Repository, None, None));
}

#[test]
fn a_group_stays_self_contained() {
    let group = list(vec![snapshot(1, Full, Group, 1, true), snapshot(2, Incremental, Group, 1, true)]);
    assert_eq!(plan(&group, Incremental, None), (Incremental, Group, Some(1), Some(2)));
    assert_eq!(plan(&group, Differential, None), (Differential, Group, Some(1), Some(1)));
    // A snapshot that refers to packs outside the group is never a base inside it.
    let mixed = list(vec![
        snapshot(1, Full, Group, 1, true),
        snapshot(2, Incremental, Group, 1, true),
        snapshot(3, Incremental, Repository, 1, true),
    ]);
    assert_eq!(plan(&mixed, Incremental, None), (Incremental, Group, Some(1), Some(2)));
    assert_eq!(plan(&mixed, Incremental, Some(Repository)), (Incremental, Repository, Some(1), Some(3)));
}

#[test]
fn a_group_cannot_begin_in_the_middle() {
    let whole =
        list(vec![snapshot(1, Full, Repository, 1, true), snapshot(2, Incremental, Repository, 1, true)]);
    let plan = plan_run(&whole, "data", "host", Incremental, Some(Group));
    assert_eq!((plan.level, plan.dedup, plan.group), (Full, Group, None));
    assert_eq!(plan.notices, [BackupNotice::GroupNeedsFull]);
}
