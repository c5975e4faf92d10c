//! Finds lines, columns and keys for errors.

use toml::de::{DeTable, DeValue};

use crate::error::{ConfigurationError, TextPosition};

/// Describes an error of the TOML library by position and key.
pub(crate) fn describe(text: &str, error: &toml::de::Error) -> ConfigurationError {
    let reason = error.message().replace('\n', ", ");
    let offset = error.span().map_or(0, |span| span.start);
    let position = position(text, offset);
    let Ok(document) = DeTable::parse(text) else { return ConfigurationError::Syntax { position, reason } };
    match key_at(document.get_ref(), offset) {
        Some(key) => ConfigurationError::Value { position, key, reason },
        None => ConfigurationError::Syntax { position, reason },
    }
}

/// Returns the position of a key of the outermost table.
pub(crate) fn position_of_key(text: &str, key: &str) -> TextPosition {
    let offset = DeTable::parse(text).ok().and_then(|document| {
        let (found, _) = document.get_ref().iter().find(|(found, _)| *found.get_ref() == key)?;
        Some(found.span().start)
    });
    position(text, offset.unwrap_or(0))
}

fn position(text: &str, offset: usize) -> TextPosition {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    TextPosition { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// Returns the innermost key at the offset, or whose value is there.
fn key_at(table: &DeTable<'_>, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = quoted(key.get_ref());
        // The content of a table may be anywhere, not only within the span of the table.
        if let DeValue::Table(inner) = value.get_ref()
            && let Some(rest) = key_at(inner, offset)
        {
            return Some(format!("{name}.{rest}"));
        }
        (key.span().contains(&offset) || value.span().contains(&offset)).then_some(name)
    })
}

/// Writes a key in the form that it has in the file.
fn quoted(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(bare) { key.to_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests;
