use proptest::prelude::*;

use super::{wire::CompletionRecord, *};
use crate::{
    fixtures::{
        RUN, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, keys_of, noise_array,
    },
    ids::RepositoryId,
    limits::NODE_LEVEL_MAX,
};

fn origin() -> SnapshotOrigin {
    SnapshotOrigin {
        run: RUN,
        source: "home".to_owned(),
        host: "server".to_owned(),
        root: b"/srv/\xff".to_vec(),
        command: vec![],
        started: Time { seconds: 1_795_000_000, nanoseconds: 5 },
        level: Level::Full,
        dedup: DedupScope::Repository,
        group: RUN,
        base: None,
        tags: BTreeMap::new(),
        program: "icecore 0.1.0".to_owned(),
        copy_of: None,
        sequence: 0,
    }
}

fn completion() -> Completion {
    Completion {
        finished: Time { seconds: 1_795_000_060, nanoseconds: 0 },
        root_node: ChunkId(noise_array("root")),
        root_level: 2,
        totals: Totals { entries: 1_000_000, files: 900_000, bytes: 1 << 40 },
        errors: 3,
        condemned_epoch: 0,
        statistics: SnapshotStatistics {
            files_new: 7,
            duration_milliseconds: 60_000,
            ..SnapshotStatistics::default()
        },
        damage: None,
        left_out: None,
        time_granularity: 0,
        hold: None,
        note: String::new(),
    }
}

fn marked(noted: Time) -> SnapshotState {
    SnapshotState::Complete(Completion { damage: Some(DamageMark { noted, files: 12 }), ..completion() })
}

fn full_origin() -> SnapshotOrigin {
    SnapshotOrigin {
        command: vec!["pg_dump".to_owned(), "-Fc".to_owned()],
        level: Level::Differential,
        dedup: DedupScope::Group,
        base: Some(RunId([8; 16])),
        tags: BTreeMap::from([("plan".to_owned(), "daily".to_owned()), ("z".to_owned(), String::new())]),
        ..origin()
    }
}

fn states() -> [SnapshotState; 4] {
    [
        SnapshotState::Pending { refreshed: Time { seconds: 1_795_000_030, nanoseconds: 999_999_999 } },
        SnapshotState::Complete(completion()),
        SnapshotState::Aborted { reason: "fenced".to_owned() },
        SnapshotState::Deleted(completion()),
    ]
}

fn salt() -> Salt {
    noise_array("snapshot salt")
}

fn round_trip(snapshot: &Snapshot) -> FormatResult<Snapshot> {
    Snapshot::open(&keys(), snapshot.origin.run, &snapshot.seal(&keys(), &salt())?)
}

fn record(state: SnapshotState) -> SnapshotRecord {
    SnapshotRecord::from(&Snapshot { origin: full_origin(), state })
}

#[test]
fn snapshot_bytes_are_pinned() {
    for (number, state) in states().into_iter().enumerate() {
        let bytes = encode_record(&SnapshotRecord::from(&Snapshot { origin: origin(), state })).unwrap();
        assert_golden(&format!("snapshot-record-{number}"), &bytes);
    }
    let [_, complete, ..] = states();
    assert_golden("snapshot-record-everything", &encode_record(&record(complete.clone())).unwrap());
    // Another group than the run: with repetitions the record would be compressed, and the golden bytes would
    // depend on zstd.
    let origin = SnapshotOrigin { group: RunId(noise_array("group")), ..origin() };
    let snapshot = Snapshot { origin, state: complete };
    assert_golden("snapshot-object", &snapshot.seal(&keys(), &salt()).unwrap());
}

#[test]
fn snapshots_come_back_in_every_state() {
    for state in states() {
        for origin in [origin(), full_origin()] {
            let snapshot = Snapshot { origin, state: state.clone() };
            assert_eq!(round_trip(&snapshot), Ok(snapshot));
        }
    }
}

#[test]
fn damage_marks_are_pinned_and_come_back() {
    let state = marked(Time { seconds: 1_795_100_000, nanoseconds: 5 });
    let snapshot = Snapshot { origin: origin(), state };
    assert_golden("snapshot-record-marked", &encode_record(&SnapshotRecord::from(&snapshot)).unwrap());
    assert_eq!(round_trip(&snapshot), Ok(snapshot));
    let wrong = marked(Time { seconds: 0, nanoseconds: 1_000_000_000 });
    assert!(round_trip(&Snapshot { origin: origin(), state: wrong }).is_err());
}

fn noted(until_seconds: Option<i64>) -> Completion {
    let placed = Time { seconds: 1_795_200_000, nanoseconds: 7 };
    let hold = Hold { until_seconds, reason: "audit".to_owned(), placed };
    Completion { hold: Some(hold), note: "before the move".to_owned(), ..completion() }
}

