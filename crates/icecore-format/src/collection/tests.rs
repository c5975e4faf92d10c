use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{RUN, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, noise_array},
    layout::{collection_key, parse_collection_key},
};

fn number(number: u32) -> CollectionNumber {
    CollectionNumber::new(number).unwrap()
}

fn run(byte: u8) -> RunId {
    RunId([byte; 16])
}

fn name(byte: u8, number: u32) -> PackName {
    PackName { run: run(byte), number }
}

fn pack(name: PackName) -> CollectedPack {
    CollectedPack {
        name,
        kind: ObjectKind::Data,
        group: RunId(noise_array("group")),
        bytes: 64 << 20,
        pack_version: Some("etag-1".to_owned()),
        directory_version: Some("etag-2".to_owned()),
        is_repacked: false,
    }
}

fn small() -> CollectionRecord {
    CollectionRecord {
        number: number(1),
        state: CollectionState::Condemned,
        run: RUN,
        written: Time { seconds: 1_795_000_000, nanoseconds: 5 },
        host: "server".to_owned(),
        packs: vec![],
        deleted: vec![],
        waiting: None,
        dead_runs: vec![],
        cleared_runs: vec![],
    }
}

fn everything() -> CollectionRecord {
    CollectionRecord {
        number: number(70_000),
        state: CollectionState::Sweeping,
        packs: vec![
            CollectedPack { directory_version: None, ..pack(name(1, 7)) },
            CollectedPack { pack_version: None, bytes: 0, kind: ObjectKind::Manifest, ..pack(name(1, 8)) },
            pack(name(2, 0)),
        ],
        deleted: vec![run(3), run(4)],
        waiting: Some(vec![run(5)]),
        dead_runs: vec![
            DeadRun { run: run(6), usable: vec![0, 70_000] },
            DeadRun { run: run(7), usable: vec![] },
        ],
        cleared_runs: vec![run(8), run(9)],
        ..small()
    }
}

fn salt() -> Salt {
    noise_array("collection salt")
}

fn sealed(record: &[u8]) -> Vec<u8> {
    seal_object(&keys(), ObjectKind::Collection, &salt(), record).unwrap()
}

fn round_trip(record: &CollectionRecord) -> FormatResult<CollectionRecord> {
    CollectionRecord::open(&keys(), record.number, &record.seal(&keys(), &salt())?)
}

#[test]
fn collection_bytes_are_pinned() {
    assert_golden("collection-record", &wire::encode(&small()).unwrap());
    assert_golden("collection-record-everything", &wire::encode(&everything()).unwrap());
    assert_golden("collection-object", &small().seal(&keys(), &salt()).unwrap());
}

#[test]
fn records_come_back_as_they_were() {
    let nobody = CollectionRecord { waiting: Some(vec![]), ..small() };
    for record in [small(), everything(), nobody] {
        assert_eq!(round_trip(&record), Ok(record));
    }
}

#[test]
fn damaged_and_foreign_objects_are_refused() {
    let object = everything().seal(&keys(), &salt()).unwrap();
    let open = |object: &[u8]| CollectionRecord::open(&keys(), number(70_000), object);
    assert_refuses_truncation(&object, open);
    assert_refuses_changes(&object, open);
    assert!(CollectionRecord::open(&keys(), number(2), &object).unwrap_err().is_corruption());
    let other = seal_object(&keys(), ObjectKind::Log, &salt(), &wire::encode(&small()).unwrap()).unwrap();
    assert!(CollectionRecord::open(&keys(), number(1), &other).is_err());
}

#[test]
fn an_unknown_state_is_an_error_of_its_own_whatever_follows() {
    for state in [2u64, 255, u64::MAX] {
        let mut encoder = minicbor::Encoder::new(Vec::new());
        encoder.map(3).unwrap().u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().u64(state).unwrap();
        encoder.u8(5).unwrap().str("packs in another form").unwrap();
        let error = CollectionRecord::open(&keys(), number(1), &sealed(&encoder.into_writer())).unwrap_err();
        assert_eq!(error, FormatError::UnknownState { what: WHAT, state });
        assert!(!error.is_corruption());
    }
}

