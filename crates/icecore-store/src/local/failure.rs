//! Meaning of the operating system's errors for a store.

use rustix::{fs::FileType, io::Errno};

use crate::error::StoreError;

/// The call whose failures are reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'key> {
    pub(super) operation: &'static str,
    pub(super) key: &'key str,
}

impl Call<'_> {
    pub(super) fn not_found(self) -> StoreError {
        StoreError::NotFound { key: self.key.to_owned() }
    }

    pub(super) fn already_exists(self) -> StoreError {
        StoreError::AlreadyExists { key: self.key.to_owned() }
    }

    pub(super) fn version_mismatch(self) -> StoreError {
        StoreError::VersionMismatch { key: self.key.to_owned() }
    }

    pub(super) fn unsupported(self, reason: &str) -> StoreError {
        StoreError::Unsupported { location: self.key.to_owned(), reason: reason.to_owned() }
    }

    /// Returns the error for a file whose type no object has.
    pub(super) fn not_an_object(self, file_type: FileType) -> StoreError {
        StoreError::NotAnObject { key: self.key.to_owned(), found: describe(file_type) }
    }

    /// Returns the error for `errno`, from a step on the path of the object itself.
    pub(super) fn failed(self, errno: Errno) -> StoreError {
        let Self { operation, key } = self;
        let key = key.to_owned();
        let reason = || std::io::Error::from(errno).to_string();
        match errno {
            Errno::NOENT => StoreError::NotFound { key },
            Errno::NAMETOOLONG => StoreError::InvalidKey { key },
            Errno::NOSPC | Errno::DQUOT => StoreError::NoSpace { key, reason: reason() },
            Errno::ROFS => StoreError::ReadOnly { key },
            Errno::ACCESS | Errno::PERM => StoreError::AccessDenied { key, reason: reason() },
            Errno::ISDIR => StoreError::NotAnObject { key, found: "a directory" },
            Errno::NOTDIR | Errno::LOOP => {
                StoreError::NotAnObject { key, found: "below a file or a symbolic link" }
            }
            Errno::XDEV => StoreError::Unsupported {
                location: key,
                reason: "its directory is on another file system than the repository's root".to_owned(),
            },
            // The server of a network file system was restarted or is slow, or the process or the system has
            // no free descriptors.
            Errno::STALE | Errno::TIMEDOUT | Errno::MFILE | Errno::NFILE | Errno::INTR | Errno::AGAIN => {
                StoreError::Unavailable { operation, key, reason: reason(), retry_after: None }
            }
            _ => StoreError::Io { operation, key, source: errno.into() },
        }
    }

    /// Like [`Self::failed`], for a file of the store itself: if it is missing, the object is not.
    pub(super) fn failed_inside(self, errno: Errno) -> StoreError {
        match errno {
            Errno::NOENT | Errno::ISDIR | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => {
                StoreError::Io { operation: self.operation, key: self.key.to_owned(), source: errno.into() }
            }
            _ => self.failed(errno),
        }
    }

    /// Like [`Self::failed_inside`], for calls of the standard library.
    pub(super) fn failed_io(self, error: std::io::Error) -> StoreError {
        match Errno::from_io_error(&error) {
            Some(errno) => self.failed_inside(errno),
            None => StoreError::Io { operation: self.operation, key: self.key.to_owned(), source: error },
        }
    }
}

/// Describes the type of a file that is not an object.
pub(super) fn describe(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo | FileType::Socket => "a pipe or socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::RegularFile => "a file",
        FileType::Unknown => "something unknown",
    }
}