#[test]
fn holds_and_notes_are_pinned_and_come_back() {
    let snapshot = |state| Snapshot { origin: origin(), state };
    let held = snapshot(SnapshotState::Complete(noted(Some(1_800_000_000))));
    assert_golden("snapshot-record-held", &encode_record(&SnapshotRecord::from(&held)).unwrap());
    for state in [SnapshotState::Complete(noted(None)), SnapshotState::Deleted(noted(Some(-1)))] {
        assert_eq!(round_trip(&snapshot(state.clone())), Ok(snapshot(state)));
    }
    assert_eq!(round_trip(&held), Ok(held));
}

#[test]
fn only_what_was_complete_has_a_hold_or_a_note() {
    let [pending, _, aborted, _] = states();
    for state in [pending, aborted] {
        let noted = record(SnapshotState::Complete(noted(None)));
        let held = SnapshotRecord { hold: noted.hold, ..record(state.clone()) };
        assert!(Snapshot::try_from(held).is_err());
        assert!(Snapshot::try_from(SnapshotRecord { note: noted.note, ..record(state) }).is_err());
    }
}

#[test]
fn long_notes_and_reasons_are_refused() {
    let long = || "x".repeat(TEXT_BYTES_MAX + 1);
    let note = Completion { note: long(), ..completion() };
    let mut reason = noted(None);
    reason.hold.as_mut().unwrap().reason = long();
    for completion in [note, reason] {
        let state = SnapshotState::Complete(completion);
        assert!(Snapshot::try_from(record(state.clone())).is_err());
        assert!(round_trip(&Snapshot { origin: origin(), state }).is_err());
    }
}

#[test]
fn copies_are_pinned_and_know_their_first_original() {
    let identity = SnapshotIdentity { repository: RepositoryId([7; 16]), run: RunId([8; 16]) };
    let [_, state, ..] = states();
    let snapshot = Snapshot { origin: SnapshotOrigin { copy_of: Some(identity), ..origin() }, state };
    assert_golden("snapshot-record-copy", &encode_record(&SnapshotRecord::from(&snapshot)).unwrap());
    assert_eq!(snapshot.origin.identity(RepositoryId([9; 16])), identity);
    let repository = RepositoryId([9; 16]);
    assert_eq!(origin().identity(repository), SnapshotIdentity { repository, run: RUN });
    assert_eq!(round_trip(&snapshot), Ok(snapshot));
}

#[test]
fn a_snapshot_under_another_name_can_be_rescued() {
    let [_, complete, ..] = states();
    let snapshot = Snapshot { origin: origin(), state: complete };
    let object = snapshot.seal(&keys(), &salt()).unwrap();
    assert!(Snapshot::open(&keys(), RunId([9; 16]), &object).is_err());
    assert_eq!(Snapshot::open_any(&keys(), &object), Ok(snapshot));
}

#[test]
fn only_complete_snapshots_have_a_completion() {
    let has = states().map(|state| Snapshot { origin: origin(), state }.completion().is_some());
    assert_eq!(has, [false, true, false, false]);
}

#[test]
fn damage_anywhere_is_refused() {
    let [pending, ..] = states();
    let object = Snapshot { origin: origin(), state: pending }.seal(&keys(), &salt()).unwrap();
    let open = |object: &[u8]| Snapshot::open(&keys(), RUN, object);
    assert_refuses_truncation(&object, open);
    assert_refuses_changes(&object, open);
}

#[test]
fn the_snapshot_of_another_run_or_repository_is_refused() {
    let [pending, ..] = states();
    let object = Snapshot { origin: origin(), state: pending }.seal(&keys(), &salt()).unwrap();
    assert!(Snapshot::open(&keys(), RunId([1; 16]), &object).is_err());
    assert!(Snapshot::open(&keys_of(RepositoryId([1; 16]), &[0]), RUN, &object).is_err());
}

#[test]
fn fields_that_do_not_go_with_the_state_are_refused() {
    let [pending, complete, aborted, deleted] = states();
    let refused = |record: SnapshotRecord| assert!(Snapshot::try_from(record).is_err());
    for state in [1, 2, 3, 4, 255] {
        refused(SnapshotRecord { state, ..record(pending.clone()) });
    }
    for state in [0, 2, 4] {
        refused(SnapshotRecord { state, ..record(complete.clone()) });
    }
    for state in [0, 1, 3] {
        refused(SnapshotRecord { state, ..record(aborted.clone()) });
    }
    refused(SnapshotRecord { refreshed: None, ..record(pending) });
    refused(SnapshotRecord { completion: None, ..record(complete.clone()) });
    refused(SnapshotRecord { refreshed: Some((0, 0)), ..record(complete) });
    refused(SnapshotRecord { refreshed: Some((0, 0)), ..record(deleted) });
}

