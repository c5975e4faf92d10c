use serde::Serialize;
use serde_json::Value;

use super::{PathText, SnapshotDocument, base64};

const DOCUMENTATION: &str = include_str!("../../../../docs/json.md");

/// Checks that `docs/json.md` names every field of a document.
pub(crate) fn assert_documented(document: &impl Serialize) {
    fn check(value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                assert!(DOCUMENTATION.contains(&format!("`{name}`")), "docs/json.md does not name {name}");
                // The names in there are the user's.
                if name != "tags" {
                    check(value);
                }
            }),
            Value::Array(items) => items.iter().for_each(check),
            _ => {}
        }
    }
    check(&serde_json::to_value(document).unwrap());
}

#[test]
fn paths_are_text_and_exact_where_they_are_not() {
    let text = serde_json::to_value(PathText::new("ü".as_bytes())).unwrap();
    assert_eq!(text, serde_json::json!({ "path": "ü" }));
    let bytes = serde_json::to_value(PathText::new(b"\xff")).unwrap();
    assert_eq!(bytes, serde_json::json!({ "path": "\u{fffd}", "path_base64": base64(b"\xff") }));
}

#[test]
fn a_snapshot_has_the_documented_fields() {
    let snapshot = crate::reference::tests::snapshot("etc", "here", 1, 1_700_000_000, true);
    let value = serde_json::to_value(SnapshotDocument::new(&snapshot).unwrap()).unwrap();
    assert_eq!(value["id"], "01".repeat(10));
    assert_eq!(value["time"], "2023-11-14T22:13:20.5Z");
    assert_documented(&value);
    let pending = crate::reference::tests::snapshot("etc", "here", 1, 1, false);
    assert!(SnapshotDocument::new(&pending).is_none());
}

#[test]
#[should_panic(expected = "does not name undocumented")]
fn a_field_that_is_not_documented_is_found() {
    assert_documented(&serde_json::json!([{ "path": "a", "undocumented": 1 }]));
}
