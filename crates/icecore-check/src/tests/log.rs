//! Intact logs, and logs that show losses.

use icecore_format::{
    entry::Time,
    history::{Fate, Loss, SeenHistory},
    ids::{RecordHash, RecordName, SnapshotDigest, WriterId},
    layout,
    log::{CompletedSnapshot, DeletedSnapshot, LogRecord, RecordReference},
    snapshot::{Snapshot, SnapshotState},
};

use super::builder::{Repository, kinds, run, usual, usual_spec};
use crate::{CheckOptions, CheckReport, ProblemKind, Severity};

pub(super) fn name(writer: u8, sequence: u32) -> RecordName {
    RecordName { writer: WriterId([writer; 16]), sequence }
}

fn stored(repository: &Repository, number: u8) -> Snapshot {
    let object = repository.get(&layout::snapshot_key(run(number)));
    Snapshot::open(&repository.keys, run(number), &object).expect("snapshot")
}

/// Stores a record that `change` edits, and returns a reference to it.
pub(super) fn add_record(
    repository: &mut Repository,
    name: RecordName,
    references: &[RecordReference],
    change: impl FnOnce(&mut LogRecord),
) -> RecordReference {
    let mut record = LogRecord::new(name, Time::default(), "server", "test");
    record.references = references.to_vec();
    change(&mut record);
    let salt = repository.salt();
    let object = record.seal(&repository.keys, &salt).expect("record");
    let hash = RecordHash::of(&object);
    repository.put(&layout::log_key(name), object);
    RecordReference { name, hash }
}

/// The usual repository with a log: writer 1 names both snapshots, and a record of writer 2 refers to that.
pub(super) fn logged() -> (Repository, Vec<RecordReference>) {
    let mut repository = usual();
    let completed =
        [1, 2].map(|number| CompletedSnapshot::of(&stored(&repository, number)).expect("complete"));
    let [one, two] = completed;
    let first = add_record(&mut repository, name(1, 1), &[], |record| record.completed.push(one));
    let second = add_record(&mut repository, name(1, 2), &[first], |record| record.completed.push(two));
    let third = add_record(&mut repository, name(2, 1), &[second], |_| {});
    (repository, vec![first, second, third])
}

fn objects(report: &CheckReport, kind: ProblemKind) -> Vec<String> {
    let problems = report.problems.iter().filter(|problem| problem.kind == kind);
    problems.map(|problem| problem.object.clone().unwrap_or_default()).collect()
}

fn after_seeing(repository: &Repository, tips: &[RecordReference]) -> CheckReport {
    let seen = SeenHistory { tips: tips.to_vec(), ..SeenHistory::default() };
    repository.check_with(&CheckOptions { seen, ..Repository::options() })
}

#[test]
fn a_log_that_holds_is_no_problem() {
    let (repository, records) = logged();
    let report = after_seeing(&repository, &records);
    assert_eq!(report.problems, []);
    assert_eq!((report.log_records, report.snapshots_unnamed), (3, 0));
}

#[test]
fn a_repository_without_a_log_is_no_problem_either() {
    let report = usual().check();
    assert_eq!(report.problems, []);
    assert_eq!((report.log_records, report.snapshots_unnamed), (0, 2));
}

/// Gives a snapshot a time, in seconds from `started`, and a position in the order of its source.
fn at_time(repository: &mut Repository, number: u8, started: i64) {
    let mut snapshot = stored(repository, number);
    let time = |seconds| Time { seconds, nanoseconds: 0 };
    snapshot.origin.started = time(started);
    snapshot.origin.sequence = u64::from(number);
    if let SnapshotState::Complete(completion) = &mut snapshot.state {
        completion.finished = time(started + 5);
    }
    let salt = repository.salt();
    let object = snapshot.seal(&repository.keys, &salt).expect("snapshot");
    let key = layout::snapshot_key(run(number));
    repository.delete(&key);
    repository.put(&key, object);
}

#[test]
fn a_snapshot_without_a_name_is_damage_once_a_record_names_a_later_one() {
    let mut repository = usual();
    at_time(&mut repository, 1, 10);
    at_time(&mut repository, 2, 20);
    let report = repository.check();
    assert_eq!((report.losses, report.snapshots_unnamed), (vec![], 2), "both runs may have been killed");
    let later = CompletedSnapshot::of(&stored(&repository, 2)).expect("complete");
    add_record(&mut repository, name(2, 1), &[], |record| record.completed.push(later));
    let report = repository.check();
    assert_eq!(objects(&report, ProblemKind::SnapshotUnnamed), [layout::snapshot_key(run(1))]);
    assert!(!report.is_healthy());
    assert_eq!(report.snapshots_unnamed, 0);
    let [Loss::NamingRecord(missed)] = &report.losses[..] else { panic!("{:?}", report.losses) };
    let missed = missed.clone();
    // A host that has seen it before is not alarmed, and a record that names it ends the alarm for all.
    let seen = SeenHistory { snapshots: vec![missed.clone()], ..SeenHistory::default() };
    let seen = repository.check_with(&CheckOptions { seen, ..Repository::options() });
    assert_eq!((seen.losses, seen.snapshots_unnamed), (vec![], 1));
    add_record(&mut repository, name(1, 1), &[], |record| record.completed.push(missed));
    let report = repository.check();
    assert_eq!((report.problems, report.snapshots_unnamed), (vec![], 0));
}

