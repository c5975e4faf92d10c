//! What can go wrong with one object of a file system.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;

use rustix::io::Errno;

/// One operation on one object failed.
///
/// The text names operation and path (quoted, control characters escaped); the cause is the error's source.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}", QuotedPath(.path))]
pub struct FsError {
    /// What was tried, as a verb with its object: `open the directory`.
    pub operation: &'static str,
    /// Path of the object as raw bytes; relative to the source's or target's root unless documented
    /// otherwise.
    pub path: Vec<u8>,
    /// What the operating system answered.
    #[source]
    pub source: io::Error,
}

impl FsError {
    /// Combines what was tried, on what, and the answer.
    pub fn new(operation: &'static str, path: impl Into<Vec<u8>>, source: impl Into<io::Error>) -> Self {
        Self { operation, path: path.into(), source: source.into() }
    }

    /// The object does not exist (any more).
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// The name is not there any more, or something else than the expected directory has the name of one
    /// above it.
    pub fn is_gone(&self) -> bool {
        is_gone(&self.source)
    }

    /// The operating system refused for lack of permission.
    pub fn is_permission_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// The object is in use: something is mounted on it, for example.
    pub fn is_busy(&self) -> bool {
        self.source.raw_os_error() == Some(Errno::BUSY.raw_os_error())
    }

    /// The file system is full, or the quota is used up.
    pub fn is_storage_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// A path for people: quoted, and escaped as Rust does it; the root is `"."`.
struct QuotedPath<'a>(&'a [u8]);

impl fmt::Display for QuotedPath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.0.is_empty() { b".".as_slice() } else { self.0 };
        fmt::Debug::fmt(OsStr::from_bytes(path), formatter)
    }
}

/// The error says that a name is not there, or that something else than the expected directory has it now.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::STALE | Errno::NOTDIR | Errno::LOOP))
}

/// Repeats a system call for as long as a signal interrupts it.
pub(crate) fn retry_interrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
