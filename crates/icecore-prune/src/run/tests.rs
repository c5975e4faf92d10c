use std::{collections::BTreeSet, time::Duration};

use icecore_format::{
    collection::CollectionState,
    ids::RunId,
    layout::{PackPlace, directory_key},
    snapshot::{DedupScope, Snapshot, SnapshotState},
};
use icecore_repo::session::{CommitReport, SessionOrigin};
use icecore_store::{
    fault::{FaultPlan, FaultWhen},
    store::PutCondition,
};

use super::*;
use crate::{
    bed::{Bed, UNLOCK_CALLS, at_once, author, pruned, pruned_on, write_files},
    collector::put_record,
    forget::forget,
    packs::ListedPack,
    plan::WhyKept,
    repack::RepackOptions,
};

const OLD: &[(&str, u64)] = &[("a", 1), ("b", 2), ("c", 100), ("d", 3)];
const NEW: &[(&str, u64)] = &[("a", 1), ("b", 4), ("c", 101)];

fn runs_of_packs(bed: &Bed) -> BTreeSet<RunId> {
    bed.packs().iter().map(|(_, pack)| pack.name.run).collect()
}

#[test]
fn what_only_a_forgotten_snapshot_needs_goes() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let other = bed.snapshot(&[("x", 50), ("y", 51)]).origin.run;
    forget(&bed.repository, old, None).unwrap();
    let before = bed.bytes();
    let report = pruned(&bed, &at_once());
    assert_eq!(runs_of_packs(&bed), BTreeSet::from([other]));
    assert_eq!((report.swept.snapshots, report.swept.packs), (1, report.packs_condemned));
    assert!(report.swept.bytes > 12 * 3000 && bed.bytes() < before - 12 * 3000);
    assert!(!bed.keys().contains(&icecore_format::layout::snapshot_key(old)));
    assert_eq!(bed.keys_below("meta/snapshots/").len(), 1, "the own announcement is gone");
    bed.assert_readable(other);
    let again = pruned(&bed, &at_once());
    assert_eq!((again.packs_condemned, again.swept.packs), (0, 0));
    assert_eq!(bed.keys_below("meta/gc/"), ["meta/gc/000001"], "the newest record stays");
}

#[test]
fn what_others_need_stays() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let new = bed.snapshot(NEW).origin.run;
    forget(&bed.repository, old, None).unwrap();
    pruned(&bed, &at_once());
    bed.assert_readable(new);
    assert_eq!(runs_of_packs(&bed), BTreeSet::from([old, new]), "the first chunk is shared");
}

#[test]
fn nothing_goes_before_the_grace_period_is_over() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    forget(&bed.repository, old, None).unwrap();
    let options = PruneOptions::default();
    let first = pruned(&bed, &options);
    assert!(first.packs_condemned > 0);
    let keys = bed.keys();
    bed.clock.advance(Duration::from_hours(23));
    let second = pruned(&bed, &options);
    assert!(matches!(second.plan.records[..], [RecordPlan { step: RecordStep::Grace { .. }, .. }]));
    assert_eq!(bed.keys(), keys);
    bed.clock.advance(Duration::from_hours(2));
    assert_eq!(pruned(&bed, &options).swept.packs, first.packs_condemned);
    assert!(bed.packs().is_empty());
}

#[test]
fn without_a_grace_period_one_command_marks_and_removes_however_slow_it_is() {
    let (bed, _) = half_forgotten();
    let (mut catalog, seen) = (bed.catalog(), SeenHistory::default());
    let slow = |_: &Survey, _: &PrunePlan| bed.clock.advance(Duration::from_secs(2));
    let report = prune(&bed.repository, &mut catalog, author(), &seen, &at_once(), slow).unwrap();
    assert!(report.packs_condemned > 0);
    assert_eq!(report.swept.packs, report.packs_condemned);
}

#[test]
fn a_run_that_was_pending_is_waited_for_and_what_it_uses_is_spared() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let mut catalog = bed.catalog();
    let mut session = bed.session(&mut catalog, |_| {});
    let root = write_files(&mut session, OLD);
    forget(&bed.repository, old, None).unwrap();
    let report = pruned(&bed, &at_once());
    assert!(report.packs_condemned > 0 && report.swept.packs == 0);
    assert!(matches!(report.plan.records[..], [RecordPlan { step: RecordStep::Wait { .. }, .. }]));
    let complete = session.commit(&root, &CommitReport::default()).unwrap().0;
    let report = pruned(&bed, &at_once());
    assert_eq!(report.swept.packs, 0);
    bed.assert_readable(complete.origin.run);
}

