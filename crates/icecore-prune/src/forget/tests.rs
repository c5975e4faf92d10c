use super::*;
use crate::bed::Bed;

fn held(until_seconds: Option<i64>) -> Hold {
    Hold { until_seconds, reason: "audit".into(), placed: Time::default() }
}

#[test]
fn a_forgotten_snapshot_is_deleted_once() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    assert!(matches!(forget(&bed.repository, run, None).unwrap().state, SnapshotState::Deleted(_)));
    let keys = bed.get(&icecore_format::layout::snapshot_key(run));
    forget(&bed.repository, run, None).unwrap();
    assert_eq!(bed.get(&icecore_format::layout::snapshot_key(run)), keys);
    assert!(matches!(hold(&bed.repository, run, None), Err(PruneError::NotComplete { .. })));
}

#[test]
fn a_hold_keeps_a_snapshot_until_it_ends_or_is_released() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    let now = bed.repository.environment().now().seconds;
    for lasting in [held(None), held(Some(now + 10))] {
        hold(&bed.repository, run, Some(&lasting)).unwrap();
        let refused = forget(&bed.repository, run, None);
        assert!(matches!(refused, Err(PruneError::Held { reason, .. }) if reason == "audit"));
    }
    // The log says so although the object does not.
    hold(&bed.repository, run, None).unwrap();
    let logged = HeldSnapshot { run, until_seconds: None, reason: "logged".into() };
    assert!(matches!(forget(&bed.repository, run, Some(&logged)), Err(PruneError::Held { .. })));
    let ended = HeldSnapshot { until_seconds: Some(now), ..logged };
    hold(&bed.repository, run, Some(&held(Some(now)))).unwrap();
    forget(&bed.repository, run, Some(&ended)).unwrap();
}

#[test]
fn a_run_without_a_snapshot_cannot_be_forgotten() {
    let bed = Bed::new();
    let run = bed.announced(&bed.repository);
    assert!(matches!(forget(&bed.repository, run, None), Err(PruneError::NotComplete { .. })));
}