#[test]
fn a_snapshot_that_is_gone_is_named() {
    let (repository, _) = logged();
    let key = layout::snapshot_key(run(2));
    repository.delete(&key);
    let report = repository.check();
    assert_eq!(objects(&report, ProblemKind::SnapshotVanished), [key]);
    assert!(report.problems[0].detail.contains("\"home\""), "{:?}", report.problems);
    assert!(!report.is_healthy());
    assert!(matches!(&report.losses[..], [Loss::Snapshot { fate: Fate::Vanished, .. }]));
}

#[test]
fn a_snapshot_that_is_incomplete_again_or_another_one_is_named() {
    for state in [
        SnapshotState::Pending { refreshed: Time::default() },
        SnapshotState::Aborted { reason: String::new() },
    ] {
        let (mut repository, _) = logged();
        repository.delete(&layout::snapshot_key(run(2)));
        repository.put_snapshot(&usual_spec(2), state);
        assert!(kinds(&repository.check()).contains(&ProblemKind::SnapshotReverted));
    }
    let (mut repository, records) = logged();
    let mut other = CompletedSnapshot::of(&stored(&repository, 1)).expect("complete");
    other.digest = SnapshotDigest([0; 32]);
    add_record(&mut repository, name(2, 2), &records, |record| record.completed.push(other));
    assert_eq!(objects(&repository.check(), ProblemKind::SnapshotAltered), [layout::snapshot_key(run(1))]);
}

#[test]
fn a_snapshot_that_was_deleted_on_purpose_is_not_missed() {
    // First the object says so, then the log; then the object may be deleted.
    let (mut repository, records) = logged();
    let complete = stored(&repository, 2).completion().expect("complete").clone();
    repository.delete(&layout::snapshot_key(run(2)));
    repository.put_snapshot(&usual_spec(2), SnapshotState::Deleted(complete));
    assert_eq!(repository.check().losses, []);
    let deleted = DeletedSnapshot { run: run(2), reason: "old".to_owned(), time: Time::default() };
    add_record(&mut repository, name(2, 2), &records, |record| record.deleted.push(deleted));
    repository.delete(&layout::snapshot_key(run(2)));
    assert_eq!(repository.check().losses, []);
}

#[test]
fn records_that_are_gone_are_missed_by_later_ones_and_by_who_has_seen_them() {
    let (repository, records) = logged();
    repository.delete(&layout::log_key(records[1].name));
    let report = repository.check();
    assert_eq!(objects(&report, ProblemKind::LogRecordMissing), [layout::log_key(records[1].name)]);
    // Only a host that has seen the end of the log misses it.
    let (repository, records) = logged();
    repository.delete(&layout::log_key(records[2].name));
    assert!(repository.check().is_healthy());
    let report = after_seeing(&repository, &records[2..]);
    assert_eq!(objects(&report, ProblemKind::OlderThanSeen), [layout::log_key(records[2].name)]);
    assert!(!report.is_healthy());
}

#[test]
fn a_record_that_does_not_open_or_is_another_one_is_damage() {
    let (repository, records) = logged();
    let key = layout::log_key(records[0].name);
    let mut object = repository.get(&key);
    object[200] ^= 1;
    repository.replace(&key, object);
    let report = repository.check();
    assert_eq!(objects(&report, ProblemKind::LogRecordDamaged), [key.as_str()]);
    assert_eq!(objects(&report, ProblemKind::LogRecordMissing), [key.as_str()]);
    // A genuine record with the same name, but not the one that was seen.
    let (mut repository, records) = logged();
    repository.delete(&key);
    add_record(&mut repository, records[0].name, &[], |record| record.host = "other".to_owned());
    assert_eq!(objects(&repository.check(), ProblemKind::LogRecordMissing), [key]);
}

#[test]
fn accepted_losses_are_notes() {
    let (mut repository, records) = logged();
    repository.delete(&layout::log_key(records[1].name));
    repository.delete(&layout::snapshot_key(run(2)));
    add_record(&mut repository, name(3, 1), &records[2..], |record| {
        record.lost_records = vec![records[1]];
        record.lost_snapshots = vec![run(2)];
    });
    let report = after_seeing(&repository, &records);
    assert_eq!(kinds(&report), [ProblemKind::LossAccepted]);
    assert_eq!(report.problems[0].severity, Severity::Note);
    assert_eq!(report.losses, []);
}
