use icecore_format::snapshot::SnapshotState;

use super::*;
use crate::fixture::{Fixture, directory};

fn rules(change: impl FnOnce(&mut RestoreRequest, &mut LeftOut), is_single: bool) -> Rules {
    let fixture = Fixture::new();
    let mut request = RestoreRequest::new(fixture.snapshot(vec![directory("")]), "/nowhere");
    let mut left_out = LeftOut {
        patterns: vec!["*.iso".to_owned(), "/a/only".to_owned(), "cache/".to_owned()],
        paths: vec![b"a/repository".to_vec()],
        ..LeftOut::default()
    };
    change(&mut request, &mut left_out);
    let SnapshotState::Complete(completion) = &mut request.snapshot.state else { panic!("not complete") };
    completion.left_out = Some(left_out);
    Rules::new(&request, is_single)
}

#[test]
fn paths_are_those_of_the_source() {
    let whole = rules(|_, _| {}, false);
    assert_eq!(whole.by_path(b"a/only", false), Some(KeptReason::Excluded));
    assert_eq!(whole.by_path(b"only", false), None);
    assert_eq!(whole.by_path(b"a/repository/data", true), Some(KeptReason::LeftOut));
    assert_eq!(whole.by_path(b"a/repository-2", true), None);
    assert_eq!((whole.by_path(b"cache", true).is_some(), whole.by_path(b"cache", false)), (true, None));
    let part = rules(|request, _| request.path = b"a".to_vec(), false);
    assert_eq!(part.by_path(b"only", false), Some(KeptReason::Excluded));
    assert_eq!(part.by_path(b"repository", true), Some(KeptReason::LeftOut));
    assert_eq!(part.by_path(b"a/only", false), None);
    // A single object has its own name in the target.
    let single = rules(|request, _| request.path = b"a/only".to_vec(), true);
    assert_eq!(single.by_path(b"only", false), Some(KeptReason::Excluded));
}

#[test]
fn what_the_user_chose_gives_way_and_nothing_else() {
    let chosen = rules(|request, _| request.delete_excluded = true, false);
    assert_eq!(chosen.by_path(b"film.iso", false), None);
    assert_eq!(chosen.by_path(b"a/repository", true), None);
    assert_eq!(chosen.of_marks(Marks::CACHE_LEFT_OUT), None);
    assert_eq!(chosen.of_marks(Marks::UNREADABLE), Some(KeptReason::Unreadable));
    assert_eq!(chosen.of_marks(Marks::NOT_ENTERED), Some(KeptReason::NotEntered));
    let both = Marks::CACHE_LEFT_OUT.with(Marks::UNREADABLE);
    assert_eq!(chosen.of_marks(both), Some(KeptReason::Unreadable));
    let unknown = rules(|_, left_out| left_out.more = true, false);
    assert_eq!(unknown.by_path(b"anything", false), Some(KeptReason::Unknown));
}
