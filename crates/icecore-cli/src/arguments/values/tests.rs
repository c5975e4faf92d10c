use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use super::*;

#[test]
fn urls_are_told_from_paths() {
    for url in ["s3://bucket/prefix", "file:///tmp", "HTTPS://host", "git+ssh://host"] {
        assert!(is_url(OsStr::new(url)), "{url}");
    }
    for path in ["", "/tmp", "./s3://x", "/srv/a://b", "://x", "2://x", "host:/path", "a b://x"] {
        assert!(!is_url(OsStr::new(path)), "{path}");
    }
    assert!(!is_url(OsStr::from_bytes(b"\xff://x")));
}

#[test]
fn lengths_of_time_are_read() {
    for (text, seconds) in [("0", 0), ("12h", 43_200), ("3d", 259_200), ("2w", 1_209_600), ("90m", 5400)] {
        assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "x", "1mo", "1y", "-3d", "3"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}