#[test]
fn an_aborted_snapshot_needs_no_reason() {
    let [_, _, aborted, _] = states();
    let snapshot = Snapshot::try_from(SnapshotRecord { reason: None, ..record(aborted) }).unwrap();
    assert_eq!(snapshot.state, SnapshotState::Aborted { reason: String::new() });
}

#[test]
fn records_that_break_a_rule_are_refused() {
    let long = || "x".repeat(TEXT_BYTES_MAX + 1);
    let bad: [&dyn Fn(&mut SnapshotRecord); 13] = [
        &|record| record.level = 3,
        &|record| record.dedup = 2,
        &|record| record.started.1 = 1_000_000_000,
        &|record| record.source = long(),
        &|record| record.host = long(),
        &|record| record.program = long(),
        &|record| record.root = vec![0; TEXT_BYTES_MAX + 1].into(),
        &|record| record.command = Some(vec![long()]),
        &|record| record.tags = Some(BTreeMap::from([("k".to_owned(), long())])),
        &|record| record.tags = Some(BTreeMap::from([(long(), String::new())])),
        &|record| record.tags = Some((0..=TAGS_MAX).map(|tag| (tag.to_string(), String::new())).collect()),
        &|record| record.base = Some(vec![0; 15].into()),
        &|record| record.base = Some(vec![].into()),
    ];
    let [_, complete, ..] = states();
    for change in bad {
        let mut changed = record(complete.clone());
        change(&mut changed);
        assert!(Snapshot::try_from(changed).is_err());
    }
    let bad: [&dyn Fn(&mut CompletionRecord); 4] = [
        &|completion| completion.root_level = NODE_LEVEL_MAX + 1,
        &|completion| completion.root_node = vec![0; 23].into(),
        &|completion| completion.root_node = vec![0; 25].into(),
        &|completion| completion.finished.1 = u32::MAX,
    ];
    for change in bad {
        let mut changed = record(complete.clone());
        change(changed.completion.as_mut().unwrap());
        assert!(Snapshot::try_from(changed).is_err());
    }
}

#[test]
fn what_would_not_open_is_not_sealed() {
    let long = || "x".repeat(TEXT_BYTES_MAX + 1);
    let bad: [&dyn Fn(&mut SnapshotOrigin); 8] = [
        &|origin| origin.source = long(),
        &|origin| origin.host = long(),
        &|origin| origin.program = long(),
        &|origin| origin.root = vec![b'x'; TEXT_BYTES_MAX + 1],
        &|origin| origin.command.push(long()),
        &|origin| origin.tags = BTreeMap::from([("k".to_owned(), long())]),
        &|origin| origin.tags = BTreeMap::from([(long(), String::new())]),
        &|origin| origin.tags = (0..=TAGS_MAX).map(|tag| (tag.to_string(), String::new())).collect(),
    ];
    for change in bad {
        let mut origin = full_origin();
        change(&mut origin);
        assert!(origin.validate().is_err());
        for state in states() {
            let refused = Snapshot { origin: origin.clone(), state }.seal(&keys(), &salt());
            assert!(matches!(refused, Err(FormatError::Malformed { .. })));
        }
    }
    // The longest allowed text is read back.
    let text = "x".repeat(TEXT_BYTES_MAX);
    let mut origin = full_origin();
    origin.tags = (0..TAGS_MAX).map(|tag| (tag.to_string(), "v".to_owned())).collect();
    origin.tags.insert("0".to_owned(), text.clone());
    (origin.source, origin.root) = (text.clone(), text.into_bytes());
    let snapshot = Snapshot { origin, state: SnapshotState::Complete(completion()) };
    assert_eq!(round_trip(&snapshot), Ok(snapshot));
}

#[test]
fn unknown_fields_are_skipped_and_trailing_bytes_are_not() {
    let [pending, ..] = states();
    let bytes = encode_record(&record(pending)).unwrap();
    let decode = |bytes: &[u8]| decode_record::<SnapshotRecord>(WHAT, bytes).and_then(Snapshot::try_from);
    let fields = bytes[0] & 0x1f;
    let longer = [&[0xa0 + fields + 1], &bytes[1..], &[0x18, 77, 0x82, 1, 0xa0]].concat();
    assert_eq!(decode(&longer), decode(&bytes));
    assert!(decode(&longer).is_ok());
    assert!(decode(&[&bytes[..], &[0]].concat()).is_err());
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err());
    }
}

