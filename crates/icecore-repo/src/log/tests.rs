use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_format::{
    history::Fate,
    layout::{SNAPSHOTS_PREFIX, snapshot_key},
    snapshot::{Snapshot, SnapshotState},
};
use icecore_store::{
    fault::{Fault, FaultPlan, InjectedError},
    store::{Store, StoreResult, Version},
};

use super::*;
use crate::{
    bed::{Bed, commit, noises, write_files},
    snapshots,
};

fn author(byte: u8) -> LogAuthor {
    LogAuthor {
        writer: WriterId([byte; 16]),
        last: None,
        host: format!("host{byte}"),
        program: "test".to_owned(),
    }
}

fn read(bed: &Bed) -> LogBook {
    LogBook::read(&bed.repository, &mut bed.catalog()).unwrap()
}

/// Returns the complete snapshots that no record names.
fn nameless(bed: &Bed) -> Vec<RunId> {
    let book = read(bed);
    let list = bed.snapshots();
    let runs = list.complete(None).map(|snapshot| snapshot.origin.run);
    runs.filter(|run| !book.history().names(*run)).collect()
}

fn losses(bed: &Bed, seen: &SeenHistory) -> Vec<Loss> {
    let mut book = read(bed);
    book.losses(&bed.repository, &mut bed.catalog(), &bed.snapshots(), seen).unwrap()
}

/// Acts like a backup: reads the log and the snapshots, makes a snapshot, and records it and all unrecorded
/// ones.
fn back_up(bed: &Bed, repository: &Repository, author: &mut LogAuthor) -> RepoResult<Snapshot> {
    bed.clock.advance(Duration::from_secs(1));
    let mut catalog = bed.catalog();
    let mut book = LogBook::read(repository, &mut catalog)?;
    let list = snapshots::list(repository, &mut catalog)?;
    let sequence = list.snapshots.len() as u64 + 1;
    let mut session = bed.begin(repository, |origin, _| origin.sequence = sequence)?;
    let root = write_files(&mut session, &noises(2, 5_000, 1))?;
    let snapshot = commit(session, &root)?;
    let mut completed = book.unnamed(&list);
    completed.extend(CompletedSnapshot::of(&snapshot));
    let events = LogEvents { completed, ..LogEvents::default() };
    book.append(repository, Some(&mut catalog), author, events)?;
    Ok(snapshot)
}

fn seen(bed: &Bed) -> SeenHistory {
    let mut seen = SeenHistory::default();
    let list = bed.snapshots();
    seen.absorb(
        read(bed).history(),
        bed.repository.environment().now(),
        list.complete(None).filter_map(CompletedSnapshot::of),
    );
    seen
}

#[test]
fn each_snapshot_is_named_and_nothing_is_missed() {
    let bed = Bed::new();
    assert!(read(&bed).history().is_empty());
    let (mut one, mut two) = (author(1), author(2));
    for _ in 0..3 {
        back_up(&bed, &bed.repository, &mut one).unwrap();
        back_up(&bed, &bed.repository, &mut two).unwrap();
    }
    let book = read(&bed);
    assert_eq!(book.history().len(), 6);
    assert_eq!(nameless(&bed), []);
    assert_eq!(book.history().tips(), [two.last.unwrap()]);
    assert_eq!(losses(&bed, &seen(&bed)), []);
    assert_eq!(one.last.unwrap().name.sequence, 3);
}

