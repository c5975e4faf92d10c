use std::time::Duration;

use icecore_format::{
    collection::CollectedPack,
    history::SeenHistory,
    ids::{CollectionNumber, RunId},
    snapshot::DedupScope,
};
use icecore_repo::collections;
use icecore_store::{fault::FaultPlan, store::PutCondition};

use super::*;
use crate::{
    bed::{Bed, UNLOCK_CALLS, at_once, pruned, pruned_on},
    collector::put_record,
    forget::forget,
    plan::PruneOptions,
};

/// Ten files of twelve chunks each, and a small one.
const OLD: &[(&str, u64)] = &[
    ("a", 100),
    ("b", 101),
    ("c", 102),
    ("d", 103),
    ("e", 104),
    ("f", 105),
    ("g", 106),
    ("h", 107),
    ("i", 108),
    ("j", 109),
    ("k", 1),
];
const NEW: &[(&str, u64)] = &[("a", 100), ("z", 2)];

fn without_repack() -> PruneOptions {
    PruneOptions { repack: RepackOptions { bytes_max: 0, is_asked: false }, ..at_once() }
}

fn asked() -> PruneOptions {
    PruneOptions { repack: RepackOptions { bytes_max: REPACK_BYTES_MAX, is_asked: true }, ..at_once() }
}

/// Returns a repository whose old packs are mostly dead, and the snapshot that is left.
fn mostly_dead() -> (Bed, RunId) {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let new = bed.snapshot(NEW).origin.run;
    forget(&bed.repository, old, None).unwrap();
    (bed, new)
}

fn data_bytes(bed: &Bed) -> u64 {
    bed.packs().iter().map(|(_, pack)| pack.stored_bytes()).sum()
}

#[test]
fn what_is_needed_of_a_mostly_dead_pack_moves_and_the_pack_goes() {
    let (bed, new) = mostly_dead();
    let before = data_bytes(&bed);
    assert_eq!(pruned(&bed, &without_repack()).repacked, RepackReport::default());
    let (bed, _) = mostly_dead();
    let report = pruned(&bed, &at_once());
    assert_eq!((report.repacked.packs.len(), report.repacked.packs_written), (1, 1));
    assert!(report.repacked.bytes_read > 10 * 12 * 3000 && report.repacked.bytes_written < 20 * 3000);
    let after = data_bytes(&bed);
    assert!(after * 3 < before, "{after} {before}");
    bed.assert_readable(new);
    let again = pruned(&bed, &asked());
    assert_eq!((again.repacked, again.packs_condemned), (RepackReport::default(), 0));
    assert_eq!(data_bytes(&bed), after);
}

#[test]
fn nothing_is_read_beyond_the_limit() {
    let (bed, _) = mostly_dead();
    let repack = RepackOptions { bytes_max: 10_000, is_asked: true };
    let report = pruned(&bed, &PruneOptions { repack, ..at_once() });
    assert_eq!(report.repacked.packs_written, 0);
}

#[test]
fn a_crash_at_any_call_loses_nothing_and_nothing_stays_twice() {
    let (whole, _) = mostly_dead();
    pruned(&whole, &at_once());
    let bytes = data_bytes(&whole);
    for call in 1 + UNLOCK_CALLS.. {
        let (bed, new) = mostly_dead();
        let (repository, _) = bed.faulty(FaultPlan::crash_from(call));
        let crashed = pruned_on(&repository, &bed, &at_once()).is_err();
        bed.assert_readable(new);
        for hours in [50, 1, 1] {
            bed.clock.advance(Duration::from_hours(hours));
            pruned(&bed, &asked());
            bed.assert_readable(new);
        }
        let left = data_bytes(&bed);
        assert!(left <= bytes + 2048, "call {call}: {left} instead of {bytes}");
        if !crashed {
            assert!(call > 40);
            return;
        }
    }
}