type Change = fn(&mut CollectionRecord);

#[test]
fn records_that_break_a_rule_are_neither_written_nor_read() {
    let bad: [Change; 14] = [
        |record| record.packs.swap(0, 1),
        |record| record.packs[1] = record.packs[0].clone(),
        |record| record.packs[0].kind = ObjectKind::Directory,
        |record| record.packs[0].pack_version = None,
        |record| record.packs[0].pack_version = Some("x".repeat(COLLECTION_VERSION_BYTES_MAX + 1)),
        |record| record.deleted.swap(0, 1),
        |record| record.waiting = Some(vec![run(5), run(5)]),
        |record| record.dead_runs.swap(0, 1),
        |record| record.dead_runs[1].run = record.dead_runs[0].run,
        |record| record.dead_runs[0].usable = vec![2, 2],
        |record| record.dead_runs[0].usable = vec![2, 1],
        |record| record.cleared_runs.swap(0, 1),
        |record| record.host = "x".repeat(TEXT_BYTES_MAX + 1),
        |record| record.packs = (0..=COLLECTION_PACKS_MAX as u32).map(|n| pack(name(1, n))).collect(),
    ];
    for (at, change) in bad.into_iter().enumerate() {
        let mut record = everything();
        change(&mut record);
        assert!(record.seal(&keys(), &salt()).is_err(), "change {at}");
        // As a host would write it that has the key but ignores the rules.
        let object = sealed(&wire::encode(&record).unwrap());
        let error = CollectionRecord::open(&keys(), record.number, &object).unwrap_err();
        assert!(error.is_corruption(), "change {at}: {error}");
    }
    let empty = CollectedPack { pack_version: Some(String::new()), ..pack(name(1, 1)) };
    assert!(CollectionRecord { packs: vec![empty], ..small() }.seal(&keys(), &salt()).is_err());
}

#[test]
fn repacked_packs_are_positions_in_the_list_of_packs() {
    let repacked = |number| CollectedPack { is_repacked: true, ..pack(name(1, number)) };
    let record = CollectionRecord { packs: vec![repacked(1), pack(name(1, 2)), repacked(3)], ..small() };
    let encoded = wire::encode(&record).unwrap();
    assert!(encoded.ends_with(&[10, 0x82, 0, 2]), "{encoded:02x?}");
    assert_eq!(wire::decode(&encoded).unwrap(), record);
    for wrong in [[2, 2], [2, 0], [0, 3]] {
        let mut changed = encoded.clone();
        let end = changed.len();
        changed[end - 2..].copy_from_slice(&wrong);
        assert!(wire::decode(&changed).is_err(), "{wrong:?}");
    }
}

#[test]
fn full_lists_fit_into_a_record() {
    let many =
        |length: usize| -> Vec<RunId> { (0..length as u64).map(|at| RunId::new(at, [0xff; 10])).collect() };
    let version = Some("x".repeat(COLLECTION_VERSION_BYTES_MAX));
    let full = CollectionRecord {
        packs: (0..COLLECTION_PACKS_MAX as u32)
            .map(|at| CollectedPack {
                bytes: u64::MAX,
                pack_version: version.clone(),
                directory_version: version.clone(),
                is_repacked: true,
                ..pack(name(1, u32::MAX - COLLECTION_PACKS_MAX as u32 + at))
            })
            .collect(),
        deleted: many(COLLECTION_SNAPSHOTS_MAX),
        waiting: Some(many(COLLECTION_SNAPSHOTS_MAX)),
        cleared_runs: many(COLLECTION_RUNS_MAX),
        ..small()
    };
    assert!(full.seal(&keys(), &salt()).is_ok());
}

#[test]
fn a_list_that_claims_more_than_the_record_holds_is_refused_at_once() {
    // Key 5 (packs), 6, 7, 8 or 9, and an array of 2¹⁶ items, all of which are missing.
    for key in 5..=9 {
        let record = [0xa1, key, 0x9a, 0, 1, 0, 0];
        let error = CollectionRecord::open(&keys(), number(1), &sealed(&record)).unwrap_err();
        assert_eq!(error, FormatError::malformed(WHAT, "a list ends beyond the record"));
    }
}

