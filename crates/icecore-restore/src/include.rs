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
}

/// Selects what is restored, by patterns as in gitignore files, relative to the restored directory.
///
/// A pattern that matches a directory also applies to everything below it. The last pattern that matches an
/// object, or a directory that contains it, decides: it includes the object, or excludes it if it begins with
/// `!`. Other objects are not included, unless there is no pattern at all.
#[derive(Clone, Debug, Default)]
pub struct IncludePatterns {
    /// One matcher for each pattern: a matcher of several patterns does not say which of them matched.
    patterns: Vec<Gitignore>,
}

/// Whether an object is included, and which pattern decided that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    is_included: bool,
    /// Number of the pattern from 1, or 0 if none matched.
    decided_by: usize,
}

impl Inclusion {
    /// Returns whether the object is included.
    pub fn is_included(self) -> bool {
        self.is_included
    }
}

impl IncludePatterns {
    /// Includes everything.
    pub fn none() -> Self {
        Self::default()
    }

    /// Compiles patterns, in the order in which they apply. An empty pattern, or a comment, is an error: it
    /// would do nothing.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, IncludeError> {
        let compile = |pattern: &str| {
            compile(pattern).map_err(|reason| IncludeError::Pattern { pattern: pattern.to_owned(), reason })
        };
        Ok(Self { patterns: patterns.into_iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// Returns whether there is no pattern, so everything is included.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Decides on the restored directory itself: patterns only apply to objects in it.
    pub fn root(&self) -> Inclusion {
        Inclusion { is_included: self.is_empty(), decided_by: 0 }
    }

    /// Decides on an object, by its path relative to the restored directory, and by the decision on its
    /// parent.
    pub fn decide(&self, path: &[u8], is_directory: bool, parent: Inclusion) -> Inclusion {
        if path.is_empty() {
            return self.root();
        }
        let path = Path::new(OsStr::from_bytes(path));
        // An earlier pattern than the one that decided on the parent does not decide on the object.
        let later = self.patterns.iter().enumerate().skip(parent.decided_by).rev();
        let decisions = later.filter_map(|(index, pattern)| match pattern.matched(path, is_directory) {
            Match::None => None,
            Match::Ignore(_) => Some(Inclusion { is_included: true, decided_by: index + 1 }),
            Match::Whitelist(_) => Some(Inclusion { is_included: false, decided_by: index + 1 }),
        });
        decisions.into_iter().next().unwrap_or(parent)
    }

    /// Decides on an object by its path alone.
    pub fn is_included(&self, path: &[u8], is_directory: bool) -> bool {
        if self.is_empty() {
            return true;
        }
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        let parent = ends.fold(self.root(), |above, end| self.decide(&path[..end], true, above));
        self.decide(path, is_directory, parent).is_included
    }
}

/// Compiles one pattern, or says what is wrong with it.
fn compile(pattern: &str) -> Result<Gitignore, String> {
    if pattern.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if pattern.starts_with('#') {
        return Err("it is a comment; write \\# for a name that begins with #".to_owned());
    }
    let mut builder = GitignoreBuilder::new("");
    // `[abc` is an error for the user to correct, not a name.
    builder.allow_unclosed_class(false);
    let reason = |error| match error {
        ignore::Error::Glob { err, .. } => err,
        error => error.to_string(),
    };
    builder.add_line(None, pattern).map_err(reason)?;
    builder.build().map_err(reason)
}

#[cfg(test)]
mod tests;
