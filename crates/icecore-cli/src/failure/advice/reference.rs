//! Advice about references that match no snapshot, or several.

use icecore_operations::reference::{Missing, ResolveError};

use super::Advice;

/// Returns what to do about a reference.
pub(in crate::failure) fn of(error: &ResolveError) -> Option<Advice> {
    Some(match error {
        ResolveError::NotFound(Missing::Any) => "make the first snapshot: `icecore backup PATH`".into(),
        ResolveError::NotFound(_) => "`icecore snapshots` lists the existing snapshots".into(),
        ResolveError::Unreadable { .. } => "run `icecore check` to list the damage".into(),
        ResolveError::SeveralIds { .. } => "give more digits of the id".into(),
        ResolveError::SeveralSources { names } => {
            let name = names.first().map_or("SOURCE", String::as_str);
            format!("name the source, for example {name}@latest").into()
        }
        ResolveError::SeveralHosts { choices, .. } => {
            let choice = choices.first().map_or("HOST/SOURCE", String::as_str);
            format!("name the host, for example {choice}@latest").into()
        }
        _ => return None,
    })
}