#[test]
fn unknown_fields_are_skipped_and_trailing_bytes_are_not() {
    let bytes = wire::encode(&small()).unwrap();
    assert_eq!(bytes[0], 0xa6, "a map of six");
    let longer = [&[0xa7], &bytes[1..], &[0x18, 77, 0x82, 1, 0xa0]].concat();
    assert_eq!(CollectionRecord::read(number(1), &longer), Ok(small()));
    assert!(CollectionRecord::read(number(1), &[&bytes[..], &[0]].concat()).is_err());
    for length in 0..bytes.len() {
        assert!(CollectionRecord::read(number(1), &bytes[..length]).is_err());
    }
}

#[test]
fn a_record_finds_its_packs_and_snapshots() {
    let record = everything();
    assert!(record.names_pack(name(1, 8)) && !record.names_pack(name(1, 9)));
    assert!(record.names_snapshot(run(4)) && !record.names_snapshot(run(5)));
    assert!(record.packs[0].key().starts_with("data/"));
    assert!(record.packs[1].key().starts_with("meta/manifest/0101"));
}

#[test]
fn numbers_have_one_form() {
    assert_eq!(collection_key(CollectionNumber::FIRST), "meta/gc/000001");
    for value in [1, 999_999, 1_000_000, u32::MAX] {
        assert_eq!(parse_collection_key(&collection_key(number(value))), Ok(number(value)));
    }
    for text in ["", "7", "0000007", "000000", "+00007", "00000a", "4294967296", "000007/"] {
        assert!(parse_collection_key(&format!("meta/gc/{text}")).is_err(), "{text}");
    }
    assert!(parse_collection_key("000007").is_err());
    assert_eq!(CollectionNumber::new(0), None);
    assert_eq!(number(u32::MAX).next(), None);
    assert_eq!(number(6).next(), Some(number(7)));
}

#[test]
fn packs_of_any_record_are_condemned() {
    let other = CollectionRecord { number: number(2), packs: vec![pack(name(9, 1))], ..small() };
    let condemned = Condemned::of([&everything(), &other]);
    for there in [name(1, 7), name(1, 8), name(2, 0), name(9, 1)] {
        assert!(condemned.is_condemned(there), "{there}");
    }
    assert!(!condemned.is_condemned(name(1, 9)) && !condemned.is_condemned(name(3, 0)));
    assert_eq!(condemned.packs().len(), 4);
    assert!(Condemned::of([&small()]).is_empty() && Condemned::default().is_empty());
    assert!(!condemned.is_empty());
}

#[test]
fn packs_of_dead_runs_are_condemned_but_for_those_that_the_newest_record_lets_live() {
    let dead = |at: u32, usable: &[u32]| CollectionRecord {
        number: number(at),
        dead_runs: vec![DeadRun { run: run(6), usable: usable.to_vec() }],
        ..small()
    };
    let records = [dead(2, &[1, 2]), dead(3, &[2, 3]), dead(1, &[1])];
    let unnamed = CollectionRecord { number: number(4), cleared_runs: vec![run(7)], ..small() };
    for records in [records.iter().collect::<Vec<_>>(), records.iter().rev().chain([&unnamed]).collect()] {
        let condemned = Condemned::of(records);
        let found = [0, 1, 2, 3, 4].map(|number| condemned.is_condemned(name(6, number)));
        assert_eq!(found, [true, true, false, false, true]);
        assert_eq!(condemned.dead_runs(), [DeadRun { run: run(6), usable: vec![2, 3] }]);
        assert!(!condemned.is_empty());
    }
    // If a record also names the pack, it is condemned, regardless of the state of its run.
    let named = CollectionRecord { packs: vec![pack(name(6, 2))], ..dead(3, &[2, 3]) };
    assert!(Condemned::of([&named]).is_condemned(name(6, 2)));
}

#[test]
fn dead_and_cleared_runs_are_known() {
    let older = CollectionRecord { cleared_runs: vec![run(1), run(6)], ..small() };
    let condemned = Condemned::of([&everything(), &older]);
    assert_eq!(condemned.known_runs(), [1, 6, 7, 8, 9].map(run));
}

