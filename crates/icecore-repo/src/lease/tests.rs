use super::*;
use crate::bed::Bed;

#[test]
fn an_own_object_whose_reply_was_lost_is_not_a_fence() {
    let bed = Bed::new();
    let run = RunId::new(1, [1; 10]);
    let version = put(&bed.repository, run, b"pending", PutCondition::Absent).unwrap();
    assert_eq!(put(&bed.repository, run, b"pending", PutCondition::Absent).unwrap(), version);
    let stale = PutCondition::Version(version);
    let complete = put(&bed.repository, run, b"complete", stale.clone()).unwrap();
    assert_eq!(put(&bed.repository, run, b"complete", stale.clone()).unwrap(), complete);
    for object in [&b"pending"[..], b"aborted"] {
        assert!(matches!(put(&bed.repository, run, object, stale.clone()), Err(RepoError::Fenced)));
    }
    bed.remove(&snapshot_key(run));
    assert!(matches!(put(&bed.repository, run, b"complete", stale), Err(RepoError::Fenced)));
}
