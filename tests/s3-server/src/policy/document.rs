//! Reads the JSON of a policy.

use serde_json::{Map, Value};

/// Returns an object's members, and refuses unknown ones: a misspelt one would never have an effect.
pub(super) fn members<'value>(
    value: &'value Value,
    known: &[&str],
) -> Result<&'value Map<String, Value>, String> {
    let members = value.as_object().ok_or_else(|| format!("no object: {value}"))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("unknown element {unknown}")),
        None => Ok(members),
    }
}

/// Returns a text, the texts of a list, or those of the principals of one kind.
pub(super) fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Bool(value) => Ok(vec![value.to_string()]),
        Value::Array(values) if !values.is_empty() => {
            Ok(values.iter().map(texts).collect::<Result<Vec<_>, _>>()?.concat())
        }
        Value::Object(principals) if principals.contains_key("AWS") => texts(&principals["AWS"]),
        _ => Err(format!("neither text nor list: {value}")),
    }
}
