//! Errors of the catalogue.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::ErrorCode;

/// How long a statement waits for another process before it fails with [`CatalogError::Busy`].
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Error of the catalogue. The text fits after "failed to …". None of them endangers a backup: the catalogue
/// can be built again, or kept in memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The directory is on a file system that other machines share.
    #[error(
        "the cache directory {} is on a network file system ({kind}), where the catalogue would not be safe",
        path.display()
    )]
    NetworkFileSystem {
        /// Directory of the catalogue.
        path: PathBuf,
        /// Name of the file system's type.
        kind: &'static str,
    },
    /// The directory cannot be created, examined, locked or changed.
    #[error("the cache directory {} cannot be used: {source}", path.display())]
    Directory {
        /// Directory of the catalogue, or the affected file in it.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The catalogue's name belongs to something that is not a regular file.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// File of the catalogue.
        path: PathBuf,
    },
    /// The file may not be opened or written.
    #[error("the catalogue {} cannot be written: {reason}", path.display())]
    NotWritable {
        /// File of the catalogue.
        path: PathBuf,
        /// Error of SQLite.
        reason: rusqlite::Error,
    },
    /// The file system is full.
    #[error("there is no space left for the catalogue {}", path.display())]
    DiskFull {
        /// File of the catalogue.
        path: PathBuf,
    },
    /// Another process kept the catalogue locked for longer than the waiting time.
    #[error(
        "the catalogue {} is locked by another process; waited {waited_seconds} seconds for it",
        path.display()
    )]
    Busy {
        /// File of the catalogue.
        path: PathBuf,
        /// Waiting time in seconds.
        waited_seconds: u64,
    },
    /// The file is damaged. [`crate::Catalog::start_over`] replaces it.
    #[error("the catalogue {} is damaged: {reason}", path.display())]
    Damaged {
        /// File of the catalogue.
        path: PathBuf,
        /// The damage.
        reason: String,
    },
    /// Any other error of SQLite.
    #[error("the catalogue {} cannot be used: {reason}", path.display())]
    Sqlite {
        /// File of the catalogue.
        path: PathBuf,
        /// Error of SQLite.
        reason: rusqlite::Error,
    },
}

impl CatalogError {
    /// Returns whether the catalogue is damaged; then call [`crate::Catalog::start_over`].
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Returns whether the same call may succeed later without a repair.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }

    /// Classifies an error of SQLite.
    pub(crate) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let code = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => failure.code,
            // The statements of this crate are constants that fit its schema. If one does not compile or
            // returns the wrong type, the schema or the row was changed after it was written.
            rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::QueryReturnedNoRows => ErrorCode::DatabaseCorrupt,
            _ => return Self::Sqlite { path, reason: error },
        };
        match code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown => {
                Self::Damaged { path, reason: error.to_string() }
            }
            ErrorCode::DiskFull => Self::DiskFull { path },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Self::Busy { path, waited_seconds: BUSY_TIMEOUT.as_secs() }
            }
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                Self::NotWritable { path, reason: error }
            }
            _ => Self::Sqlite { path, reason: error },
        }
    }
}
