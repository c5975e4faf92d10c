use super::*;

fn wait(key: &str, attempt: u32) -> Wait {
    Wait {
        operation: "get",
        key: key.to_owned(),
        endpoint: "http://host".to_owned(),
        since: Duration::ZERO,
        moved: Duration::ZERO,
        attempt,
        state: WaitState::Attempting,
        gives_up: Duration::from_mins(15),
        last_error: None,
    }
}

#[test]
fn the_list_has_the_calls_that_are_under_way() {
    let list = WaitList::default();
    list.changed(CallNumber(1), &wait("a", 1));
    list.changed(CallNumber(2), &wait("b", 1));
    list.changed(CallNumber(1), &wait("a", 2));
    assert_eq!(list.under_way(), [wait("a", 2), wait("b", 1)]);
    let at = Duration::from_secs(7);
    list.moved(CallNumber(1), at);
    list.moved(CallNumber(9), Duration::from_secs(3));
    assert_eq!(list.last_moved(), at);
    assert_eq!(list.under_way(), [Wait { moved: at, ..wait("a", 2) }, wait("b", 1)]);
    list.ended(CallNumber(1));
    assert_eq!(list.under_way(), [wait("b", 1)]);
}