#[test]
fn a_crash_after_any_call_loses_nothing_and_gives_no_alarm() {
    let calls = {
        let bed = Bed::new();
        back_up(&bed, &bed.repository, &mut author(1)).unwrap();
        let (repository, store) = bed.faulty(FaultPlan::new(0));
        back_up(&bed, &repository, &mut author(1)).unwrap();
        store.calls()
    };
    assert!(calls >= 10, "{calls} calls");
    let faults = [Fault::Crash, Fault::CrashAfter, Fault::LostReply, Fault::Error(InjectedError::NoSpace)];
    for fault in faults {
        for call in 1..=calls {
            let bed = Bed::new();
            let mut writer = author(1);
            back_up(&bed, &bed.repository, &mut writer).unwrap();
            let seen = seen(&bed);
            let (repository, _) = bed.faulty(FaultPlan::new(0).at_call(call, fault.clone()));
            let before = bed.snapshots().complete(None).count();
            let result = back_up(&bed, &repository, &mut writer.clone());
            assert!(result.is_err(), "call {call} of {calls}: {fault:?}");
            assert_eq!(losses(&bed, &seen), [], "call {call}: {fault:?}");
            let complete = bed.snapshots().complete(None).count();
            assert!(complete >= before, "call {call}");
            assert!(nameless(&bed).len() <= 1, "call {call}");
            // Another writer brings the log up to date, or the same one, from the state that it had.
            let mut next = if call % 2 == 0 { author(2) } else { writer };
            back_up(&bed, &bed.repository, &mut next).unwrap();
            assert_eq!(nameless(&bed), [], "call {call}: {fault:?}");
            assert_eq!(losses(&bed, &seen), [], "call {call}: {fault:?}");
            assert_eq!(bed.snapshots().complete(None).count(), complete + 1);
        }
    }
}

#[test]
fn runs_of_one_writer_at_once_get_different_numbers() {
    let bed = Bed::new();
    let mut catalog = bed.catalog();
    let mut books = [read(&bed), read(&bed), read(&bed)];
    let mut authors = [author(1), author(1), author(1)];
    let list = bed.snapshots();
    for (book, author) in books.iter_mut().zip(&mut authors) {
        let events = LogEvents { completed: book.unnamed(&list), ..LogEvents::default() };
        book.append(&bed.repository, Some(&mut catalog), author, events).unwrap();
    }
    let sequences = authors.map(|author| author.last.unwrap().name.sequence);
    assert_eq!(sequences, [1, 2, 3]);
    let book = read(&bed);
    assert_eq!(book.history().tips().len(), 1, "the last refers to the others");
    assert_eq!(losses(&bed, &seen(&bed)), []);
}

/// A store that receives every new log record twice, as if the first reply had been lost.
#[derive(Debug)]
struct Twice(Arc<dyn Store>);

#[async_trait]
impl Store for Twice {
    fn location(&self) -> String {
        self.0.location()
    }
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.0.get(key, range).await
    }
    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.0.get_versioned(key).await
    }
    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        if key.starts_with(LOG_PREFIX) {
            self.0.put(key, bytes.clone(), condition.clone()).await?;
        }
        self.0.put(key, bytes, condition).await
    }
    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.0.head(key).await
    }
    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        self.0.list(prefix).await
    }
    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        self.0.delete(key, version).await
    }
}

#[test]
fn a_lost_reply_is_resolved_by_looking() {
    let bed = Bed::new();
    let repository = bed.repository.on_store(Arc::new(Twice(bed.store())));
    let mut writer = author(1);
    back_up(&bed, &repository, &mut writer).unwrap();
    assert_eq!(bed.keys_under(LOG_PREFIX).len(), 1, "the record was written a second time");
    assert_eq!(read(&bed).history().tips(), [writer.last.unwrap()]);
}

