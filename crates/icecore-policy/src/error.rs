//! Errors in a configuration file.

use std::fmt;

/// A position in a text; both numbers count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPosition {
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

impl fmt::Display for TextPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// Error of reading a configuration file. The text fits after "failed to …"; it does not name the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The text is not TOML.
    #[error("{position}: {reason}")]
    Syntax {
        /// Where parsing ended.
        position: TextPosition,
        /// The problem.
        reason: String,
    },
    /// A key is unknown or missing, or has an invalid value.
    #[error("{position}: {key}: {reason}")]
    Value {
        /// Position of the key or its value.
        position: TextPosition,
        /// The key, with the tables around it, such as `backup.pack-size`.
        key: String,
        /// The problem.
        reason: String,
    },
    /// Two keys exclude each other.
    #[error("{position}: {key} and {other} exclude each other; keep one of them")]
    Conflict {
        /// Position of the later one.
        position: TextPosition,
        /// The later one.
        key: &'static str,
        /// The earlier one.
        other: &'static str,
    },
}
