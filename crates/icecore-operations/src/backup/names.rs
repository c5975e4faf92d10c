//! Names of sources and hosts.

/// Longest name in bytes.
const BYTES_MAX: usize = 255;

/// Why a text is not a valid name of a source or host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty or has only spaces.
    #[error("the name is empty")]
    Empty,
    /// It is too long.
    #[error("the name has more than {BYTES_MAX} bytes")]
    TooLong,
    /// It has a character with a meaning in references, or one that cannot be shown.
    #[error("a name cannot contain @, : or control characters")]
    Character,
}

/// Checks the name of a source or host; with a valid name, `SOURCE@SNAPSHOT:PATH` can be split.
pub fn parse_source_name(name: &str) -> Result<String, NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if name.contains(['@', ':']) || name.contains(char::is_control) {
        return Err(NameError::Character);
    }
    Ok(name.to_owned())
}