#[test]
fn a_pack_stays_if_the_copies_do_not_open() {
    let (bed, new) = mostly_dead();
    let waiting = PruneOptions { grace: Duration::from_hours(24), ..at_once() };
    let report = pruned(&bed, &waiting);
    let [old] = report.repacked.packs[..] else { panic!("one pack") };
    let packs = bed.packs();
    let (_, copy) = packs.iter().find(|(_, pack)| pack.name.run != old.run && pack.name.run != new).unwrap();
    let key = &copy.pack.as_ref().unwrap().1.key;
    let mut damaged = bed.get(key);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    bed.set(key, damaged);
    bed.clock.advance(Duration::from_hours(25));
    let report = pruned(&bed, &PruneOptions { repack: without_repack().repack, ..waiting });
    assert_eq!(report.plan.records.len(), 1);
    assert!(bed.packs().number(old).is_some(), "the only good copy is gone");
    bed.assert_readable(new);
}

#[test]
fn two_collections_do_not_rely_on_what_the_other_one_removes() {
    let (bed, new) = mostly_dead();
    let waiting = PruneOptions { grace: Duration::from_hours(24), ..at_once() };
    let [old] = pruned(&bed, &waiting).repacked.packs[..] else { panic!("one pack") };
    // Another host has condemned the copies, because the old pack has them.
    let [stored] = &collections::list(&bed.repository).unwrap()[..] else { panic!("one record") };
    let packs = bed.packs();
    let (_, copy) = packs.iter().find(|(_, pack)| pack.name.run != old.run && pack.name.run != new).unwrap();
    let named = CollectedPack {
        name: copy.name,
        is_repacked: true,
        pack_version: Some(copy.pack.as_ref().unwrap().1.version.0.clone()),
        ..stored.record.packs[0].clone()
    };
    let number = CollectionNumber::FIRST.next().unwrap();
    let record =
        icecore_format::collection::CollectionRecord { number, packs: vec![named], ..stored.record.clone() };
    put_record(&bed.repository, &record, PutCondition::Absent).unwrap().unwrap();
    bed.clock.advance(Duration::from_hours(25));
    for _ in 0..2 {
        pruned(&bed, &PruneOptions { repack: without_repack().repack, ..waiting.clone() });
        bed.assert_readable(new);
    }
}

#[test]
fn many_small_packs_become_one_and_copies_are_not_kept_twice() {
    let bed = Bed::new();
    let first = bed.snapshot(&[("a", 0)]).origin.run;
    let next = |number| bed.snapshot_with(&[("a", number)], |origin| origin.group = Some(first)).origin.run;
    let runs: Vec<RunId> = std::iter::once(first).chain((1..40).map(next)).collect();
    let before = bed.packs().len();
    assert!(before >= 80);
    let report = pruned(&bed, &at_once());
    assert!(report.repacked.packs.len() >= 16, "{:?}", report.repacked);
    assert!(bed.packs().len() < before / 3, "{} of {before}", bed.packs().len());
    for run in runs {
        bed.assert_readable(run);
    }
    let again = pruned(&bed, &asked());
    assert_eq!(again.repacked, RepackReport::default());
}

#[test]
fn small_packs_of_many_groups_are_no_reason_to_read_all_manifests() {
    let bed = Bed::new();
    for number in 0..20 {
        bed.snapshot(&[("a", number)]);
    }
    let worth = |bed: &Bed| {
        let own = bed.announced(&bed.repository);
        let mut catalog = bed.catalog();
        let surveyed =
            crate::survey::survey(&bed.repository, &mut catalog, Some(own), &SeenHistory::default()).unwrap();
        choice::may_be_worth_it(&mut catalog, &surveyed).unwrap()
    };
    assert!(!worth(&bed));
    let first = bed.snapshots()[0].origin.run;
    for number in 100..116 {
        bed.snapshot_with(&[("a", number)], |origin| origin.group = Some(first));
    }
    assert!(worth(&bed));
}

#[test]
fn a_snapshot_of_a_group_keeps_its_copy_in_the_group() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let grouped = bed.snapshot_with(NEW, |origin| origin.dedup = DedupScope::Group).origin.run;
    let other = bed.snapshot(NEW).origin.run;
    forget(&bed.repository, old, None).unwrap();
    pruned(&bed, &at_once());
    for run in [grouped, other] {
        bed.assert_readable(run);
    }
    let packs = bed.packs();
    let in_group = |pack: &crate::packs::ListedPack| {
        let place = pack.pack.as_ref().map(|(place, _)| *place);
        place == Some(icecore_format::layout::PackPlace::Data(grouped))
    };
    assert!(packs.iter().any(|(_, pack)| in_group(pack)));
}