#[test]
fn an_older_repository_is_known_and_the_log_tells_others_of_it() {
    let bed = Bed::new();
    let mut writer = author(1);
    let mut older = Vec::new();
    for number in 0..3 {
        if number == 1 {
            older = bed.keys_under("");
        }
        back_up(&bed, &bed.repository, &mut writer).unwrap();
    }
    let seen = seen(&bed);
    for key in bed.keys_under("").iter().filter(|key| !older.contains(key)) {
        bed.remove(key);
    }
    assert_eq!(losses(&bed, &SeenHistory::default()), [], "nobody else can know");
    let found = losses(&bed, &seen);
    let vanished = |loss: &&Loss| matches!(loss, Loss::Snapshot { fate: Fate::Vanished, .. });
    assert_eq!(found.iter().filter(vanished).count(), 2, "{found:?}");
    let missed: Vec<_> = found
        .iter()
        .filter_map(|loss| if let Loss::SeenRecord(gone) = loss { Some(*gone) } else { None })
        .collect();
    assert_eq!(missed, [writer.last.unwrap()]);
    // The next record of the host names the missing record, under a number that was never used.
    let mut book = read(&bed);
    book.append(
        &bed.repository,
        None,
        &mut writer,
        LogEvents { missed: missed.clone(), ..LogEvents::default() },
    )
    .unwrap();
    assert_eq!(writer.last.unwrap().name.sequence, 4);
    assert!(
        matches!(losses(&bed, &SeenHistory::default())[..], [Loss::ReferredRecord { reference, .. }] if reference == missed[0])
    );
    // Acceptance ends the report, for all hosts that miss nothing else.
    let lost_snapshots = found.iter().filter_map(|loss| match loss {
        Loss::Snapshot { snapshot, .. } => Some(snapshot.run),
        _ => None,
    });
    let events =
        LogEvents { lost_snapshots: lost_snapshots.collect(), lost_records: missed, ..LogEvents::default() };
    read(&bed).append(&bed.repository, None, &mut author(2), events).unwrap();
    assert_eq!(losses(&bed, &SeenHistory::default()), []);
    assert_eq!(losses(&bed, &seen), []);
}

#[test]
fn what_comes_while_the_log_is_read_is_not_missed() {
    let bed = Bed::new();
    let mut one = author(1);
    let lost = back_up(&bed, &bed.repository, &mut one).unwrap();
    back_up(&bed, &bed.repository, &mut author(2)).unwrap();
    // The listing passes the name of a record before it is written, and contains one that refers to it.
    let late = log_key(one.last.unwrap().name);
    let bytes =
        bed.repository.environment().runtime.block_on(bed.repository.store().get(&late, None)).unwrap();
    bed.remove(&late);
    let mut book = read(&bed);
    let list = bed.snapshots();
    bed.repository.put(&late, bytes, PutCondition::Absent).unwrap();
    assert_eq!(book.losses(&bed.repository, &mut bed.catalog(), &list, &SeenHistory::default()).unwrap(), []);
    // A snapshot is really lost, and another one is completed after the list was read.
    let seen = seen(&bed);
    let mut book = read(&bed);
    bed.remove(&snapshot_key(lost.origin.run));
    let list = bed.snapshots();
    back_up(&bed, &bed.repository, &mut one).unwrap();
    let losses = book.losses(&bed.repository, &mut bed.catalog(), &list, &seen).unwrap();
    assert!(
        matches!(&losses[..], [Loss::Snapshot { snapshot, .. }] if snapshot.run == lost.origin.run),
        "{losses:?}"
    );
}

#[test]
fn acceptance_leaves_nothing_to_be_missed() {
    let bed = Bed::new();
    let (mut one, mut two) = (author(1), author(2));
    back_up(&bed, &bed.repository, &mut one).unwrap();
    let older = bed.keys_under("");
    back_up(&bed, &bed.repository, &mut one).unwrap();
    // The log ends with another writer's record, which refers to this writer's last one.
    back_up(&bed, &bed.repository, &mut two).unwrap();
    let seen = seen(&bed);
    assert_eq!(seen.tips, [two.last.unwrap()]);
    for key in bed.keys_under("").iter().filter(|key| !older.contains(key)) {
        bed.remove(key);
    }
    let mut events = LogEvents::default();
    for loss in losses(&bed, &seen) {
        match loss {
            Loss::Snapshot { snapshot, .. } => events.lost_snapshots.push(snapshot.run),
            Loss::SeenRecord(reference) | Loss::ReferredRecord { reference, .. } => {
                events.lost_records.push(reference);
            }
            Loss::NamingRecord(snapshot) => events.completed.push(snapshot),
        }
    }
    assert_eq!((events.lost_records.len(), events.lost_snapshots.len()), (1, 2));
    read(&bed).append(&bed.repository, None, &mut one, events).unwrap();
    assert_eq!(losses(&bed, &seen), []);
    assert_eq!(losses(&bed, &SeenHistory::default()), []);
    assert_eq!(one.last.unwrap().name.sequence, 3);
}