#[test]
fn what_was_left_out_is_bounded() {
    let small =
        LeftOut { patterns: vec!["*.iso".to_owned()], paths: vec![b"a".to_vec()], ..LeftOut::default() };
    assert_eq!(small.clone().bounded(), small);
    let many = LeftOut { patterns: vec![String::new(); LEFT_OUT_ITEMS_MAX + 1], ..LeftOut::default() };
    let long = LeftOut { paths: vec![vec![b'a'; LEFT_OUT_BYTES_MAX]], ..LeftOut::default() };
    for beyond in [many, long] {
        let completion = Completion { left_out: Some(beyond.clone()), ..completion() };
        let snapshot = Snapshot { origin: origin(), state: SnapshotState::Complete(completion.clone()) };
        assert!(round_trip(&snapshot).is_err());
        let bounded = beyond.bounded();
        assert!(bounded.more);
        let completion = Completion { left_out: Some(bounded), ..completion };
        let snapshot = Snapshot { origin: origin(), state: SnapshotState::Complete(completion) };
        assert_eq!(round_trip(&snapshot), Ok(snapshot));
    }
}

prop_compose! {
    fn any_time()(seconds in any::<i64>(), nanoseconds in 0u32..1_000_000_000) -> Time {
        Time { seconds, nanoseconds }
    }
}

prop_compose! {
    fn any_left_out()(
        patterns in prop::collection::vec(any::<String>(), 0..4),
        paths in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4),
        (caches, other_file_systems, more) in any::<(bool, bool, bool)>(),
    ) -> LeftOut {
        LeftOut { patterns, caches, other_file_systems, paths, more }
    }
}

prop_compose! {
    fn any_completion()(
        finished in any_time(), id in any::<[u8; ChunkId::BYTES]>(), root_level in 0u8..=NODE_LEVEL_MAX,
        numbers in any::<[u64; 5]>(), counts in any::<[u64; 9]>(),
        damage in prop::option::of((any_time(), any::<u64>())),
        left_out in prop::option::of(any_left_out()), time_granularity in any::<u64>(),
        hold in prop::option::of((prop::option::of(any::<i64>()), any::<String>(), any_time())), note in any::<String>(),
    ) -> Completion {
        let [entries, files, bytes, errors, condemned_epoch] = numbers;
        let statistics = SnapshotStatistics {
            files_new: counts[0],
            files_changed: counts[1],
            files_unchanged: counts[2],
            bytes_read: counts[3],
            bytes_new: counts[4],
            bytes_stored: counts[5],
            chunks_new: counts[6],
            chunks_read: counts[7],
            duration_milliseconds: counts[8],
        };
        let totals = Totals { entries, files, bytes };
        let damage = damage.map(|(noted, files)| DamageMark { noted, files });
        let root_node = ChunkId(id);
        let hold = hold.map(|(until_seconds, reason, placed)| Hold { until_seconds, reason, placed });
        Completion {
            finished, root_node, root_level, totals, errors, condemned_epoch, statistics, damage, left_out, time_granularity,
            hold, note,
        }
    }
}

prop_compose! {
    fn any_snapshot()(
        runs in any::<[[u8; 16]; 2]>(), base in prop::option::of(any::<[u8; 16]>()),
        texts in any::<[String; 3]>(), root in prop::collection::vec(any::<u8>(), 0..50),
        command in prop::collection::vec(any::<String>(), 0..4),
        tags in prop::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        times in [any_time(), any_time()], kind in (0usize..3, any::<bool>(), 0usize..4), completion in any_completion(),
        sequence in any::<u64>(),
    ) -> Snapshot {
        let [source, host, program] = texts;
        let state = match kind.2 {
            0 => SnapshotState::Pending { refreshed: times[1] },
            1 => SnapshotState::Complete(completion),
            2 => SnapshotState::Aborted { reason: host.clone() },
            _ => SnapshotState::Deleted(completion),
        };
        let origin = SnapshotOrigin {
            run: RunId(runs[0]), source, host, root, command, started: times[0],
            level: [Level::Full, Level::Incremental, Level::Differential][kind.0],
            dedup: if kind.1 { DedupScope::Group } else { DedupScope::Repository },
            group: RunId(runs[1]), base: base.map(RunId), tags, program,
            copy_of: base.map(|run| SnapshotIdentity { repository: RepositoryId(runs[1]), run: RunId(run) }),
            sequence,
        };
        Snapshot { origin, state }
    }
}

proptest! {
    #[test]
    fn snapshots_round_trip(snapshot in any_snapshot()) {
        prop_assert_eq!(round_trip(&snapshot), Ok(snapshot));
    }

    #[test]
    fn changed_records_do_no_harm(snapshot in any_snapshot(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode_record(&SnapshotRecord::from(&snapshot)).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(snapshot) = decode_record::<SnapshotRecord>(WHAT, &bytes).and_then(Snapshot::try_from) {
            prop_assert!(round_trip(&snapshot).is_ok());
        }
    }
}