prop_compose! {
    fn any_pack()(
        run in any::<[u8; 16]>(), number in any::<u32>(), is_data in any::<bool>(), group in any::<[u8; 16]>(),
        is_repacked in any::<bool>(), bytes in any::<u64>(), versions in ["[a-z\"]{1,20}", "\\PC{1,20}"], listed in 0..3,
    ) -> CollectedPack {
        let [pack_version, directory_version] = versions;
        CollectedPack {
            name: PackName { run: RunId(run), number },
            kind: if is_data { ObjectKind::Data } else { ObjectKind::Manifest },
            group: RunId(group),
            bytes,
            pack_version: (listed != 0).then_some(pack_version),
            directory_version: (listed != 1).then_some(directory_version),
            is_repacked,
        }
    }
}

fn any_runs() -> impl Strategy<Value = Vec<RunId>> {
    prop::collection::btree_set(any::<[u8; 16]>().prop_map(RunId), 0..5)
        .prop_map(|runs| runs.into_iter().collect())
}

prop_compose! {
    fn any_record()(
        at in 1..=u32::MAX, is_sweeping in any::<bool>(), run in any::<[u8; 16]>(), host in any::<String>(),
        (seconds, nanoseconds) in (any::<i64>(), 0u32..1_000_000_000),
        packs in prop::collection::vec(any_pack(), 0..5), deleted in any_runs(),
        waiting in prop::option::of(any_runs()), dead in any_runs(), cleared_runs in any_runs(),
        usable in prop::collection::btree_set(any::<u32>(), 0..5),
    ) -> CollectionRecord {
        let mut packs = packs;
        packs.sort_by_key(|pack| pack.name);
        packs.dedup_by_key(|pack| pack.name);
        let usable = |run: &RunId| -> Vec<u32> {
            usable.iter().copied().filter(|number| number % 2 == u32::from(run.0[0]) % 2).collect()
        };
        CollectionRecord {
            number: number(at),
            state: if is_sweeping { CollectionState::Sweeping } else { CollectionState::Condemned },
            run: RunId(run),
            written: Time { seconds, nanoseconds },
            host, packs, deleted, waiting,
            dead_runs: dead.iter().map(|run| DeadRun { run: *run, usable: usable(run) }).collect(),
            cleared_runs,
        }
    }
}

proptest! {
    #[test]
    fn records_round_trip(record in any_record()) {
        prop_assert_eq!(round_trip(&record), Ok(record));
    }

    #[test]
    fn changed_records_do_no_harm(record in any_record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = wire::encode(&record).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(record) = wire::decode(&bytes)
            && record.validate().is_ok()
        {
            prop_assert_eq!(round_trip(&record), Ok(record));
        }
    }

    #[test]
    fn what_is_condemned_is_what_the_rule_says(records in prop::collection::vec(any_record(), 0..4), others in prop::collection::vec(any_pack(), 0..4)) {
        let mut records = records;
        for (at, record) in records.iter_mut().enumerate() {
            record.number = number(at as u32 + 1);
            // Few runs, so that records contradict each other.
            let runs: std::collections::BTreeSet<RunId> = record.dead_runs.iter().map(|dead| RunId([dead.run.0[0] % 4; 16])).collect();
            record.dead_runs = runs.into_iter().map(|run| DeadRun { run, usable: vec![at as u32, at as u32 + 2] }).collect();
        }
        let condemned = Condemned::of(&records);
        let small = (0..4).flat_map(|byte| (0..6).map(move |number| name(byte, number)));
        let named = records.iter().flat_map(|record| &record.packs).chain(&others).map(|pack| pack.name);
        for pack in named.chain(small) {
            let is_named = records.iter().any(|record| record.packs.iter().any(|other| other.name == pack));
            let newest = records.iter().rev().flat_map(|record| &record.dead_runs).find(|dead| dead.run == pack.run);
            let is_dead = newest.is_some_and(|dead| !dead.usable.contains(&pack.number));
            prop_assert_eq!(condemned.is_condemned(pack), is_named || is_dead);
        }
    }
}