#[test]
fn a_log_that_was_removed_is_missed_by_who_has_never_seen_it() {
    let bed = Bed::new();
    let mut one = author(1);
    let runs: Vec<RunId> =
        (0..3).map(|_| back_up(&bed, &bed.repository, &mut one).unwrap().origin.run).collect();
    let log = bed.keys_under(LOG_PREFIX);
    let kept = bed.get(&log[0]);
    for key in &log {
        bed.remove(key);
    }
    let missed = |bed: &Bed, seen: &SeenHistory| -> Vec<RunId> {
        let run = |loss: Loss| match loss {
            Loss::NamingRecord(snapshot) => snapshot.run,
            other => panic!("{other:?}"),
        };
        losses(bed, seen).into_iter().map(run).collect()
    };
    // The last one may belong to a run that was killed before it wrote its record.
    assert_eq!(missed(&bed, &SeenHistory::default()), runs[..2]);
    // If the record exists, both runs after it may have been killed before they wrote theirs.
    bed.set(&log[0], kept);
    assert_eq!(missed(&bed, &SeenHistory::default()), []);
    bed.remove(&log[0]);
    let events = |losses: Vec<Loss>| {
        let named = losses.into_iter().filter_map(|loss| match loss {
            Loss::NamingRecord(snapshot) => Some(snapshot),
            _ => None,
        });
        LogEvents { completed: named.collect(), ..LogEvents::default() }
    };
    let accepted = events(losses(&bed, &SeenHistory::default()));
    read(&bed).append(&bed.repository, None, &mut author(2), accepted).unwrap();
    assert_eq!(losses(&bed, &SeenHistory::default()), []);
}

#[test]
fn vanished_reverted_and_altered_snapshots_are_told() {
    let bed = Bed::new();
    let snapshot = back_up(&bed, &bed.repository, &mut author(1)).unwrap();
    let key = snapshot_key(snapshot.origin.run);
    let whole = bed.get(&key);
    let fates = |bed: &Bed| -> Vec<Fate> {
        let fate = |loss: Loss| if let Loss::Snapshot { fate, .. } = loss { Some(fate) } else { None };
        losses(bed, &SeenHistory::default()).into_iter().filter_map(fate).collect()
    };
    let reseal = |change: &dyn Fn(&mut Snapshot)| {
        let mut changed = snapshot.clone();
        change(&mut changed);
        changed.seal(bed.repository.keys(), &[9; 32]).unwrap()
    };
    bed.set(
        &key,
        reseal(&|changed| changed.state = SnapshotState::Pending { refreshed: changed.origin.started }),
    );
    assert_eq!(fates(&bed), [Fate::Reverted]);
    bed.set(&key, reseal(&|changed| changed.origin.source.push('x')));
    assert_eq!(fates(&bed), [Fate::Altered]);
    bed.set(
        &key,
        reseal(&|changed| changed.state = SnapshotState::Deleted(changed.completion().unwrap().clone())),
    );
    assert_eq!(fates(&bed), []);
    bed.remove(&key);
    assert_eq!(fates(&bed), [Fate::Vanished]);
    // Damage is reported elsewhere.
    bed.set(&key, whole[..200].to_vec());
    assert_eq!(fates(&bed), []);
}

