use super::*;
use crate::log::HeldSnapshot;

fn writer(byte: u8) -> WriterId {
    WriterId([byte; 16])
}

fn reference(byte: u8, sequence: u32) -> RecordReference {
    RecordReference { name: RecordName { writer: writer(byte), sequence }, hash: RecordHash([byte; 32]) }
}

fn completed(byte: u8) -> CompletedSnapshot {
    CompletedSnapshot {
        run: RunId([byte; 16]),
        digest: SnapshotDigest([byte; 32]),
        source: "home".to_owned(),
        host: "server".to_owned(),
        started: Time::default(),
    }
}

fn record(own: RecordReference, references: &[RecordReference], runs: &[u8]) -> LogRecord {
    LogRecord {
        references: references.to_vec(),
        completed: runs.iter().map(|run| completed(*run)).collect(),
        ..LogRecord::new(own.name, Time::default(), "server", "test")
    }
}

/// One writer with two records, and another writer that has seen the first of them.
fn log() -> Vec<LogRecord> {
    vec![
        record(reference(1, 1), &[], &[1]),
        record(reference(1, 2), &[reference(1, 1)], &[2]),
        record(reference(2, 1), &[reference(1, 1)], &[3]),
    ]
}

fn history(records: Vec<LogRecord>) -> History {
    let mut history = History::default();
    for record in records {
        let hash = RecordHash(record.name.writer.0.repeat(2).try_into().unwrap());
        history.insert(record, hash);
    }
    history
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for a look-up")]
fn all_there(run: RunId) -> Option<Standing> {
    Some(Standing::Complete(SnapshotDigest(run.0.repeat(2).try_into().unwrap())))
}

#[test]
fn tips_are_what_nobody_refers_to() {
    let history = history(log());
    assert_eq!(history.tips(), [reference(1, 2), reference(2, 1)]);
    assert_eq!(history.last_of(writer(1)), Some(reference(1, 2)));
    assert_eq!(history.last_of(writer(3)), None);
    assert_eq!(history.losses(&SeenHistory::default(), all_there), []);
}

#[test]
fn a_record_that_is_gone_is_missed_by_those_that_refer_to_it() {
    let history = history(log().split_off(1));
    let by = RecordName { writer: writer(1), sequence: 2 };
    let loss = Loss::ReferredRecord { reference: reference(1, 1), by };
    assert_eq!(history.losses(&SeenHistory::default(), all_there), [loss]);
}

#[test]
fn another_record_in_the_place_of_one_is_no_substitute() {
    let mut history = history(log().split_off(1));
    history.insert(record(reference(1, 1), &[], &[1]), RecordHash([99; 32]));
    assert_eq!(history.losses(&SeenHistory::default(), all_there).len(), 1);
}

#[test]
fn a_host_misses_the_end_that_it_has_seen() {
    let mut seen = SeenHistory::default();
    seen.absorb(&history(log()), Time::default(), [completed(1), completed(2), completed(3)]);
    let mut older = log();
    older.remove(1);
    let older = history(older);
    let gone = |run: RunId| all_there(run).filter(|_| run != RunId([2; 16]));
    let vanished = Loss::Snapshot { snapshot: completed(2), fate: Fate::Vanished };
    let expected = [vanished, Loss::SeenRecord(reference(1, 2))];
    assert_eq!(older.losses(&seen, gone), expected);
    // It does not forget.
    seen.absorb(&older, Time::default(), [completed(1), completed(3)]);
    assert_eq!(older.losses(&seen, gone), expected);
    // A host that has seen nothing cannot know.
    assert_eq!(older.losses(&SeenHistory::default(), gone), []);
}

#[test]
fn every_fate_of_a_snapshot_is_told() {
    let history = history(log());
    let fate = |standing: Option<Standing>| {
        let losses = history.losses(&SeenHistory::default(), |run| {
            if run == RunId([2; 16]) { standing } else { all_there(run) }
        });
        losses.first().map(|loss| match loss {
            Loss::Snapshot { fate, .. } => *fate,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(fate(None), Some(Fate::Vanished));
    assert_eq!(fate(Some(Standing::Unfinished)), Some(Fate::Reverted));
    assert_eq!(fate(Some(Standing::Complete(SnapshotDigest([0; 32])))), Some(Fate::Altered));
    assert_eq!(fate(Some(Standing::Deleted)), None);
    assert_eq!(fate(Some(Standing::Unreadable)), None);
}

#[test]
fn what_was_deleted_on_purpose_is_not_missed() {
    let mut records = log();
    let deleted = DeletedSnapshot { run: RunId([2; 16]), reason: "old".to_owned(), time: Time::default() };
    let deletion = LogRecord { deleted: vec![deleted], ..record(reference(2, 2), &[reference(2, 1)], &[]) };
    records.push(deletion);
    let history = history(records);
    let gone = |run: RunId| all_there(run).filter(|_| run != RunId([2; 16]));
    let mut seen = SeenHistory { snapshots: vec![completed(2)], ..SeenHistory::default() };
    assert_eq!(history.losses(&seen, gone), []);
    seen.absorb(&history, Time::default(), [completed(3)]);
    assert_eq!(seen.snapshots, [completed(3)]);
}

#[test]
fn losses_that_were_accepted_are_not_told_again() {
    let mut records = log();
    records.remove(1);
    let mut seen =
        SeenHistory { tips: vec![reference(1, 2)], snapshots: vec![completed(2)], ..SeenHistory::default() };
    let acceptance = LogRecord {
        lost_records: vec![reference(1, 2)],
        lost_snapshots: vec![RunId([2; 16])],
        ..record(reference(2, 2), &[reference(2, 1), reference(1, 2)], &[])
    };
    records.push(acceptance);
    let history = history(records);
    let gone = |run: RunId| all_there(run).filter(|_| run != RunId([2; 16]));
    assert_eq!(history.losses(&seen, gone), []);
    assert_eq!(history.acceptances(), BTreeMap::from([(reference(2, 2).name, (1, 1))]));
    assert!(history.is_accepted(reference(1, 2).name) && !history.is_accepted(reference(1, 1).name));
    seen.absorb(&history, Time::default(), []);
    assert_eq!((seen.tips, seen.snapshots), (vec![reference(2, 2)], vec![]));
    // Only the named losses are accepted.
    let other = SeenHistory { tips: vec![reference(1, 3)], ..SeenHistory::default() };
    assert_eq!(history.losses(&other, gone), [Loss::SeenRecord(reference(1, 3))]);
}

#[test]
fn what_was_seen_is_bounded_and_keeps_the_newest_snapshots() {
    let mut seen = SeenHistory::default();
    let many = (0..1_000u16).map(|number| {
        let mut run = [0; 16];
        run[..2].copy_from_slice(&number.to_be_bytes());
        CompletedSnapshot { run: RunId(run), ..completed(0) }
    });
    let mut log = History::default();
    for sequence in 1..=2_000 {
        log.insert(record(reference(1, sequence), &[], &[]), RecordHash([1; 32]));
    }
    seen.absorb(&log, Time::default(), many);
    assert_eq!(seen.tips.len(), LOG_ITEMS_MAX);
    assert_eq!(seen.snapshots.len(), SeenHistory::SNAPSHOTS_MAX);
    assert_eq!(seen.snapshots.last().map(|snapshot| snapshot.run.0[..2].to_vec()), Some(vec![3, 231]));
}

#[test]
fn a_snapshot_that_two_records_describe_differently_is_altered_for_one() {
    let mut records = log();
    let other = CompletedSnapshot { digest: SnapshotDigest([77; 32]), ..completed(1) };
    records[2].completed.push(other.clone());
    let losses = history(records).losses(&SeenHistory::default(), all_there);
    assert_eq!(losses, [Loss::Snapshot { snapshot: other, fate: Fate::Altered }]);
}

#[test]
fn a_snapshot_that_a_repair_has_changed_must_be_as_the_repair_left_it() {
    let changed = CompletedSnapshot { digest: SnapshotDigest([77; 32]), ..completed(1) };
    let mut repaired = log();
    repaired[2].completed.push(changed.clone());
    repaired[2].lost_snapshots.push(changed.run);
    let losses = |records: Vec<LogRecord>, found: Option<Standing>| {
        let standing = |run| if run == changed.run { found } else { all_there(run) };
        history(records).losses(&SeenHistory::default(), standing)
    };
    let lost = |fate| vec![Loss::Snapshot { snapshot: changed.clone(), fate }];
    assert_eq!(losses(repaired.clone(), Some(Standing::Complete(changed.digest))), []);
    assert_eq!(losses(repaired.clone(), Some(Standing::Complete(completed(1).digest))), lost(Fate::Altered));
    assert_eq!(losses(repaired.clone(), None), lost(Fate::Vanished));
    // Repaired twice: either repair may have been the last. If it is given up in the end, nobody misses it.
    let again = CompletedSnapshot { digest: SnapshotDigest([78; 32]), ..completed(1) };
    let mut twice = repaired.clone();
    twice[1].completed.push(again.clone());
    twice[1].lost_snapshots.push(again.run);
    assert_eq!(losses(twice, Some(Standing::Complete(again.digest))), []);
    let mut given_up = repaired;
    given_up[1].lost_snapshots.push(changed.run);
    assert_eq!(losses(given_up, None), []);
}

fn witness(byte: u8, started: i64, finished: i64) -> Witness {
    let time = |seconds| Time { seconds, nanoseconds: 0 };
    Witness {
        snapshot: CompletedSnapshot { started: time(started), ..completed(byte) },
        finished: time(finished),
        sequence: byte.into(),
        names_others: true,
    }
}

/// Runs of the snapshots whose naming records are missing.
fn unnamed(history: &History, seen: &SeenHistory, witnesses: &[Witness]) -> Vec<u8> {
    let losses = history.unnamed_losses(seen, witnesses);
    let run = |loss: &Loss| match loss {
        Loss::NamingRecord(snapshot) => snapshot.run.0[0],
        other => panic!("{other:?}"),
    };
    losses.iter().map(run).collect()
}

#[test]
fn a_snapshot_without_a_name_is_missed_once_a_record_names_a_later_one() {
    let made = [witness(1, 10, 20), witness(2, 30, 40), witness(3, 50, 60)];
    let whole = history(log());
    assert_eq!(unnamed(&whole, &SeenHistory::default(), &made), []);
    let one = history(vec![record(reference(1, 1), &[], &[3])]);
    assert_eq!(unnamed(&one, &SeenHistory::default(), &made), [1, 2]);
    // The later ones may be unnamed: their runs may have been killed before they wrote a record.
    let first = history(vec![record(reference(1, 1), &[], &[1])]);
    assert_eq!(unnamed(&first, &SeenHistory::default(), &made), []);
    let accepted = LogRecord {
        lost_snapshots: vec![RunId([1; 16])],
        ..LogRecord::new(reference(1, 2).name, Time::default(), "server", "test")
    };
    let given_up = history(vec![accepted, record(reference(2, 1), &[], &[2, 3])]);
    assert_eq!(unnamed(&given_up, &SeenHistory::default(), &made), []);
}

#[test]
fn many_snapshots_in_a_row_without_a_name_are_missed() {
    let row = |count: u8| -> Vec<Witness> {
        (1..=count).map(|byte| witness(byte, i64::from(byte) * 20, i64::from(byte) * 20 + 10)).collect()
    };
    let empty = History::default();
    assert_eq!(unnamed(&empty, &SeenHistory::default(), &row(2)), []);
    assert_eq!(unnamed(&empty, &SeenHistory::default(), &row(3)), [1, 2]);
    assert_eq!(unnamed(&empty, &SeenHistory::default(), &row(4)), [1, 2, 3]);
    // A host whose log has a record must have written one.
    let first = history(vec![record(reference(1, 1), &[], &[1])]);
    assert_eq!(unnamed(&first, &SeenHistory::default(), &row(8)), []);
    assert_eq!(unnamed(&first, &SeenHistory::default(), &row(9)), [2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn snapshots_without_a_name_are_not_missed_where_there_is_another_reason() {
    let second = history(vec![record(reference(1, 1), &[], &[2])]);
    let missed = |made: &[Witness]| unnamed(&second, &SeenHistory::default(), made);
    assert_eq!(missed(&[witness(1, 10, 20), witness(2, 30, 40)]), [1]);
    // Runs at the same time do not see each other.
    assert_eq!(missed(&[witness(1, 10, 20), witness(2, 15, 40)]), []);
    assert_eq!(missed(&[witness(1, 10, 20), witness(2, 20, 40)]), []);
    // A clock that was ahead: the second came before the third.
    assert_eq!(missed(&[witness(3, 10, 20), witness(2, 30, 40)]), []);
    // Another host or source proves nothing.
    let mut other = witness(2, 30, 40);
    other.snapshot.host = "other".to_owned();
    assert_eq!(missed(&[witness(1, 10, 20), other]), []);
    let mut other = witness(2, 30, 40);
    other.snapshot.source = "other".to_owned();
    assert_eq!(missed(&[witness(1, 10, 20), other]), []);
    // Programs without a log name nothing.
    let mut old = witness(2, 30, 40);
    old.names_others = false;
    assert_eq!(missed(&[witness(1, 10, 20), old]), []);
    // A host that has seen the snapshot knows that nobody planted it, and misses the records by their hashes.
    let seen = SeenHistory { snapshots: vec![completed(1)], ..SeenHistory::default() };
    assert_eq!(unnamed(&second, &seen, &[witness(1, 10, 20), witness(2, 30, 40)]), []);
    let another = CompletedSnapshot { digest: SnapshotDigest([9; 32]), ..completed(1) };
    let seen = SeenHistory { snapshots: vec![another], ..SeenHistory::default() };
    assert_eq!(unnamed(&second, &seen, &[witness(1, 10, 20), witness(2, 30, 40)]), [1]);
}

fn hold(run: u8, until_seconds: Option<i64>) -> HeldSnapshot {
    HeldSnapshot { run: RunId([run; 16]), until_seconds, reason: "audit".to_owned() }
}

fn holding(own: RecordReference, references: &[RecordReference], until_seconds: Option<i64>) -> LogRecord {
    LogRecord { holds: vec![hold(1, until_seconds)], ..record(own, references, &[]) }
}

fn releasing(own: RecordReference, references: &[RecordReference]) -> LogRecord {
    LogRecord { releases: vec![RunId([1; 16])], ..record(own, references, &[]) }
}

/// When the hold on snapshot 1 ends: -1 if it does not end; none if there is no hold. Checks all orders of
/// reading the records.
#[track_caller]
fn held_until(records: &[LogRecord]) -> Option<i64> {
    let until = |history: &History| history.held(RunId([1; 16])).map(|hold| hold.until_seconds.unwrap_or(-1));
    let found = until(&history(records.to_vec()));
    assert_eq!(until(&history(records.iter().rev().cloned().collect())), found);
    found
}

#[test]
fn the_later_statement_about_a_hold_counts() {
    let first = holding(reference(1, 1), &[], None);
    assert_eq!(held_until(std::slice::from_ref(&first)), Some(-1));
    let between = record(reference(2, 1), &[reference(1, 1)], &[]);
    let release = releasing(reference(1, 2), &[reference(1, 1)]);
    assert_eq!(held_until(&[first.clone(), release.clone()]), None);
    // Through a record of another writer.
    let far = releasing(reference(3, 1), &[reference(2, 1)]);
    assert_eq!(held_until(&[first.clone(), between.clone(), far.clone()]), None);
    let again = holding(reference(1, 3), &[reference(1, 2)], Some(7));
    assert_eq!(held_until(&[first.clone(), release, again]), Some(7));
    // A later hold replaces an earlier one, even a longer one.
    let shorter = holding(reference(3, 1), &[reference(2, 1)], Some(5));
    assert_eq!(held_until(&[first.clone(), between, shorter]), Some(5));
    // The record between them is missing: it is unknown which was later.
    assert_eq!(held_until(&[first, far]), Some(-1));
}

#[test]
fn of_statements_without_an_order_the_longer_hold_counts() {
    let first = record(reference(1, 1), &[], &[1]);
    let (held, released) = (
        holding(reference(2, 1), &[reference(1, 1)], Some(9)),
        releasing(reference(3, 1), &[reference(1, 1)]),
    );
    assert_eq!(held_until(&[first.clone(), held.clone(), released]), Some(9));
    let longer = holding(reference(4, 1), &[], Some(10));
    assert_eq!(held_until(&[first.clone(), held.clone(), longer]), Some(10));
    let for_ever = holding(reference(4, 1), &[], None);
    assert_eq!(held_until(&[first, held.clone(), for_ever]), Some(-1));
    // Both in one record.
    let both = LogRecord { releases: vec![RunId([1; 16])], ..held };
    assert_eq!(held_until(&[both]), Some(9));
}

#[test]
fn holds_are_listed_and_survive_records_of_others() {
    let mut first = holding(reference(1, 1), &[], None);
    first.holds.extend([hold(2, Some(1)), hold(3, None)]);
    let release = LogRecord {
        releases: vec![RunId([2; 16]), RunId([4; 16])],
        ..record(reference(1, 2), &[reference(1, 1)], &[])
    };
    let history = history(vec![first, release]);
    assert_eq!(history.held_snapshots().collect::<Vec<_>>(), [&hold(1, None), &hold(3, None)]);
    assert_eq!(history.held(RunId([4; 16])), None);
    assert_eq!(history.held(RunId([5; 16])), None);
}

#[test]
fn a_record_that_refers_to_an_altered_one_is_not_later() {
    let first = holding(reference(1, 1), &[], None);
    let other = RecordReference { hash: RecordHash([9; 32]), ..reference(1, 1) };
    assert_eq!(held_until(&[first, releasing(reference(2, 1), &[other])]), Some(-1));
}
