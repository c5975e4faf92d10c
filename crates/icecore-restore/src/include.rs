//! Patterns that select what is restored.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

/// What is wrong with an include pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncludeError {
    /// A pattern does not parse.
    #[error("parse the include pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Each pattern is valid, but all together are too large.
    #[error("combine the include patterns: {reason}")]
    Combine {
        /// Error of the matcher.
        reason: String,
    },
}

/// Selects what is restored, by patterns as in gitignore files, relative to the restored directory.
///
/// A directory that matches is included with everything below it; a later pattern with `!` excludes again.
/// Without patterns, everything is included.
#[derive(Clone, Debug)]
pub struct IncludePatterns {
    matcher: Gitignore,
}

impl IncludePatterns {
    /// Includes everything.
    pub fn none() -> Self {
        Self { matcher: Gitignore::empty() }
    }

    /// Compiles patterns, in the order in which they apply. An empty pattern, or a comment, is an error: it
    /// would do nothing.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, IncludeError> {
        let mut builder = GitignoreBuilder::new("");
        // `[abc` is an error for the user to correct, not a name.
        builder.allow_unclosed_class(false);
        for pattern in patterns {
            let fail = |reason: String| Err(IncludeError::Pattern { pattern: pattern.to_owned(), reason });
            if pattern.trim().is_empty() {
                return fail("it is empty".to_owned());
            }
            if pattern.starts_with('#') {
                return fail("it is a comment; write \\# for a name that begins with #".to_owned());
            }
            match builder.add_line(None, pattern) {
                Ok(_) => {}
                Err(ignore::Error::Glob { err, .. }) => return fail(err),
                Err(error) => return fail(error.to_string()),
            }
        }
        let matcher = builder.build().map_err(|error| IncludeError::Combine { reason: error.to_string() })?;
        Ok(Self { matcher })
    }

    /// Returns whether there is no pattern, so everything is included.
    pub fn is_empty(&self) -> bool {
        self.matcher.is_empty()
    }

    /// Decides whether an object is included, by its path relative to the restored directory, and by whether
    /// its parent is included.
    pub fn is_included(&self, path: &[u8], is_directory: bool, parent_included: bool) -> bool {
        if self.is_empty() {
            return true;
        }
        if path.is_empty() {
            return false;
        }
        match self.matcher.matched(Path::new(OsStr::from_bytes(path)), is_directory) {
            Match::Ignore(_) => true,
            Match::Whitelist(_) => false,
            Match::None => parent_included,
        }
    }
}

impl Default for IncludePatterns {
    fn default() -> Self {
        Self::none()
    }
}

#[cfg(test)]
mod tests;
