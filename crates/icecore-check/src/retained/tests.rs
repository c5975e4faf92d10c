use super::*;

fn bytes(length: usize) -> Bytes {
    (0..length).map(|number| number as u8).collect()
}

#[test]
fn ranges_within_a_piece_are_found() {
    let retained = Retained::new(1_000);
    retained.keep("pack", 100, &bytes(50), false);
    assert_eq!(retained.find("pack", Some(&(100..150))), Some(bytes(50)));
    assert_eq!(retained.find("pack", Some(&(110..120))), Some(bytes(50).slice(10..20)));
    for range in [99..110, 140..151, 150..160, 0..10] {
        assert_eq!(retained.find("pack", Some(&range)), None, "{range:?}");
    }
    assert_eq!(retained.find("pack", None), None);
    assert_eq!(retained.find("other", Some(&(100..150))), None);
    retained.clear();
    assert_eq!(retained.find("pack", Some(&(100..150))), None);
}

#[test]
fn a_whole_object_answers_for_ranges_that_go_beyond_it() {
    let retained = Retained::new(1_000);
    retained.keep("header", 0, &bytes(50), true);
    assert_eq!(retained.find("header", None), Some(bytes(50)));
    assert_eq!(retained.find("header", Some(&(0..1_000))), Some(bytes(50)));
    assert_eq!(retained.find("header", Some(&(50..60))), None);
}

#[test]
fn the_oldest_pieces_go_and_large_ones_are_not_kept() {
    let retained = Retained::new(100);
    retained.keep("large", 0, &bytes(51), true);
    assert_eq!(retained.find("large", None), None);
    retained.keep("a", 0, &bytes(40), false);
    retained.keep("b", 0, &bytes(40), false);
    // An object is not kept twice.
    retained.keep("a", 10, &bytes(20), false);
    assert!(retained.find("a", Some(&(0..40))).is_some());
    retained.keep("c", 0, &bytes(40), false);
    assert!(retained.find("a", Some(&(0..40))).is_none());
    assert!(retained.find("b", Some(&(0..40))).is_some() && retained.find("c", Some(&(0..40))).is_some());
    let state = retained.lock();
    assert_eq!((state.bytes, state.order.len(), state.pieces.len()), (80, 2, 2));
}
