use icecore_format::snapshot::Hold;

use super::*;
use crate::bed::Bed;

fn held(until_seconds: Option<i64>) -> Hold {
    Hold { until_seconds, reason: "audit".into(), placed: Time::default() }
}

fn set_hold(bed: &Bed, run: RunId, hold: Option<&Hold>) {
    let changed = snapshots::change(&bed.repository, run, |snapshot| {
        let SnapshotState::Complete(completion) = &mut snapshot.state else { panic!("it is complete") };
        completion.hold = hold.cloned();
        Ok::<_, PruneError>(true)
    });
    changed.unwrap();
}

#[test]
fn a_forgotten_snapshot_is_deleted_once() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    assert!(matches!(forget(&bed.repository, run, None).unwrap().state, SnapshotState::Deleted(_)));
    let keys = bed.get(&icecore_format::layout::snapshot_key(run));
    forget(&bed.repository, run, None).unwrap();
    assert_eq!(bed.get(&icecore_format::layout::snapshot_key(run)), keys);
}

#[test]
fn a_hold_keeps_a_snapshot_until_it_ends_or_is_released() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    let now = bed.repository.environment().now().seconds;
    for lasting in [held(None), held(Some(now + 10))] {
        set_hold(&bed, run, Some(&lasting));
        let refused = forget(&bed.repository, run, None);
        assert!(matches!(refused, Err(PruneError::Held { reason, .. }) if reason == "audit"));
    }
    // The log says so although the object does not.
    set_hold(&bed, run, None);
    let logged = HeldSnapshot { run, until_seconds: None, reason: "logged".into() };
    assert!(matches!(forget(&bed.repository, run, Some(&logged)), Err(PruneError::Held { .. })));
    let ended = HeldSnapshot { until_seconds: Some(now), ..logged };
    set_hold(&bed, run, Some(&held(Some(now))));
    forget(&bed.repository, run, Some(&ended)).unwrap();
}

#[test]
fn a_run_without_a_snapshot_cannot_be_forgotten() {
    let bed = Bed::new();
    let run = bed.announced(&bed.repository);
    assert!(matches!(forget(&bed.repository, run, None), Err(PruneError::NotComplete { .. })));
}

#[test]
fn a_snapshot_that_somebody_has_removed_meanwhile_cannot_be_forgotten() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    bed.remove(&icecore_format::layout::snapshot_key(run));
    assert!(matches!(forget(&bed.repository, run, None), Err(PruneError::NotComplete { .. })));
}
