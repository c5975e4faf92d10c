//! Compares the fields of JSON documents with `docs/json.md`.

use serde::Serialize;
use serde_json::Value;

const DOCUMENTATION: &str = include_str!("../../../docs/json.md");

/// Checks that `docs/json.md` names every field of a document.
///
/// # Panics
///
/// If a field is not named there.
pub fn assert_documented(document: &impl Serialize) {
    fn check(value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                assert!(DOCUMENTATION.contains(&format!("`{name}`")), "docs/json.md does not name {name}");
                // The user chooses the names in it.
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

#[cfg(test)]
mod tests;
