//! Patterns that cannot do what their author meant: paths of the host or of the shell, and exceptions that
//! are never checked.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    path::{Component, Path, PathBuf},
};

use super::{Excludes, ExcludesBuilder, origin_text};

/// The forms in which authors of patterns may refer to the root of a source.
#[derive(Clone, Copy, Debug)]
pub struct PatternRoot<'a> {
    /// The root, as the user wrote it.
    pub given: &'a Path,
    /// The root's absolute path without symbolic links.
    pub real: &'a Path,
    /// Directory to which relative paths of the user refer, absolute; none if unknown.
    pub working_directory: Option<&'a Path>,
}

/// A pattern that has no effect on a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IneffectivePattern {
    /// Its position in the order in which patterns were added, from 0.
    pub index: usize,
    /// The pattern as given.
    pub pattern: String,
    /// File and line of the pattern; none for a single pattern.
    pub origin: Option<(PathBuf, usize)>,
    /// Why it has no effect.
    pub reason: IneffectiveReason,
    /// The pattern that was probably meant, if there is a likely one.
    pub instead: Option<String>,
}

/// Why a pattern has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IneffectiveReason {
    /// It begins with the path of the source's root.
    NotRelative,
    /// A part of it is `.`, `..` or empty, which cannot be a name.
    NoName,
    /// It begins with `~` or a variable.
    NotReplaced,
    /// It is an exception for something below an excluded directory, which is given by its path relative to
    /// the root.
    BelowExcluded {
        /// The directory.
        directory: String,
    },
}

impl fmt::Display for IneffectivePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, origin, reason, .. } = self;
        write!(formatter, "the exclude pattern {pattern:?}{} has no effect: ", origin_text(origin.as_ref()))?;
        match reason {
            IneffectiveReason::NotRelative => write!(formatter, "patterns are relative to the source's root"),
            IneffectiveReason::NoName => {
                write!(formatter, "paths in a source have no part that is `.`, `..` or empty")
            }
            IneffectiveReason::NotReplaced => {
                write!(formatter, "`~` and variables are not expanded in patterns")
            }
            IneffectiveReason::BelowExcluded { directory } => {
                write!(formatter, "it is below {directory:?}, which is excluded completely")
            }
        }
    }
}

/// A pattern that was added.
#[derive(Clone, Debug)]
pub(super) struct AddedPattern {
    pub(super) text: String,
    pub(super) origin: Option<(PathBuf, usize)>,
}

impl ExcludesBuilder {
    /// Returns how many patterns have been added so far.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Returns whether no pattern has been added.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns the patterns that have no effect on a source, in order; `excludes` are all of them, compiled.
    ///
    /// Reports only certain cases: a pattern that looks like a path of the host is not reported if the root
    /// contains such a path.
    pub fn ineffective(&self, excludes: &Excludes, root: PatternRoot<'_>) -> Vec<IneffectivePattern> {
        let patterns = self.patterns.iter().enumerate();
        let found = patterns.filter_map(|(index, AddedPattern { text, origin })| {
            let (reason, instead) = judge(&Pattern::parse(text)?, excludes, root)?;
            Some(IneffectivePattern { index, pattern: text.clone(), origin: origin.clone(), reason, instead })
        });
        found.collect()
    }
}

type Judgement = (IneffectiveReason, Option<String>);

fn judge(pattern: &Pattern<'_>, excludes: &Excludes, root: PatternRoot<'_>) -> Option<Judgement> {
    let named = pattern.without_dots();
    // `./x` means a path, relative to some directory.
    let has_dots = named.as_ref() != Some(pattern);
    if let Some(named) = &named
        && let Some(count) = parts_of_root(named, root, has_dots)
    {
        let instead = (count < named.parts.len()).then(|| named.at_root(count));
        return Some((IneffectiveReason::NotRelative, instead));
    }
    if has_dots {
        let instead = named.filter(|named| !named.parts.is_empty()).map(|named| named.at_root(0));
        return Some((IneffectiveReason::NoName, instead));
    }
    let first = pattern.parts.first()?;
    if first.starts_with(['~', '$']) && pattern.is_anchored && !exists(root.real, &pattern.parts[..1]) {
        return Some((IneffectiveReason::NotReplaced, None));
    }
    let directory = pattern.excluded_parent(excludes)?;
    Some((IneffectiveReason::BelowExcluded { directory }, None))
}

