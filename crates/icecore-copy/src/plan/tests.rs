use icecore_fixtures::snapshots;
use icecore_format::snapshot::SnapshotOrigin;

use super::*;

const HERE: RepositoryId = RepositoryId([1; 16]);
const THERE: RepositoryId = RepositoryId([2; 16]);

fn run(number: u8) -> RunId {
    RunId([number; 16])
}

fn snapshot(number: u8, level: Level, group: u8) -> Snapshot {
    let origin = SnapshotOrigin { level, group: run(group), ..snapshots::origin(run(number)) };
    snapshots::complete(origin)
}

fn with(mut snapshot: Snapshot, change: impl FnOnce(&mut SnapshotOrigin)) -> Snapshot {
    change(&mut snapshot.origin);
    snapshot
}

/// Returns the copy of a snapshot: the numbers of its run and its group are larger by 100.
fn copy(original: &Snapshot) -> Snapshot {
    with(original.clone(), |origin| {
        origin.copy_of = Some(origin.identity(HERE));
        origin.run = run(origin.run.0[0] + 100);
        origin.group = run(origin.group.0[0] + 100);
    })
}

fn list(snapshots: &[Snapshot]) -> SnapshotList {
    SnapshotList::of(snapshots.to_vec())
}

/// Returns the numbers of the group, the base and the similar snapshot for the last of `originals`, after
/// these were copied.
fn plan(originals: &[Snapshot], copied: &[usize]) -> (Option<u8>, Option<u8>, Option<u8>) {
    let copies: Vec<Snapshot> = copied.iter().map(|index| copy(&originals[*index])).collect();
    let targets = TargetSnapshots::new(THERE, &list(&copies));
    let plan = plan_copy(HERE, &list(originals), &targets, originals.last().unwrap());
    let number = |run: RunId| run.0[0];
    let similar = plan.similar.map(|(original, copy)| {
        assert_eq!(copy.origin.copy_of, Some(original.origin.identity(HERE)));
        number(original.origin.run)
    });
    (plan.group.map(number), plan.base.map(number), similar)
}

#[test]
fn a_copy_is_found_by_its_first_original() {
    let original = snapshot(1, Level::Full, 1);
    let targets = TargetSnapshots::new(THERE, &list(&[copy(&original)]));
    assert!(targets.find(original.origin.identity(HERE)).is_some());
    assert!(targets.find(original.origin.identity(THERE)).is_none());
    // A copy of the copy in a third repository is the same snapshot.
    let third = RepositoryId([3; 16]);
    assert!(targets.find(copy(&original).origin.identity(third)).is_some());
    // A snapshot that was made there also exists there.
    assert!(targets.find(copy(&original).origin.identity(THERE)).is_some());
    let own = TargetSnapshots::new(HERE, &list(&[original]));
    assert!(own.find(SnapshotIdentity { repository: HERE, run: run(1) }).is_some());
}

#[test]
fn groups_and_bases_are_those_of_the_copies() {
    let full = snapshot(1, Level::Full, 1);
    let second = with(snapshot(2, Level::Incremental, 1), |origin| origin.base = Some(run(1)));
    let third = with(snapshot(3, Level::Incremental, 1), |origin| origin.base = Some(run(2)));
    let all = [full.clone(), second, third];
    assert_eq!(plan(&all, &[]), (None, None, None));
    assert_eq!(plan(&all, &[0, 1]), (Some(101), Some(102), Some(2)));
    // Without a copy of its base, the nearest earlier snapshot helps; it is not its base.
    assert_eq!(plan(&all, &[0]), (Some(101), None, Some(1)));
    // A full begins its own group, whatever was copied.
    let again = with(snapshot(4, Level::Full, 4), |origin| origin.group = run(4));
    assert_eq!(plan(&[full, again], &[0]), (None, None, Some(1)));
}

#[test]
fn only_the_same_source_is_similar() {
    let last = snapshot(3, Level::Full, 3);
    for change in [(|origin| origin.source = "other".into()) as fn(&mut SnapshotOrigin), |origin| {
        origin.host = "other".into();
    }] {
        let other = with(snapshot(1, Level::Full, 1), change);
        assert_eq!(plan(&[other, last.clone()], &[0]), (None, None, None));
    }
    // If there is no earlier one, a later one helps.
    let later = with(snapshot(9, Level::Full, 9), |_| ());
    assert_eq!(plan(&[later, last], &[0]), (None, None, Some(9)));
}

#[test]
fn what_keeps_to_its_group_is_not_mixed_with_others() {
    let group = |snapshot| with(snapshot, |origin: &mut SnapshotOrigin| origin.dedup = DedupScope::Group);
    let wide = snapshot(1, Level::Full, 1);
    let narrow = group(snapshot(2, Level::Incremental, 1));
    assert_eq!(plan(&[wide.clone(), narrow.clone()], &[0]).0, None);
    let full = group(wide);
    assert_eq!(plan(&[full.clone(), narrow], &[0]), (Some(101), None, Some(1)));
    let elsewhere = group(snapshot(3, Level::Full, 3));
    assert_eq!(plan(&[full, elsewhere], &[0]), (None, None, None));
}

#[test]
fn what_the_destination_forgot_is_known() {
    let original = snapshot(1, Level::Full, 1);
    let mut forgotten = copy(&original);
    let identity = original.origin.identity(HERE);
    let targets = |copies: &[Snapshot]| TargetSnapshots::new(THERE, &list(copies));
    assert!(!targets(&[forgotten.clone()]).is_forgotten(identity));
    let SnapshotState::Complete(completion) = forgotten.state else { panic!("it is complete") };
    forgotten.state = SnapshotState::Deleted(completion);
    assert!(targets(&[forgotten.clone()]).is_forgotten(identity));
    assert!(targets(&[forgotten.clone()]).find(identity).is_none());
    let another = with(copy(&original), |origin| origin.run = run(200));
    assert!(!targets(&[forgotten, another]).is_forgotten(identity), "it was copied again");
}