#[test]
fn a_silent_run_that_only_seems_to_be_older_than_a_record_is_ended_as_well() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    forget(&bed.repository, old, None).unwrap();
    assert!(pruned(&bed, &PruneOptions::default()).packs_condemned > 0);
    // It has no packs, and the record does not name it: it could be of a host whose clock is behind, or an
    // undo, which has the time of the snapshot that it brings back.
    let mut catalog = bed.catalog();
    let run = bed.session(&mut catalog, |_| {}).run();
    bed.clock.advance(Duration::from_hours(1));
    let waits = |report: &PruneReport| match &report.plan.records[..] {
        [RecordPlan { step: RecordStep::Wait { runs }, .. }] => runs.clone(),
        records => panic!("{records:?}"),
    };
    assert_eq!(waits(&pruned(&bed, &at_once())), [run]);
    bed.clock.advance(Duration::from_hours(24));
    let report = pruned(&bed, &at_once());
    assert_eq!(report.runs_fenced, 1);
    assert!(report.swept.packs > 0);
}

#[test]
fn a_silent_run_is_ended_after_a_day() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let mut catalog = bed.catalog();
    let mut session = bed.session(&mut catalog, |_| {});
    let root = write_files(&mut session, NEW);
    forget(&bed.repository, old, None).unwrap();
    pruned(&bed, &at_once());
    bed.clock.advance(Duration::from_hours(25));
    let report = pruned(&bed, &at_once());
    assert_eq!(report.runs_fenced, 1);
    assert!(report.swept.packs > 0);
    let run = session.run();
    assert!(session.commit(&root, &CommitReport::default()).is_err());
    let aborted = bed.snapshots().into_iter().find(|snapshot| snapshot.origin.run == run).unwrap();
    assert!(matches!(aborted.state, SnapshotState::Aborted { .. }));
}

/// Returns a repository with a forgotten snapshot and one that shares some of its data.
fn half_forgotten() -> (Bed, RunId) {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let new = bed.snapshot(NEW).origin.run;
    forget(&bed.repository, old, None).unwrap();
    (bed, new)
}

#[test]
fn a_listing_that_lacks_anything_needed_removes_nothing() {
    let (whole, _) = half_forgotten();
    let keys = whole.keys();
    pruned(&whole, &at_once());
    let left = whole.keys();
    let looked_at = |key: &&String| !key.starts_with("meta/keys/") && *key != "icecore";
    let (needed, unneeded): (Vec<&String>, Vec<&String>) =
        keys.iter().filter(looked_at).partition(|key| left.contains(key));
    assert!(needed.len() > 4 && unneeded.len() > 2, "{needed:?} {unneeded:?}");
    for lost in &needed {
        let (bed, _) = half_forgotten();
        let report = pruned_on(&bed.without(lost), &bed, &at_once()).unwrap();
        assert!(!report.doubts.is_empty(), "{lost}");
        assert_eq!(bed.keys(), keys, "{lost}");
    }
    for lost in unneeded {
        let (bed, new) = half_forgotten();
        pruned_on(&bed.without(lost), &bed, &at_once()).unwrap();
        assert!(needed.iter().all(|key| bed.keys().contains(key)), "{lost}");
        bed.assert_readable(new);
    }
}

