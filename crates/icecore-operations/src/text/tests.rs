use std::time::Duration;

use icecore_format::entry::Time;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{
    count, counted, duration, files_or_directories, local_time, printable, printable_message, push_base64,
    quoted, shell_word, size, utc_time,
};

#[test]
fn names_cannot_disturb_a_terminal() {
    assert_eq!(printable("grün/名.txt".as_bytes()), "grün/名.txt");
    assert_eq!(printable(b"a\nb\tc"), "a\\nb\\tc");
    assert_eq!(printable(b"\x1b[31mred"), "\\u{1b}[31mred");
    assert_eq!(printable(b"caf\xe9"), "caf\\xe9");
    assert_eq!(printable("a\u{202e}txt.exe".as_bytes()), "a\\u{202e}txt.exe");
    assert_eq!(quoted(b"a\n"), "\"a\\n\"");
    assert_eq!(quoted(b""), "\".\"");
    assert_eq!(printable_message("one\ntwo\x07"), "one\ntwo\\u{7}");
}

#[test]
fn sizes_counts_and_durations() {
    assert_eq!(size(0), "0 B");
    assert_eq!(size(1023), "1023 B");
    assert_eq!(size(1536 << 10), "1.5 MiB");
    assert_eq!(count(0), "0");
    assert_eq!(count(999), "999");
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(counted(1, "file"), "1 file");
    assert_eq!(counted(1000, "file"), "1,000 files");
    assert_eq!(counted(0, "directory"), "0 directories");
    assert_eq!(files_or_directories(1), "1 file or directory");
    assert_eq!(files_or_directories(1000), "1,000 files or directories");
    assert_eq!(duration(Duration::from_millis(420)), "0.4 s");
    assert_eq!(duration(Duration::from_secs(187)), "3 min 7 s");
    assert_eq!(duration(Duration::from_mins(125)), "2 h 5 min");
}

#[test]
fn times() {
    let time = Time { seconds: 1_700_000_000, nanoseconds: 5 };
    assert_eq!(local_time(time, &TimeZone::UTC), "2023-11-14 22:13:20");
    assert_eq!(utc_time(time).as_deref(), Some("2023-11-14T22:13:20.000000005Z"));
    let far = Time { seconds: i64::MAX, nanoseconds: 0 };
    assert_eq!(local_time(far, &TimeZone::UTC), "(beyond any calendar)");
    assert_eq!(utc_time(far), None);
    let before = Time { seconds: -1, nanoseconds: 999_999_999 };
    assert_eq!(utc_time(before).as_deref(), Some("1969-12-31T23:59:59.999999999Z"));
}

#[test]
fn base64_is_that_of_the_rfc() {
    let cases = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
    ];
    for (plain, encoded) in cases {
        let mut text = String::new();
        push_base64(&mut text, plain.as_bytes());
        assert_eq!(text, encoded);
    }
}

proptest! {
    #[test]
    fn printable_text_never_has_control_characters(bytes: Vec<u8>) {
        prop_assert!(!printable(&bytes).chars().any(char::is_control));
    }
}

#[test]
fn words_are_quoted_for_a_shell() {
    for (word, expected) in [
        (&b"/srv/backup"[..], "/srv/backup"),
        (b"", "''"),
        (b"a b", "'a b'"),
        ("ü$HOME".as_bytes(), "'ü$HOME'"),
        (b"it's", "'it'\\''s'"),
        (b"a\nb'\xff", "$'a\\x0ab\\x27\\xff'"),
    ] {
        assert_eq!(shell_word(word), expected);
    }
}
