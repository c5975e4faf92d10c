//! Records of collections: what a check says about them, and what a repair leaves alone.

use std::sync::Arc;

use icecore_fixtures::collections::condemned;
use icecore_format::{
    collection::{CollectionRecord, CollectionState},
    ids::{CollectionNumber, PackName},
    layout,
    snapshot::DedupScope,
};

use super::{
    builder::{Repository, Spec, kinds, noise, run, usual},
    damage::{Blow, strike},
};
use crate::{CheckError, ProblemKind};

const RECORD: &str = "meta/gc/000001";

fn names_below(repository: &Repository, prefix: &str) -> Vec<PackName> {
    let keys = repository.keys_below(prefix);
    keys.iter().map(|key| PackName::parse(key.rsplit('/').next().expect("name")).expect("name")).collect()
}

/// Stores the record of a collection that removes packs.
fn condemn(repository: &mut Repository, state: CollectionState, packs: &[PackName]) {
    let record = CollectionRecord { state, ..condemned(CollectionNumber::FIRST, packs) };
    let salt = repository.salt();
    repository.put(RECORD, record.seal(&repository.keys, &salt).expect("record"));
}

/// Adds a pack that no snapshot needs; returns its name.
fn add_garbage(repository: &mut Repository) -> PackName {
    let spec = Spec { run: run(7), group: run(7), dedup: DedupScope::Repository, files: [].into() };
    repository.store_content(&spec, &noise(77, 100));
    PackName { run: run(7), number: 0 }
}

fn pack_key(repository: &Repository, pack: PackName) -> String {
    let keys = repository.keys_below(layout::DATA_PREFIX);
    keys.into_iter().find(|key| key.ends_with(&pack.to_string())).expect("pack")
}

#[test]
fn a_check_counts_condemned_packs_and_finds_nothing_wrong() {
    let mut repository = usual();
    let pack = add_garbage(&mut repository);
    assert_eq!(repository.check().packs_condemned, 0);
    condemn(&mut repository, CollectionState::Condemned, &[pack]);
    let report = repository.check_data();
    assert_eq!((report.packs_condemned, kinds(&report)), (1, Vec::new()));
}

#[test]
fn what_a_collection_is_removing_may_be_missing() {
    for state in [CollectionState::Condemned, CollectionState::Sweeping] {
        let is_swept = state == CollectionState::Sweeping;
        let mut repository = usual();
        let pack = add_garbage(&mut repository);
        condemn(&mut repository, state, &[pack]);
        // A suspended run may write the directory again.
        let without_pack = repository.fork();
        without_pack.delete(&pack_key(&repository, pack));
        let found = kinds(&without_pack.check());
        assert_eq!(found, if is_swept { vec![] } else { vec![ProblemKind::PackMissing] });
        repository.delete(&layout::directory_key(pack));
        let found = kinds(&repository.check());
        assert_eq!(found, if is_swept { vec![] } else { vec![ProblemKind::PackUnlisted] });
        repository.delete(&pack_key(&repository, pack));
        assert_eq!(kinds(&repository.check()), []);
    }
}

#[test]
fn what_a_snapshot_needs_is_missed_although_a_collection_removes_it() {
    let mut repository = usual();
    let needed = names_below(&repository, layout::DATA_PREFIX)[0];
    condemn(&mut repository, CollectionState::Sweeping, &[needed]);
    repository.delete(&pack_key(&repository, needed));
    let report = repository.check();
    assert!(!report.is_healthy());
    assert!(report.snapshots.iter().any(|snapshot| !snapshot.restorable));
}

#[test]
fn a_record_that_does_not_open_is_damage_and_stops_a_repair() {
    let repository = usual();
    strike(&repository, &repository.keys_below(layout::DATA_PREFIX)[0], None, Blow::FlippedMiddle);
    let (_, plan) = repository.plan();
    repository.put(RECORD, b"condemned".to_vec());
    assert!(kinds(&repository.check()).contains(&ProblemKind::CollectionDamaged));
    let objects = repository.keys_below(layout::DATA_PREFIX);
    let refused = repository.execute_on(Arc::clone(&repository.store) as _, &plan).expect_err("refused");
    assert!(matches!(&refused, CheckError::Collection { object, .. } if object == RECORD), "{refused}");
    assert_eq!(repository.keys_below(layout::DATA_PREFIX), objects);
}

#[test]
fn a_repair_leaves_condemned_packs_alone_and_repairs_the_others() {
    let mut repository = usual();
    let garbage = add_garbage(&mut repository);
    repository.delete(&layout::directory_key(garbage));
    condemn(&mut repository, CollectionState::Condemned, &[garbage]);
    let needed = names_below(&repository, layout::DATA_PREFIX)[0];
    let directory = layout::directory_key(needed);
    repository.delete(&directory);
    let repaired = repository.repair();
    assert_eq!(repaired.outcome.directories_rebuilt, 1);
    assert!(repository.keys_below("").contains(&directory));
    assert!(!repository.keys_below("").contains(&layout::directory_key(garbage)));
    assert!(repository.check().is_healthy());
}

#[test]
fn a_damaged_pack_that_is_condemned_is_left_alone() {
    let mut repository = usual();
    let needed = repository.keys_below(layout::DATA_PREFIX)[0].clone();
    let packs = names_below(&repository, layout::DATA_PREFIX);
    condemn(&mut repository, CollectionState::Condemned, &packs);
    strike(&repository, &needed, None, Blow::FlippedMiddle);
    let (_, plan) = repository.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.left.len(), 1, "{:?}", plan.left);
}

#[test]
fn packs_that_are_condemned_after_the_plan_end_the_repair() {
    let mut repository = usual();
    strike(&repository, &repository.keys_below(layout::DATA_PREFIX)[0], None, Blow::FlippedMiddle);
    let (_, plan) = repository.plan();
    let packs = names_below(&repository, layout::DATA_PREFIX);
    condemn(&mut repository, CollectionState::Condemned, &packs[1..]);
    let objects = repository.keys_below(layout::DATA_PREFIX);
    let refused = repository.execute_on(Arc::clone(&repository.store) as _, &plan).expect_err("refused");
    assert!(matches!(&refused, CheckError::Changed { object } if object == layout::GC_PREFIX), "{refused}");
    assert_eq!(repository.keys_below(layout::DATA_PREFIX), objects);
    // A plan that knows the record is carried out.
    repository.repair();
}