#[test]
fn a_number_that_is_used_again_loses_no_names() {
    let bed = Bed::new();
    let options = PruneOptions { repack: RepackOptions { bytes_max: 0, is_asked: false }, ..at_once() };
    // The first record is closed, so its number is free.
    for _ in 0..2 {
        forget(&bed.repository, bed.snapshot(&[("x", 50)]).origin.run, None).unwrap();
        pruned(&bed, &options);
    }
    pruned(&bed, &options);
    assert_eq!(bed.keys_below("meta/gc/"), ["meta/gc/000002"]);
    let old = bed.snapshot(OLD).origin.run;
    let new = bed.snapshot(NEW).origin.run;
    forget(&bed.repository, old, None).unwrap();
    // A listing lacks the newest record, so the next one gets the number of the first.
    let forgetful = bed.forgetful("meta/gc/", FaultWhen::FirstMatches(1), "meta/gc/", None);
    let report = pruned_on(&forgetful, &bed, &options).unwrap();
    assert!(report.packs_condemned > 0 && report.swept.snapshots == 1, "{report:?}");
    // Packs of the forgotten snapshot are needed: its run must stay known.
    for _ in 0..3 {
        pruned(&bed, &options);
        bed.assert_readable(new);
        assert_eq!(runs_of_packs(&bed), BTreeSet::from([old, new]));
    }
    let records = icecore_repo::collections::list(&bed.repository).unwrap();
    let [StoredCollection { record, .. }] = &records[..] else {
        panic!("one record has to stay: {records:?}")
    };
    assert!(record.cleared_runs.contains(&old), "{record:?}");
}

#[test]
fn a_sweep_does_not_begin_while_a_condemned_object_is_not_listed() {
    let waiting =
        PruneOptions { repack: RepackOptions { bytes_max: 0, is_asked: false }, ..PruneOptions::default() };
    let marked = || {
        let (bed, new) = half_forgotten();
        pruned(&bed, &waiting);
        bed.clock.advance(Duration::from_hours(25));
        (bed, new)
    };
    let (bed, _) = marked();
    let [stored] = &icecore_repo::collections::list(&bed.repository).unwrap()[..] else {
        panic!("one record")
    };
    let packs = &stored.record.packs;
    let keys: Vec<String> = packs.iter().flat_map(|pack| [pack.key(), directory_key(pack.name)]).collect();
    assert!(!keys.is_empty());
    for lost in keys {
        let (bed, new) = marked();
        let before = bed.keys();
        let result = pruned_on(&bed.without(&lost), &bed, &waiting);
        assert!(matches!(result, Err(PruneError::ListingIncomplete)), "{lost}: {result:?}");
        assert_eq!(bed.keys(), before, "{lost}");
        assert!(pruned(&bed, &waiting).swept.packs > 0);
        bed.assert_readable(new);
    }
}

#[test]
fn only_a_run_in_progress_can_be_ended() {
    let (bed, new) = half_forgotten();
    let mut catalog = bed.catalog();
    let session = bed.session(&mut catalog, |_| {});
    let ended = |run| PruneOptions { ended_runs: vec![run], single_writer: true, ..at_once() };
    let keys = bed.keys();
    assert!(
        matches!(pruned_on(&bed.repository, &bed, &ended(new)), Err(PruneError::NotPending { run }) if run == new)
    );
    assert_eq!(bed.keys(), keys);
    assert_eq!(pruned(&bed, &PruneOptions { single_writer: true, ..at_once() }).packs_condemned, 0);
    // Nothing waits for it yet, and the store decides no races: the operator's word counts.
    let report = pruned(&bed, &ended(session.run()));
    assert_eq!(report.runs_fenced, 1);
    assert!(report.swept.packs > 0);
    bed.assert_readable(new);
}

#[test]
fn a_crash_at_any_call_loses_nothing_and_the_next_one_finishes() {
    for call in 1 + UNLOCK_CALLS.. {
        let (bed, new) = half_forgotten();
        let (repository, _) = bed.faulty(FaultPlan::crash_from(call));
        let crashed = pruned_on(&repository, &bed, &at_once()).is_err();
        bed.assert_readable(new);
        bed.clock.advance(Duration::from_hours(50));
        pruned(&bed, &at_once());
        pruned(&bed, &at_once());
        pruned(&bed, &at_once());
        bed.assert_readable(new);
        let (whole, _) = half_forgotten();
        pruned(&whole, &at_once());
        assert_eq!(bed.packs().len(), whole.packs().len(), "call {call}");
        assert_eq!(bed.keys_below("meta/snapshots/").len(), 1, "call {call}: {:?}", bed.keys());
        if !crashed {
            assert!(call > 20);
            return;
        }
    }
}

