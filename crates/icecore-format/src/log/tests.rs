use super::*;
use crate::{
    fixtures::{RUN, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, noise_array},
    ids::{ChunkId, GroupId, WriterId},
    node::Totals,
    snapshot::{
        Completion, DamageMark, DedupScope, Hold, Level, SnapshotOrigin, SnapshotState, SnapshotStatistics,
    },
};

fn name(sequence: u32) -> RecordName {
    RecordName { writer: WriterId(noise_array("writer")), sequence }
}

fn reference(sequence: u32, label: &str) -> RecordReference {
    RecordReference { name: name(sequence), hash: RecordHash(noise_array(label)) }
}

fn salt() -> Salt {
    noise_array("log salt")
}

fn time(seconds: i64) -> Time {
    Time { seconds, nanoseconds: 5 }
}

fn snapshot() -> Snapshot {
    let origin = SnapshotOrigin {
        run: RUN,
        source: "home".to_owned(),
        host: "server".to_owned(),
        root: b"/srv/\xff".to_vec(),
        command: vec![],
        started: time(1_795_000_000),
        level: Level::Differential,
        dedup: DedupScope::Group,
        group: GroupId::new(1, [2; 10]),
        base: None,
        tags: [("plan".to_owned(), "daily".to_owned())].into(),
        program: "icecore 0.1.0".to_owned(),
        copy_of: None,
        sequence: 0,
    };
    let completion = Completion {
        finished: time(1_795_000_060),
        root_node: ChunkId(noise_array("root")),
        root_level: 2,
        totals: Totals { entries: 1_000_000, files: 900_000, bytes: 1 << 40 },
        errors: 3,
        condemned_epoch: 0,
        statistics: SnapshotStatistics::default(),
        damage: None,
        left_out: None,
        time_granularity: 0,
        hold: None,
        note: String::new(),
    };
    Snapshot { origin, state: SnapshotState::Complete(completion) }
}

fn everything() -> LogRecord {
    LogRecord {
        references: vec![reference(6, "one"), reference(5, "two")],
        completed: vec![CompletedSnapshot::of(&snapshot()).unwrap()],
        deleted: vec![DeletedSnapshot {
            run: RunId([8; 16]),
            reason: "keep-last 3".to_owned(),
            time: time(9),
        }],
        lost_records: vec![reference(4, "three")],
        lost_snapshots: vec![RunId([9; 16])],
        ..LogRecord::new(name(7), time(1_795_000_061), "server", "icecore 0.1.0")
    }
}

fn held(until_seconds: Option<i64>, reason: &str) -> HeldSnapshot {
    HeldSnapshot { run: RUN, until_seconds, reason: reason.to_owned() }
}

fn open(object: &[u8]) -> FormatResult<LogRecord> {
    LogRecord::open(&keys(), name(7), object)
}

#[test]
fn log_bytes_are_pinned() {
    let small = LogRecord::new(name(7), time(1), "server", "test");
    assert_golden("log-record", &encode_record(&Wire::from(&small)).unwrap());
    assert_golden("log-record-everything", &encode_record(&Wire::from(&everything())).unwrap());
    let holds = LogRecord {
        holds: vec![held(None, "audit"), held(Some(1_800_000_000), "")],
        releases: vec![RunId([9; 16])],
        ..small
    };
    assert_golden("log-record-holds", &encode_record(&Wire::from(&holds)).unwrap());
    assert_eq!(open(&holds.seal(&keys(), &salt()).unwrap()), Ok(holds));
    assert_golden("log-object", &everything().seal(&keys(), &salt()).unwrap());
    assert_golden("snapshot-digest", &snapshot_digest(&snapshot()).unwrap().0);
}

#[test]
fn records_come_back_as_they_were() {
    for record in [everything(), LogRecord::new(name(7), time(-1), "", "")] {
        let object = record.seal(&keys(), &salt()).unwrap();
        assert_eq!(open(&object), Ok(record));
    }
}

#[test]
fn damaged_and_foreign_objects_are_refused() {
    let object = everything().seal(&keys(), &salt()).unwrap();
    assert_refuses_truncation(&object, open);
    assert_refuses_changes(&object, open);
    for other in [name(8), RecordName { writer: WriterId([0; 16]), ..name(7) }] {
        assert!(LogRecord::open(&keys(), other, &object).unwrap_err().is_corruption());
    }
    let as_snapshot = snapshot().seal(&keys(), &salt()).unwrap();
    assert!(open(&as_snapshot).is_err());
}

