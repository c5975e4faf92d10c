use std::time::Duration;

use super::{Counters, body, line};

fn counters() -> Counters {
    Counters {
        phase: "reading",
        noun: "file",
        objects: 1200,
        objects_total: Some(4800),
        bytes: 256 << 20,
        bytes_total: Some(1 << 30),
        bytes_stored: Some(10 << 20),
        path: b"a/b\n".to_vec(),
    }
}

#[test]
fn a_line_tells_everything() {
    let elapsed = Duration::from_secs(4);
    assert_eq!(
        line(&counters(), elapsed, true),
        "[######------------------]  25 %  1,200 of 4,800 files  256.0 MiB of 1.0 GiB  10.0 MiB stored  64.0 MiB/s  \
         12.0 s left  a/b\\n"
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let counters = Counters {
        objects_total: None,
        bytes_total: None,
        bytes_stored: None,
        path: Vec::new(),
        ..counters()
    };
    assert_eq!(line(&counters, Duration::from_secs(4), true), "1,200 files  256.0 MiB  64.0 MiB/s  reading");
    // The source has grown beyond what the last snapshot had.
    let more = Counters { bytes: 2 << 30, objects: 5000, ..super::tests::counters() };
    assert_eq!(line(&more, Duration::ZERO, false), "5,000 files  2.0 GiB  10.0 MiB stored  0 B/s  a/b\\n");
}

#[test]
fn json_has_the_documented_fields() {
    let value = serde_json::to_value(body(&counters(), Duration::from_secs(4))).unwrap();
    assert_eq!(value["bytes_per_second"], 64 << 20);
    assert_eq!(value["seconds_left"], 12);
    assert_eq!(value["path"], "a/b\n");
    assert_eq!(value["total"], 4800);
    assert_eq!(value.get("path_base64"), None);
    icecore_fixtures::documented::assert_documented(&value);
}
