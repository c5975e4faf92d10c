use proptest::prelude::*;

use super::*;

fn components(path: &[u8]) -> Vec<&[u8]> {
    if path.is_empty() { Vec::new() } else { path.split(|byte| *byte == b'/').collect() }
}

#[test]
fn a_directory_is_followed_by_its_content() {
    let sorted: [&[u8]; 12] =
        [b"", b"a", b"a/\x01", b"a/b", b"a/b/c", b"a/b-c", b"a\x01", b"a-b", b"a.b", b"aa", b"b", b"\xff"];
    for (left_index, left) in sorted.iter().enumerate() {
        for (right_index, right) in sorted.iter().enumerate() {
            assert_eq!(compare(left, right), left_index.cmp(&right_index), "{left:?} {right:?}");
        }
    }
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    for good in [&b""[..], b"a", b"a/b", b"...", b"..a/.b", b"a b\n", b"\xff\xfe", b"a\\b"] {
        assert_eq!(validate(good), Ok(()), "{good:?}");
    }
    let bad = [
        &b"/"[..],
        b"/a",
        b"a/",
        b"a//b",
        b".",
        b"..",
        b"a/..",
        b"../a",
        b"a/../b",
        b"a/.",
        b"./a",
        b"\0",
        b"a\0b",
        b"a/\0",
    ];
    for path in bad {
        assert!(validate(path).is_err(), "{path:?}");
    }
}

#[test]
fn long_paths_are_bounded() {
    assert!(validate(&[b'a'; NAME_BYTES_MAX]).is_ok());
    assert!(validate(&[b'a'; NAME_BYTES_MAX + 1]).is_err());
    let long = b"a/".repeat(PATH_BYTES_MAX / 2);
    assert!(validate(&long[..PATH_BYTES_MAX - 1]).is_ok());
    assert!(validate(&[&long[..], b"a"].concat()).is_err());
}

#[test]
fn parents() {
    assert_eq!(parent(b""), None);
    assert_eq!(parent(b"a"), Some(&b""[..]));
    assert_eq!(parent(b"a/b/c"), Some(&b"a/b"[..]));
}

#[test]
fn within() {
    assert!(is_within(b"a/b", b"a") && is_within(b"a", b"a") && is_within(b"a", b"") && is_within(b"", b""));
    assert!(!is_within(b"ab", b"a") && !is_within(b"a", b"a/b") && !is_within(b"", b"a"));
}

fn any_path() -> impl Strategy<Value = Vec<u8>> {
    // Few different bytes around the separator, so that paths share a lot and differ little.
    let byte = prop::sample::select(vec![1u8, b'.' - 1, b'.' + 2, b'a', 0xff]);
    let name = prop::collection::vec(byte, 1..4);
    prop::collection::vec(name, 0..5).prop_map(|names| names.join(&b'/'))
}

proptest! {
    #[test]
    fn order_is_that_of_lists_of_components(left in any_path(), right in any_path()) {
        prop_assert_eq!(validate(&left), Ok(()));
        prop_assert_eq!(compare(&left, &right), components(&left).cmp(&components(&right)));
        prop_assert_eq!(compare(&left, &right), compare(&right, &left).reverse());
        prop_assert_eq!(compare(&left, &right).is_eq(), left == right);
    }

    #[test]
    fn order_is_total_and_keeps_directories_together(mut paths in prop::collection::vec(any_path(), 0..12)) {
        paths.sort_by(|left, right| compare(left, right));
        paths.dedup();
        prop_assert!(paths.is_sorted_by(|left, right| compare(left, right).is_lt()));
        for (index, directory) in paths.iter().enumerate() {
            let inside = paths[index..].iter().take_while(|path| is_within(path, directory)).count();
            prop_assert_eq!(inside, paths.iter().filter(|path| is_within(path, directory)).count());
        }
    }

    #[test]
    fn a_parent_comes_first(path in any_path()) {
        if let Some(parent) = parent(&path) {
            prop_assert!(compare(parent, &path).is_lt() && is_within(&path, parent));
        }
    }

    #[test]
    fn shared_prefixes_are_the_longest(left in any_path(), right in any_path()) {
        let shared = shared_prefix(&left, &right);
        prop_assert_eq!(&left[..shared], &right[..shared]);
        prop_assert!(left.get(shared) != right.get(shared) || left == right);
    }

    #[test]
    fn hostile_paths_do_no_harm(path in prop::collection::vec(any::<u8>(), 0..50)) {
        let valid = components(&path).iter().all(|name| !matches!(name, &b"" | &b"." | &b"..") && !name.contains(&0));
        prop_assert_eq!(validate(&path).is_ok(), valid);
    }
}