#[test]
fn two_collectors_do_no_harm() {
    let (bed, new) = half_forgotten();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| pruned(&bed, &at_once()));
        }
    });
    bed.assert_readable(new);
    bed.clock.advance(Duration::from_hours(25));
    pruned(&bed, &at_once());
    pruned(&bed, &at_once());
    bed.assert_readable(new);
}

#[test]
fn a_wait_list_that_is_too_short_is_not_believed() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let mut catalog = bed.catalog();
    let mut session = bed.session(&mut catalog, |_| {});
    write_files(&mut session, OLD);
    forget(&bed.repository, old, None).unwrap();
    bed.clock.advance(Duration::from_mins(10));
    pruned(&bed, &at_once());
    // Somebody who holds the key writes that nobody is waited for, and that the sweep has begun.
    let [stored] = &icecore_repo::collections::list(&bed.repository).unwrap()[..] else {
        panic!("one record")
    };
    let mut record = stored.record.clone();
    (record.waiting, record.state) = (Some(Vec::new()), CollectionState::Sweeping);
    let condition = PutCondition::Version(stored.version.clone());
    put_record(&bed.repository, &record, condition).unwrap().unwrap();
    let packs = bed.packs().len();
    let report = pruned(&bed, &at_once());
    assert!(
        matches!(&report.plan.records[..], [RecordPlan { step: RecordStep::Wait { runs }, .. }] if runs[..] == [session.run()])
    );
    assert_eq!(bed.packs().len(), packs);
}

#[test]
fn what_a_killed_run_left_goes_in_the_end() {
    let bed = Bed::new();
    let kept = bed.snapshot(NEW).origin.run;
    let mut catalog = bed.catalog();
    let mut session = bed.session(&mut catalog, |origin| origin.source = "other".into());
    write_files(&mut session, OLD);
    session.abort("kept as if it were killed").unwrap();
    let killed = bed.snapshots().into_iter().find(|snapshot| snapshot.origin.source == "other").unwrap();
    let pending = SnapshotState::Pending { refreshed: killed.origin.started };
    bed.put_snapshot(&Snapshot { state: pending, ..killed });
    for days in [2, 31, 1] {
        bed.clock.advance(Duration::from_hours(24 * days));
        pruned(&bed, &PruneOptions::default());
    }
    bed.clock.advance(Duration::from_hours(25));
    pruned(&bed, &PruneOptions::default());
    assert_eq!(runs_of_packs(&bed), BTreeSet::from([kept]));
    bed.assert_readable(kept);
}

#[test]
fn what_another_collector_removes_meanwhile_is_not_repacked() {
    let (bed, _) = half_forgotten();
    let mut catalog = bed.catalog();
    let surveyed = survey(&bed.repository, &mut catalog, None, &SeenHistory::default()).unwrap();
    assert!(surveyed.doubts.is_empty(), "{:?}", surveyed.doubts);
    let gone = surveyed.marks.unused(&surveyed.packs).iter().next().unwrap();
    bed.remove(&directory_key(surveyed.packs.get(gone).name));
    bed.update(&mut catalog);
    let options = PruneOptions {
        repack: RepackOptions { is_asked: true, ..PruneOptions::default().repack },
        ..at_once()
    };
    let found = to_repack(&bed.repository, &mut catalog, &surveyed, None, &options).unwrap();
    assert!(found.is_none());
}

#[test]
fn a_pack_without_a_directory_stays_while_its_group_lacks_chunks() {
    let bed = Bed::new();
    let grouped = |session: &mut SessionOrigin| session.dedup = DedupScope::Group;
    let one = bed.snapshot_with(OLD, grouped).origin.run;
    bed.snapshot_with(OLD, grouped);
    let packs = bed.packs();
    let is_data = |pack: &&ListedPack| matches!(pack.pack, Some((PackPlace::Data(_), _)));
    let lost = packs.iter().map(|(_, pack)| pack).find(|pack| pack.name.run == one && is_data(pack));
    bed.remove(&directory_key(lost.unwrap().name));
    let report = pruned(&bed, &at_once());
    assert!(bed.packs().get(packs.number(lost.unwrap().name).unwrap()).pack.is_some());
    let kept: Vec<_> = report.plan.kept.iter().map(|kept| (kept.why, kept.packs)).collect();
    assert_eq!(kept, [(WhyKept::DirectoryMissing, 1)]);
}
