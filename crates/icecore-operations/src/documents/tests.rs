use icecore_fixtures::{documented::assert_documented, snapshots::snapshot};

use super::{PathText, SnapshotDocument, base64};

#[test]
fn paths_are_text_and_exact_where_they_are_not() {
    let text = serde_json::to_value(PathText::new("ü".as_bytes())).unwrap();
    assert_eq!(text, serde_json::json!({ "path": "ü" }));
    let bytes = serde_json::to_value(PathText::new(b"\xff")).unwrap();
    assert_eq!(bytes, serde_json::json!({ "path": "\u{fffd}", "path_base64": base64(b"\xff") }));
}

#[test]
fn a_snapshot_has_the_documented_fields() {
    let complete = snapshot("etc", "here", 1, 1_700_000_000, true);
    let value = serde_json::to_value(SnapshotDocument::new(&complete).unwrap()).unwrap();
    assert_eq!(value["id"], "01".repeat(10));
    assert_eq!(value["time"], "2023-11-14T22:13:20.5Z");
    assert_documented(&value);
    let pending = snapshot("etc", "here", 1, 1, false);
    assert!(SnapshotDocument::new(&pending).is_none());
}
