//! Names of sources and hosts.

/// Longest name in bytes.
const BYTES_MAX: usize = 255;

/// Why a text is not the name of a source or host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing but spaces.
    #[error("the name is empty")]
    Empty,
    /// It is too long.
    #[error("the name has more than {BYTES_MAX} bytes")]
    TooLong,
    /// It has a character that has a meaning in references, or none that can be shown.
    #[error("a name contains no @, no : and no control characters")]
    Character,
}

/// Checks the name of a source or host, such that `SOURCE@SNAPSHOT:PATH` can be taken apart.
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
