use icecore_access::Usage;
use icecore_fixtures::{documented::assert_documented, snapshots::snapshot};
use icecore_format::{
    entry::Time,
    snapshot::{Hold, SnapshotState},
};

use super::{ChangedDocument, PathText, SnapshotDocument, base64};
use crate::change::Changed;

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

#[test]
fn notes_and_holds_are_shown() {
    let mut held = snapshot("etc", "here", 1, 1_700_000_000, true);
    let SnapshotState::Complete(completion) = &mut held.state else { unreachable!() };
    let placed = Time { seconds: 1_700_000_000, nanoseconds: 0 };
    completion.note = "before the move".to_owned();
    completion.hold = Some(Hold { until_seconds: Some(1_800_000_000), reason: "audit".to_owned(), placed });
    let changed = Changed { snapshot: held, is_changed: true, usage: Usage::default() };
    let value = serde_json::to_value(ChangedDocument::new(&changed)).unwrap();
    assert_documented(&value);
    assert_eq!(value["changed"], true);
    assert_eq!(value["snapshot"]["note"], "before the move");
    assert_eq!(value["snapshot"]["hold"]["until"], "2027-01-15T08:00:00Z");
    assert_eq!(value["snapshot"]["hold"]["reason"], "audit");
}