#[test]
fn damaged_records_are_told_and_their_numbers_are_not_used_again() {
    let bed = Bed::new();
    let mut writer = author(1);
    back_up(&bed, &bed.repository, &mut writer).unwrap();
    let next = RecordName { writer: writer.writer, sequence: 2 };
    bed.set(&log_key(next), vec![1; 300]);
    back_up(&bed, &bed.repository, &mut writer).unwrap();
    assert_eq!(writer.last.unwrap().name.sequence, 3);
    let book = read(&bed);
    assert_eq!(book.damaged().map(|(found, _)| found.name).collect::<Vec<_>>(), [next]);
    assert_eq!(losses(&bed, &SeenHistory::default()), []);
    // Written between the check and the new record: the next number is taken.
    let mut late = read(&bed);
    let squatted = RecordName { sequence: 4, ..next };
    bed.set(&log_key(squatted), vec![1; 300]);
    late.append(&bed.repository, None, &mut writer, LogEvents::default()).unwrap();
    assert_eq!(writer.last.unwrap().name.sequence, 5);
}

#[test]
fn much_to_say_becomes_several_records() {
    let bed = Bed::new();
    let completed: Vec<_> = (0..LOG_ITEMS_MAX as u64 * 2 + 5)
        .map(|number| CompletedSnapshot {
            run: RunId::new(number, [0; 10]),
            digest: icecore_format::ids::SnapshotDigest([1; 32]),
            source: "home".to_owned(),
            host: "server".to_owned(),
            started: icecore_format::entry::Time::default(),
        })
        .collect();
    let number = completed.len();
    let events = LogEvents { completed, ..LogEvents::default() };
    read(&bed).append(&bed.repository, None, &mut author(1), events).unwrap();
    let book = read(&bed);
    assert_eq!((book.history().len(), book.history().tips().len()), (3, 1));
    assert_eq!(losses(&bed, &SeenHistory::default()).len(), number);
}

#[test]
fn holds_and_releases_are_recorded() {
    let bed = Bed::new();
    let hold = |number| HeldSnapshot {
        run: RunId::new(number, [0; 10]),
        until_seconds: None,
        reason: "audit".to_owned(),
    };
    let holds: Vec<_> = (0..=LOG_HOLDS_MAX as u64).map(hold).collect();
    let mut author = author(1);
    read(&bed)
        .append(&bed.repository, None, &mut author, LogEvents { holds, ..LogEvents::default() })
        .unwrap();
    let book = read(&bed);
    assert_eq!((book.history().len(), book.history().held_snapshots().count()), (2, LOG_HOLDS_MAX + 1));
    let releases = vec![hold(0).run];
    read(&bed)
        .append(&bed.repository, None, &mut author, LogEvents { releases, ..LogEvents::default() })
        .unwrap();
    let book = read(&bed);
    assert_eq!(book.history().held(hold(0).run), None);
    assert_eq!(book.history().held(hold(1).run), Some(&hold(1)));
}

#[test]
fn known_records_are_not_fetched_again() {
    use icecore_store::{meter::MeterStore, method::Method};
    let bed = Bed::new();
    for _ in 0..3 {
        back_up(&bed, &bed.repository, &mut author(1)).unwrap();
    }
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(Arc::new(meter.clone()));
    let mut catalog = bed.catalog();
    for (round, gets) in [(1, 3), (2, 3)] {
        LogBook::read(&repository, &mut catalog).unwrap();
        assert_eq!(meter.usage().of_method(Method::Get).calls, gets, "round {round}");
    }
    bed.remove(&bed.keys_under(LOG_PREFIX)[1]);
    LogBook::read(&repository, &mut catalog).unwrap();
    assert_eq!(catalog.log_records().unwrap().len(), 2);
    assert_eq!(meter.usage().of_method(Method::List).calls, 3);
    assert!(bed.keys_under(SNAPSHOTS_PREFIX).len() == 3);
}
