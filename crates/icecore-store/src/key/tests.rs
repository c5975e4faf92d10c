use proptest::prelude::*;

use super::*;

#[test]
fn keys() {
    let longest_part = "p".repeat(PART_BYTES_MAX);
    for key in ["a", "icecore", "meta/snapshots/0-9_A.z", "..a", "a..", "...", &longest_part] {
        assert!(check_key(key).is_ok(), "{key:?}");
    }
    let long_part = "p".repeat(PART_BYTES_MAX + 1);
    let long_key = "k/".repeat(KEY_BYTES_MAX / 2) + "k";
    for key in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/.", "../a", "a/../b", "a b", "a+b", "a\\b", "ä", "a\0",
        "a\n", "+tmp/a", &long_part, &long_key,
    ] {
        assert!(matches!(check_key(key), Err(StoreError::InvalidKey { .. })), "{key:?}");
    }
}

#[test]
fn prefixes() {
    for prefix in ["", "a/", "meta/gc/"] {
        assert!(check_prefix(prefix).is_ok(), "{prefix:?}");
    }
    for prefix in ["a", "/", "a//", "../", "a b/"] {
        assert!(check_prefix(prefix).is_err(), "{prefix:?}");
    }
}

#[test]
fn ranges() {
    assert_eq!(clip_range("k", 10, &(0..10)).unwrap(), 0..10);
    assert_eq!(clip_range("k", 10, &(9..u64::MAX)).unwrap(), 9..10);
    #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake must be an error, not a panic")]
    for range in [10..11, 5..5, 7..3, 0..0] {
        assert!(clip_range("k", 10, &range).is_err(), "{range:?}");
    }
    assert!(clip_range("k", 0, &(0..1)).is_err());
}

proptest! {
    #[test]
    fn valid_keys_are_paths_that_stay_inside(key in "[a-zA-Z0-9._/+ -]{0,20}") {
        if check_key(&key).is_ok() {
            let path = std::path::Path::new(&key);
            prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
            prop_assert_eq!(path.components().count(), key.split('/').count());
        }
    }
}
