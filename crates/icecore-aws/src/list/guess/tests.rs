use super::*;

/// 2026-11-26.
const LATEST: u64 = 0x019a_be00_0000;

#[test]
fn guesses_go_on_at_the_same_distance() {
    let guesses = later_keys("meta/packs/0190-1", "meta/packs/0193f", 4, LATEST);
    let begins: Vec<&str> = guesses.iter().map(|key| &key[..key.len().min(15)]).collect();
    assert_eq!(begins, ["meta/packs/0197", "meta/packs/019b", "meta/packs/019e", "meta/packs/01a2"]);
    let decimal = later_keys("log/ab/000001", "log/ab/001000", 10, LATEST);
    let begins: Vec<&str> = decimal.iter().map(|key| &key[..key.len().min(13)]).collect();
    assert_eq!(begins[..2], ["log/ab/001899", "log/ab/002798"]);
    assert_eq!(begins[9], "log/ab/009991");
}

#[test]
fn no_guess_goes_beyond_what_the_keys_have_in_common() {
    assert_eq!(later_keys("a/1", "a/8a", 100, LATEST).len(), 1);
    assert_eq!(later_keys("a/1", "a/f", 100, LATEST), [""; 0]);
    assert_eq!(later_keys("a/ffffffff1", "a/ffffffffe", 100, LATEST), [""; 0]);
    assert_eq!(later_keys("a/0000", "a/9999", 100, LATEST), [""; 0]);
}

#[test]
fn keys_that_do_not_differ_in_digits_give_no_guess() {
    for (first, last) in
        [("", ""), ("a/1", "a/1"), ("a/1", "a/12"), ("a/x", "a/y"), ("a/1", "a/z"), ("ä", "ü"), ("b", "a")]
    {
        assert_eq!(later_keys(first, last, 4, LATEST), [""; 0], "{first} {last}");
    }
}

#[test]
fn no_run_begins_in_the_future() {
    let key = |time: u64| format!("meta/packs/{time:012x}{:020x}-000000", time * 31);
    let day = 86_400_000;
    let guesses = later_keys(&key(LATEST - 30 * day), &key(LATEST - 20 * day), 16, LATEST);
    assert_eq!(guesses.len(), 2, "{guesses:?}");
    assert_eq!(later_keys(&key(LATEST - 8 * day), &key(LATEST - 4 * day), 16, LATEST).len(), 1);
    assert_eq!(later_keys(&key(LATEST - 8 * day), &key(LATEST - 3 * day), 16, LATEST), [""; 0]);
    let logs = later_keys("meta/log/11/000001", "meta/log/11/001000", 16, 0);
    assert_eq!(logs.len(), 16, "{logs:?}");
}