#[test]
fn records_beyond_the_bounds_are_neither_written_nor_read() {
    let many = |length| vec![reference(1, "one"); length];
    let long = "x".repeat(LOG_TEXT_BYTES_MAX + 1);
    let small = LogRecord::new(name(7), time(1), "server", "test");
    let whole =
        LogRecord { references: many(LOG_ITEMS_MAX), host: "x".repeat(LOG_TEXT_BYTES_MAX), ..small.clone() };
    assert_eq!(open(&whole.seal(&keys(), &salt()).unwrap()), Ok(whole));
    let completed = CompletedSnapshot { source: long.clone(), ..CompletedSnapshot::of(&snapshot()).unwrap() };
    let deleted = DeletedSnapshot { run: RUN, reason: long.clone(), time: time(0) };
    let broken = [
        LogRecord { references: many(LOG_ITEMS_MAX + 1), ..small.clone() },
        LogRecord { lost_records: many(LOG_ITEMS_MAX + 1), ..small.clone() },
        LogRecord { lost_snapshots: vec![RUN; LOG_ITEMS_MAX + 1], ..small.clone() },
        LogRecord { completed: vec![completed], ..small.clone() },
        LogRecord { holds: vec![held(None, ""); LOG_HOLDS_MAX + 1], ..small.clone() },
        LogRecord { holds: vec![held(None, &long)], ..small.clone() },
        LogRecord { releases: vec![RUN; LOG_ITEMS_MAX + 1], ..small.clone() },
        LogRecord { deleted: vec![deleted], ..small.clone() },
        LogRecord { host: long.clone(), ..small.clone() },
        LogRecord { program: long, ..small.clone() },
        LogRecord { written: Time { seconds: 0, nanoseconds: 1_000_000_000 }, ..small.clone() },
        LogRecord { name: name(0), ..small },
    ];
    for record in broken {
        // As a host would write it that has the key but ignores the bounds.
        let bytes = encode_record(&Wire::from(&record)).unwrap();
        let object = seal_object(&keys(), ObjectKind::Log, &salt(), &bytes).unwrap();
        assert!(LogRecord::open(&keys(), record.name, &object).unwrap_err().is_corruption(), "{record:?}");
    }
}

#[test]
fn a_record_with_full_lists_and_texts_fits() {
    let text = "x".repeat(LOG_TEXT_BYTES_MAX);
    let time = Time { seconds: i64::MIN, nanoseconds: 999_999_999 };
    let completed = CompletedSnapshot {
        source: text.clone(),
        host: text.clone(),
        started: time,
        ..CompletedSnapshot::of(&snapshot()).unwrap()
    };
    let full = LogRecord {
        references: vec![reference(u32::MAX, "one"); LOG_ITEMS_MAX],
        completed: vec![completed; LOG_ITEMS_MAX],
        deleted: vec![DeletedSnapshot { run: RUN, reason: text.clone(), time }; LOG_ITEMS_MAX],
        lost_records: vec![reference(u32::MAX, "two"); LOG_ITEMS_MAX],
        lost_snapshots: vec![RUN; LOG_ITEMS_MAX],
        holds: vec![held(Some(i64::MIN), &text); LOG_HOLDS_MAX],
        releases: vec![RUN; LOG_ITEMS_MAX],
        ..LogRecord::new(name(7), time, &text, &text)
    };
    assert_eq!(open(&full.seal(&keys(), &salt()).unwrap()), Ok(full));
}

#[test]
fn unknown_fields_are_skipped() {
    let mut bytes = encode_record(&Wire::from(&LogRecord::new(name(7), time(1), "server", "test"))).unwrap();
    assert_eq!(bytes[0], 0xa5, "a map of five");
    bytes[0] = 0xa6;
    bytes.extend_from_slice(&[0x18, 99, 0x82, 1, 2]);
    let object = seal_object(&keys(), ObjectKind::Log, &salt(), &bytes).unwrap();
    assert_eq!(open(&object), Ok(LogRecord::new(name(7), time(1), "server", "test")));
}

type Change<'a> = &'a dyn Fn(&mut SnapshotOrigin, &mut Completion);

#[test]
fn the_digest_covers_what_must_not_change_and_nothing_else() {
    let digest = |change: Change<'_>| {
        let mut changed = snapshot();
        let mut completion = changed.completion().unwrap().clone();
        change(&mut changed.origin, &mut completion);
        changed.state = SnapshotState::Complete(completion);
        snapshot_digest(&changed).unwrap()
    };
    let original = digest(&|_, _| {});
    let changes: [Change<'_>; 9] = [
        &|origin, _| origin.run = RunId([1; 16]),
        &|origin, _| origin.source.push('x'),
        &|origin, _| origin.host.push('x'),
        &|origin, _| origin.root.push(b'x'),
        &|origin, _| origin.started.nanoseconds += 1,
        &|origin, _| origin.level = Level::Full,
        &|origin, _| origin.group = RUN,
        &|_, completion| completion.root_node = ChunkId([1; 24]),
        &|_, completion| completion.totals.bytes += 1,
    ];
    for (number, change) in changes.iter().enumerate() {
        assert_ne!(digest(change), original, "change {number}");
    }
    assert_eq!(
        digest(&|origin, completion| {
            origin.tags.clear();
            completion.statistics.bytes_read = 1;
            completion.damage = Some(DamageMark { noted: time(1), files: 1 });
            completion.hold = Some(Hold { until_seconds: None, reason: String::new(), placed: time(1) });
            completion.note.push('x');
        }),
        original
    );
    let pending = Snapshot { state: SnapshotState::Aborted { reason: String::new() }, ..snapshot() };
    assert_eq!(snapshot_digest(&pending), None);
}

#[test]
fn texts_are_cut_between_characters() {
    let text = format!("{}ö", "x".repeat(LOG_TEXT_BYTES_MAX - 1));
    assert_eq!(cut_text(&text).len(), LOG_TEXT_BYTES_MAX - 1);
    assert_eq!(cut_text("short"), "short");
}

#[test]
fn names_have_one_form() {
    let text = name(7).to_string();
    assert!(text.ends_with("/000007"), "{text}");
    for sequence in [1, 999_999, 1_000_000, u32::MAX] {
        assert_eq!(RecordName::parse(&name(sequence).to_string()), Ok(name(sequence)));
    }
    let writer = name(1).writer;
    for number in ["", "7", "0000007", "000000", "+00007", "00000a", "4294967296", "000007/"] {
        assert!(RecordName::parse(&format!("{writer}/{number}")).is_err(), "{number}");
    }
    assert!(RecordName::parse("000007").is_err());
}
