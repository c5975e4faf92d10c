use icecore_format::{
    collection::{CollectedPack, CollectionState, DeadRun},
    entry::Time,
    ids::{CollectionNumber, PackName},
    seal::ObjectKind,
};

use super::*;

const RUN: RunId = RunId([1; 16]);

fn record() -> CollectionRecord {
    CollectionRecord {
        number: CollectionNumber::FIRST,
        state: CollectionState::Sweeping,
        run: RunId([9; 16]),
        written: Time::default(),
        host: "here".into(),
        packs: Vec::new(),
        deleted: Vec::new(),
        waiting: Some(Vec::new()),
        dead_runs: Vec::new(),
        cleared_runs: Vec::new(),
    }
}

fn dead(usable: &[u32]) -> CollectionRecord {
    CollectionRecord { dead_runs: vec![DeadRun { run: RUN, usable: usable.to_vec() }], ..record() }
}

fn condemns(number: u32) -> CollectionRecord {
    let pack = CollectedPack {
        name: PackName { run: RUN, number },
        kind: ObjectKind::Data,
        group: RUN,
        bytes: 1,
        pack_version: Some("1".into()),
        directory_version: None,
        is_repacked: false,
    };
    CollectionRecord { packs: vec![pack], ..record() }
}

#[test]
fn a_dead_run_is_repeated_without_more_usable_packs() {
    let repeats = |older, newest| is_repeated(&older, &newest, |_| true);
    assert!(repeats(record(), record()) && repeats(record(), dead(&[1])));
    assert!(!repeats(dead(&[1]), record()));
    assert!(repeats(dead(&[1, 2]), dead(&[2])) && repeats(dead(&[1, 2]), dead(&[1, 2])));
    assert!(!repeats(dead(&[2]), dead(&[1, 2])));
    // A pack that was condemned must not be usable again.
    assert!(repeats(condemns(1), dead(&[2])) && repeats(condemns(1), record()));
    assert!(!repeats(condemns(1), dead(&[1, 2])));
}

#[test]
fn a_run_that_is_gone_is_repeated_as_long_as_it_has_packs() {
    let cleared = CollectionRecord { cleared_runs: vec![RUN], ..record() };
    let deleted = CollectionRecord { deleted: vec![RUN], ..record() };
    for older in [&cleared, &deleted] {
        assert!(!is_repeated(older, &record(), |_| true));
        assert!(is_repeated(older, &record(), |_| false));
        for newest in [&cleared, &deleted, &dead(&[])] {
            assert!(is_repeated(older, newest, |_| true));
        }
    }
}
