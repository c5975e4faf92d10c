use std::{collections::BTreeSet, time::Duration};

use icecore_format::{
    collection::CollectionState,
    ids::RunId,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::session::CommitReport;
use icecore_store::{fault::FaultPlan, store::PutCondition};

use super::*;
use crate::{
    bed::{Bed, UNLOCK_CALLS, author, write_files},
    collector::put_record,
    forget::forget,
};

const OLD: &[(&str, u64)] = &[("a", 1), ("b", 2), ("c", 100), ("d", 3)];
const NEW: &[(&str, u64)] = &[("a", 1), ("b", 4), ("c", 101)];

fn at_once() -> PruneOptions {
    PruneOptions { grace: Duration::ZERO, ..PruneOptions::default() }
}

fn pruned_on(repository: &Repository, bed: &Bed, options: &PruneOptions) -> PruneResult<PruneReport> {
    bed.clock.advance(Duration::from_secs(1));
    prune(repository, &mut bed.catalog(), author(), &SeenHistory::default(), options, |_| Ok(()))
}

fn pruned(bed: &Bed, options: &PruneOptions) -> PruneReport {
    let report = pruned_on(&bed.repository, bed, options).unwrap();
    assert!(report.doubts.is_empty(), "{:?}", report.doubts);
    assert!(report.swept.failed.is_empty(), "{:?}", report.swept.failed);
    report
}

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

#[test]
fn a_listing_that_lacks_anything_removes_nothing() {
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    bed.snapshot(NEW);
    forget(&bed.repository, old, None).unwrap();
    let keys = bed.keys();
    for lost in keys.iter().filter(|key| !key.starts_with("meta/keys/") && *key != "icecore") {
        let left_out = lost.clone();
        let repository = bed.forgetful(move |key| key == left_out);
        let report = pruned_on(&repository, &bed, &at_once()).unwrap();
        let is_harmless = report.doubts.is_empty();
        // What is not listed and not needed may be missing; what is needed is still there.
        for snapshot in bed.snapshots() {
            if snapshot.completion().is_some() {
                bed.assert_readable(snapshot.origin.run);
            }
        }
        assert!(is_harmless || bed.keys() == keys, "{lost}");
        if is_harmless {
            return;
        }
    }
}

#[test]
fn a_crash_at_any_call_loses_nothing_and_the_next_one_finishes() {
    for call in 1 + UNLOCK_CALLS.. {
        let bed = Bed::new();
        let old = bed.snapshot(OLD).origin.run;
        let new = bed.snapshot(NEW).origin.run;
        forget(&bed.repository, old, None).unwrap();
        let (repository, _) = bed.faulty(FaultPlan::crash_from(call));
        let crashed = pruned_on(&repository, &bed, &at_once()).is_err();
        bed.assert_readable(new);
        bed.clock.advance(Duration::from_hours(50));
        pruned(&bed, &at_once());
        pruned(&bed, &at_once());
        pruned(&bed, &at_once());
        bed.assert_readable(new);
        let whole = Bed::new();
        let old = whole.snapshot(OLD).origin.run;
        whole.snapshot(NEW);
        forget(&whole.repository, old, None).unwrap();
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
    let bed = Bed::new();
    let old = bed.snapshot(OLD).origin.run;
    let new = bed.snapshot(NEW).origin.run;
    forget(&bed.repository, old, None).unwrap();
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
