use icecore_format::{entry::Time, snapshot::Snapshot};

use super::*;
use crate::{bed::Bed, forget::forget};

const HOUR: Duration = Duration::from_hours(1);

fn found(bed: &Bed, run: RunId) -> Option<Hold> {
    let snapshot = snapshots::stored(&bed.repository, run).unwrap().unwrap();
    snapshot.completion().unwrap().hold.clone()
}

/// Places a hold or removes it, as an operator does.
fn set_hold(bed: &Bed, run: RunId, hold: Option<&Hold>) {
    let set = |snapshot: &mut Snapshot| {
        let SnapshotState::Complete(completion) = &mut snapshot.state else { unreachable!() };
        completion.hold = hold.cloned();
        Ok::<_, PruneError>(true)
    };
    snapshots::change(&bed.repository, run, set).unwrap();
}

fn now(bed: &Bed) -> i64 {
    bed.repository.environment().now().seconds
}

#[test]
fn it_is_placed_extended_and_released() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    let mut own = ReaderHold::new(run, "restore on web");
    let until_seconds = now(&bed) + 24 * 3600;
    assert_eq!(own.place(&bed.repository).unwrap(), ReaderHoldState::Placed { until_seconds });
    assert!(matches!(forget(&bed.repository, run, None), Err(PruneError::Held { .. })));
    let first = found(&bed, run).unwrap();
    assert_eq!((first.until_seconds, first.reason.as_str()), (Some(until_seconds), "restore on web"));
    bed.clock.advance(HOUR * 11);
    assert_eq!(own.place(&bed.repository).unwrap(), ReaderHoldState::Held);
    assert_eq!(found(&bed, run), Some(first), "nothing is written while much time is left");
    bed.clock.advance(HOUR);
    let until_seconds = now(&bed) + 24 * 3600;
    assert_eq!(own.place(&bed.repository).unwrap(), ReaderHoldState::Placed { until_seconds });
    own.release(&bed.repository).unwrap();
    assert_eq!(found(&bed, run), None);
    forget(&bed.repository, run, None).unwrap();
}

#[test]
fn the_hold_of_somebody_else_stays() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    let of = |until_seconds| Hold { until_seconds, reason: "audit".into(), placed: Time::default() };
    for until_seconds in [None, Some(now(&bed) + 60)] {
        // Before the own one.
        let theirs = of(until_seconds);
        set_hold(&bed, run, Some(&theirs));
        let mut own = ReaderHold::new(run, "restore on web");
        assert_eq!(own.place(&bed.repository).unwrap(), ReaderHoldState::Held);
        assert_eq!(found(&bed, run), Some(theirs.clone()));
        own.release(&bed.repository).unwrap();
        assert_eq!(found(&bed, run), Some(theirs.clone()));
        // In place of the own one.
        set_hold(&bed, run, None);
        let mut own = ReaderHold::new(run, "restore on web");
        own.place(&bed.repository).unwrap();
        set_hold(&bed, run, Some(&theirs));
        own.release(&bed.repository).unwrap();
        assert_eq!(found(&bed, run), Some(theirs));
    }
    // When it ends, the own one follows.
    let mut own = ReaderHold::new(run, "restore on web");
    bed.clock.advance(HOUR);
    assert!(matches!(own.place(&bed.repository).unwrap(), ReaderHoldState::Placed { .. }));
}

#[test]
fn a_snapshot_that_was_forgotten_is_not_held() {
    let bed = Bed::new();
    let run = bed.snapshot(&[("a", 1)]).origin.run;
    let mut own = ReaderHold::new(run, "restore on web");
    own.place(&bed.repository).unwrap();
    bed.clock.advance(HOUR * 25);
    forget(&bed.repository, run, None).unwrap();
    assert_eq!(own.place(&bed.repository).unwrap(), ReaderHoldState::Forgotten);
    own.release(&bed.repository).unwrap();
    let absent = RunId::new(1, [1; 10]);
    assert_eq!(
        ReaderHold::new(absent, "restore").place(&bed.repository).unwrap(),
        ReaderHoldState::Forgotten
    );
}