/// Returns how many parts of a pattern are the path of the root, if the pattern begins with it.
fn parts_of_root(pattern: &Pattern<'_>, root: PatternRoot<'_>, has_dots: bool) -> Option<usize> {
    if !pattern.is_anchored && !has_dots {
        return None;
    }
    let literal = pattern.literal_parts();
    let count = if pattern.begins_with_slash {
        let spelled = [root.real, root.given].into_iter().filter(|path| path.is_absolute());
        spelled
            .filter_map(|path| count_of_prefix(&literal, path))
            .max()
            .or_else(|| count_of_real(&literal, root.real))?
    } else {
        let relative = root.working_directory.and_then(|directory| root.real.strip_prefix(directory).ok());
        let given = Some(root.given).filter(|path| path.is_relative());
        [relative, given].into_iter().flatten().filter_map(|path| count_of_prefix(&literal, path)).max()?
    };
    (!exists(root.real, &pattern.parts[..count])).then_some(count)
}

/// Returns how many parts are the path, if the parts begin with it; none for an empty path.
fn count_of_prefix(parts: &[String], path: &Path) -> Option<usize> {
    let mut count = 0;
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) if parts.get(count).is_some_and(|part| OsStr::new(part) == name) => {
                count += 1;
            }
            _ => return None,
        }
    }
    (count > 0).then_some(count)
}

/// Returns how many parts, as a path of this host, lead to the root, possibly through symbolic links.
fn count_of_real(parts: &[String], real: &Path) -> Option<usize> {
    real.parent()?;
    (1..=parts.len()).find(|count| {
        let path = Path::new("/").join(parts[..*count].join("/"));
        path.canonicalize().is_ok_and(|path| path == real)
    })
}

fn exists(root: &Path, parts: &[impl AsRef<str>]) -> bool {
    let mut path = root.to_owned();
    path.extend(parts.iter().map(|part| unescaped(part.as_ref())));
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

/// A pattern, split into its parts.
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the syntax")]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern<'a> {
    is_exception: bool,
    begins_with_slash: bool,
    ends_with_slash: bool,
    /// It applies to paths from the root, not to names anywhere.
    is_anchored: bool,
    /// The parts between the slashes, as written.
    parts: Vec<&'a str>,
}

impl<'a> Pattern<'a> {
    /// Parses a line; none for a comment, an empty line, or a single `!`.
    fn parse(line: &'a str) -> Option<Self> {
        let line = if line.ends_with("\\ ") { line } else { line.trim_end() };
        if line.starts_with('#') {
            return None;
        }
        let (is_exception, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (begins_with_slash, middle) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let (ends_with_slash, middle) = middle.strip_suffix('/').map_or((false, middle), |rest| (true, rest));
        if rest.is_empty() {
            return None;
        }
        let parts: Vec<&str> = middle.split('/').collect();
        let is_anchored = begins_with_slash || parts.len() > 1;
        Some(Self { is_exception, begins_with_slash, ends_with_slash, is_anchored, parts })
    }

    /// Returns the pattern without parts that are `.` or empty; none if it contains `..`.
    fn without_dots(&self) -> Option<Self> {
        if self.parts.contains(&"..") {
            return None;
        }
        let parts = self.parts.iter().copied().filter(|part| !matches!(*part, "." | "")).collect();
        Some(Self { parts, ..self.clone() })
    }

    /// Returns the leading parts that have no wildcards.
    fn literal_parts(&self) -> Vec<String> {
        let literal = self.parts.iter().take_while(|part| is_literal(part));
        literal.map(|part| unescaped(part)).collect()
    }

    /// Writes the pattern without its first `count` parts, anchored at the root.
    fn at_root(&self, count: usize) -> String {
        let exception = if self.is_exception { "!" } else { "" };
        let end = if self.ends_with_slash { "/" } else { "" };
        format!("{exception}/{}{end}", self.parts[count..].join("/"))
    }

    /// Returns the excluded directory above the path of an exception, if there is one.
    fn excluded_parent(&self, excludes: &Excludes) -> Option<String> {
        if !self.is_exception || !self.is_anchored {
            return None;
        }
        let literal = self.literal_parts();
        let parents = literal.len().min(self.parts.len() - 1);
        let paths = (1..=parents).map(|count| literal[..count].join("/"));
        paths.into_iter().find(|path| excludes.is_excluded(path.as_bytes(), true))
    }
}

fn is_literal(part: &str) -> bool {
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '*' | '?' | '[' | '{' => return false,
            _ => {}
        }
    }
    true
}

/// Returns a part without its backslash escapes.
fn unescaped(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        text.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    text
}
