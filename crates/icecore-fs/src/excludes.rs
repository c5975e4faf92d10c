//! Patterns for objects that are left out of a source.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

mod ineffective;

use ineffective::AddedPattern;
pub use ineffective::{IneffectivePattern, IneffectiveReason, PatternRoot};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An invalid exclude pattern, or an invalid file of such patterns.
#[derive(Debug, thiserror::Error)]
pub enum ExcludeError {
    /// A pattern does not parse.
    #[error("parse the exclude pattern {pattern:?}{}: {reason}", origin_text(.origin.as_ref()))]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// File and line of the pattern; none for a single pattern.
        origin: Option<(PathBuf, usize)>,
        /// The problem.
        reason: String,
    },
    /// A line of an exclude file is not UTF-8.
    #[error("read line {line} of the exclude file {path:?}: it is not UTF-8")]
    NotUtf8 {
        /// The exclude file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// An exclude file cannot be read.
    #[error("read the exclude file {path:?}")]
    File {
        /// The exclude file.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
    /// Each pattern is valid, but all of them together are too large.
    #[error("combine the exclude patterns: {reason}")]
    Combine {
        /// Message of the matcher.
        reason: String,
    },
}

#[expect(clippy::unnecessary_debug_formatting, reason = "quotes and escapes, as for all paths in errors")]
fn origin_text(origin: Option<&(PathBuf, usize)>) -> String {
    origin.map(|(path, line)| format!(" on line {line} of {path:?}")).unwrap_or_default()
}

/// Decides which objects are left out of a source, by patterns like those of gitignore files, relative to the
/// source's root.
///
/// The last matching pattern decides. A pattern with `!` cancels an exclusion, but not below an excluded
/// directory, because that directory is not entered.
#[derive(Clone, Debug)]
pub struct Excludes {
    matcher: Gitignore,
    patterns: Vec<String>,
}

impl Excludes {
    /// Excludes nothing.
    pub fn none() -> Self {
        Self { matcher: Gitignore::empty(), patterns: Vec::new() }
    }

    /// Starts a list of patterns.
    pub fn builder() -> ExcludesBuilder {
        let mut builder = GitignoreBuilder::new("");
        // `[abc` is an error that the user must correct, not a name.
        builder.allow_unclosed_class(false);
        ExcludesBuilder { builder, patterns: Vec::new() }
    }

    /// Makes the list that [`Excludes::patterns`] returned.
    pub fn from_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, ExcludeError> {
        let mut builder = Self::builder();
        for pattern in patterns {
            builder.add_pattern(pattern)?;
        }
        builder.build()
    }

    /// Returns the patterns in the order in which they apply.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Returns whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.matcher.is_empty()
    }

    /// Decides about one object, by its path relative to the root. Assumes that its parents are included.
    pub fn is_excluded(&self, path: &[u8], is_directory: bool) -> bool {
        self.matcher.matched(Path::new(OsStr::from_bytes(path)), is_directory).is_ignore()
    }
}

impl Default for Excludes {
    fn default() -> Self {
        Self::none()
    }
}

/// Collects patterns in the order in which they apply.
#[derive(Clone, Debug)]
pub struct ExcludesBuilder {
    builder: GitignoreBuilder,
    patterns: Vec<AddedPattern>,
}

impl ExcludesBuilder {
    /// Adds one pattern. An empty one or a comment is an error, because it would have no effect.
    pub fn add_pattern(&mut self, pattern: &str) -> Result<&mut Self, ExcludeError> {
        let reason = if pattern.trim().is_empty() {
            "it is empty"
        } else if pattern.starts_with('#') {
            "it is a comment; write \\# for a name that begins with #"
        } else {
            return self.add_line(pattern, None);
        };
        Err(ExcludeError::Pattern { pattern: pattern.into(), origin: None, reason: reason.into() })
    }

    /// Adds the patterns of a file, one per line; empty lines and lines that begin with `#` are skipped.
    pub fn add_file(&mut self, path: &Path) -> Result<&mut Self, ExcludeError> {
        let content =
            std::fs::read(path).map_err(|source| ExcludeError::File { path: path.into(), source })?;
        self.add_lines(&content, path)
    }

    /// Adds the patterns of an exclude file that has already been read; `path` is for errors.
    pub fn add_lines(&mut self, content: &[u8], path: &Path) -> Result<&mut Self, ExcludeError> {
        let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Ok(line) = str::from_utf8(line) else {
                return Err(ExcludeError::NotUtf8 { path: path.into(), line: number });
            };
            self.add_line(line, Some((path, number)))?;
        }
        Ok(self)
    }

    /// Compiles the patterns.
    pub fn build(&self) -> Result<Excludes, ExcludeError> {
        let matcher =
            self.builder.build().map_err(|error| ExcludeError::Combine { reason: error.to_string() })?;
        Ok(Excludes { matcher, patterns: self.patterns.iter().map(|pattern| pattern.text.clone()).collect() })
    }

    fn add_line(&mut self, line: &str, origin: Option<(&Path, usize)>) -> Result<&mut Self, ExcludeError> {
        match self.builder.add_line(None, line) {
            Ok(_) => {
                // Skips the same lines as the matcher.
                if !line.trim().is_empty() && !line.starts_with('#') {
                    let origin = origin.map(|(path, line)| (path.into(), line));
                    self.patterns.push(AddedPattern { text: line.into(), origin });
                }
                Ok(self)
            }
            Err(error) => Err(ExcludeError::Pattern {
                pattern: line.into(),
                origin: origin.map(|(path, line)| (path.into(), line)),
                reason: match error {
                    ignore::Error::Glob { err, .. } => err,
                    other => other.to_string(),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests;
