//! References to snapshots and their content: `[SOURCE@]SNAPSHOT[:PATH]`.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use icecore_format::path;
use jiff::{Timestamp, civil};

mod moment;
mod resolve;

pub use resolve::{Missing, ResolveError, Unfinished, names_source, no_snapshot_of, not_there, resolve};

/// Digits of a snapshot id as users see it.
const ID_DIGITS_MAX: usize = 20;

/// A parsed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Source of the snapshot, if it was named: `SOURCE`, or `HOST/SOURCE` if several hosts have a source
    /// with this name.
    pub source: Option<String>,
    /// Which snapshot.
    pub snapshot: SnapshotChoice,
    /// Path relative to the source's root; empty for the root itself.
    pub path: Vec<u8>,
}

/// Which snapshot of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotChoice {
    /// The newest one, or the one this many positions before it.
    Latest(usize),
    /// The one whose id begins with these hexadecimal digits.
    Id(String),
    /// The newest one at or before a time.
    At(Moment),
}

/// A time as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The end of a day, in the local time zone.
    Day(civil::Date),
    /// A time of day in the local time zone.
    Local(civil::DateTime),
    /// A time with an offset from UTC.
    Absolute(Timestamp),
}

/// Why a text is not a valid reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The part that should name the snapshot is empty.
    #[error("it does not name a snapshot")]
    NoSnapshot,
    /// The part that names the snapshot is not understood.
    #[error("{0:?} is not a snapshot id, `latest`, `latest~N`, a date or a time")]
    Snapshot(String),
    /// The part that names the source is empty or not UTF-8.
    #[error("there is no source before the @")]
    Source,
    /// The path leaves the root.
    #[error("the path {0:?} contains `..`; paths are relative to the source's root")]
    Parent(String),
    /// The path is too long or contains a zero byte.
    #[error("{0:?} is not a valid path in a snapshot")]
    Path(String),
    /// There is a path where only a whole snapshot can be named.
    #[error("it contains a path, but only a whole snapshot can be named here")]
    WithPath {
        /// The text without the path.
        snapshot: String,
    },
}

/// A text that is not a valid reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid reference: {source}")]
pub struct WrongReference {
    text: String,
    source: ReferenceError,
}

/// Reads a reference; an error repeats the text.
pub fn read(text: &OsStr) -> Result<Reference, WrongReference> {
    parse(text).map_err(|error| WrongReference::new(text, error))
}

/// Reads a date or a time; returns none if it is neither.
pub fn read_moment(text: &str) -> Option<Moment> {
    moment::parse(text)
}

/// Reads a snapshot without a path; an error repeats the text.
pub fn read_without_path(text: &OsStr) -> Result<Reference, WrongReference> {
    parse_without_path(text).map_err(|error| WrongReference::new(text, error))
}

impl WrongReference {
    /// Returns why the text is no reference.
    pub fn fault(&self) -> &ReferenceError {
        &self.source
    }

    fn new(text: &OsStr, source: ReferenceError) -> Self {
        Self { text: text.to_string_lossy().into_owned(), source }
    }
}

/// Reads a reference.
///
/// # Errors
///
/// The text is not a valid reference.
pub fn parse(text: &OsStr) -> Result<Reference, ReferenceError> {
    let bytes = text.as_bytes();
    let (source, rest) = split_source(bytes)?;
    let (snapshot, path) = split_snapshot(rest);
    Ok(Reference { source, snapshot: parse_snapshot(snapshot)?, path: parse_path(path)? })
}

/// Reads a snapshot without a path: `[SOURCE@]SNAPSHOT`.
///
/// # Errors
///
/// The text is not a valid reference, or has a path.
pub fn parse_without_path(text: &OsStr) -> Result<Reference, ReferenceError> {
    let reference = parse(text)?;
    if reference.path.is_empty() {
        return Ok(reference);
    }
    let bytes = text.as_bytes();
    let (source, rest) = split_source(bytes)?;
    let length = source.map_or(0, |source| source.len() + 1) + split_snapshot(rest).0.len();
    Err(ReferenceError::WithPath { snapshot: String::from_utf8_lossy(&bytes[..length]).into_owned() })
}

/// The `@` counts only before the first `:`, because paths may contain both.
fn split_source(bytes: &[u8]) -> Result<(Option<String>, &[u8]), ReferenceError> {
    let Some(end) = bytes.iter().position(|byte| matches!(byte, b'@' | b':')) else {
        return Ok((None, bytes));
    };
    if bytes[end] == b':' {
        return Ok((None, bytes));
    }
    let source = str::from_utf8(&bytes[..end]).map_err(|_| ReferenceError::Source)?;
    if source.is_empty() {
        return Err(ReferenceError::Source);
    }
    Ok((Some(source.to_owned()), &bytes[end + 1..]))
}

/// Times contain colons: the longest possible time is taken.
fn split_snapshot(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = match moment::length(bytes) {
        Some(length) if matches!(bytes.get(length), None | Some(b':')) => length,
        _ => bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len()),
    };
    let path = bytes.get(end + 1..).unwrap_or_default();
    (&bytes[..end], path)
}

fn parse_snapshot(bytes: &[u8]) -> Result<SnapshotChoice, ReferenceError> {
    if bytes.is_empty() {
        return Err(ReferenceError::NoSnapshot);
    }
    let wrong = || ReferenceError::Snapshot(String::from_utf8_lossy(bytes).into_owned());
    let text = str::from_utf8(bytes).map_err(|_| wrong())?;
    if let Some(back) = text.strip_prefix("latest") {
        let number = match back.strip_prefix('~') {
            None if back.is_empty() => Ok(0),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse(),
            _ => return Err(wrong()),
        };
        return number.map(SnapshotChoice::Latest).map_err(|_| wrong());
    }
    if text.len() <= ID_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(SnapshotChoice::Id(text.to_ascii_lowercase()));
    }
    moment::parse(text).map(SnapshotChoice::At).ok_or_else(wrong)
}

/// Brings a path into the form of manifests: no slash at either end, no empty part, no `.`.
fn parse_path(bytes: &[u8]) -> Result<Vec<u8>, ReferenceError> {
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    let mut normal = Vec::with_capacity(bytes.len());
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => continue,
            b".." => return Err(ReferenceError::Parent(shown())),
            _ => {}
        }
        if !normal.is_empty() {
            normal.push(b'/');
        }
        normal.extend_from_slice(part);
    }
    path::validate(&normal).map_err(|_| ReferenceError::Path(shown()))?;
    Ok(normal)
}

#[cfg(test)]
mod tests;
