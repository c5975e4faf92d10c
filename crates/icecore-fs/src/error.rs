//! Errors of a single file-system object.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;

use rustix::io::Errno;

/// A failed operation on one object.
///
/// The text names operation and path (quoted, control characters escaped); the cause is the error's source.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}", QuotedPath(.path))]
pub struct FsError {
    /// The attempted operation, as a verb with its object: `open the directory`.
    pub operation: &'static str,
    /// Path of the object as raw bytes; relative to the source's or target's root unless documented
    /// otherwise.
    pub path: Vec<u8>,
    /// Error of the operating system.
    #[source]
    pub source: io::Error,
}

impl FsError {
    /// Combines the operation, the object and the error.
    pub fn new(operation: &'static str, path: impl Into<Vec<u8>>, source: impl Into<io::Error>) -> Self {
        Self { operation, path: path.into(), source: source.into() }
    }

    /// Returns whether the object does not exist (any more).
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Returns whether the name does not exist any more, or a directory above it has been replaced by
    /// something else.
    pub fn is_gone(&self) -> bool {
        is_gone(&self.source)
    }

    /// Returns whether the operating system refused for lack of permission.
    pub fn is_permission_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// Returns whether the object is in use, for example because something is mounted on it.
    pub fn is_busy(&self) -> bool {
        self.source.raw_os_error() == Some(Errno::BUSY.raw_os_error())
    }

    /// Returns whether the file system is full, or the quota is used up.
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

/// Returns whether a name does not exist, or something else than the expected directory has it now.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::STALE | Errno::NOTDIR | Errno::LOOP))
}

/// Repeats a system call as long as signals interrupt it.
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
