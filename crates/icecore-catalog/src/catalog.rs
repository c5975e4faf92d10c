//! The handle: opening, creating, replacing.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{
    error::CatalogError,
    files::{CatalogFiles, FileIdentity},
    schema::{self, ExistingFile, SCHEMA_VERSION},
};

/// Path of a catalogue in memory.
const IN_MEMORY: &str = ":memory:";

/// The catalogue of one repository: a cache of its pack directories and snapshots on the local disk.
///
/// Several handles, in any number of processes, may use the same file at once. The handle can be sent to
/// another thread, but not shared between threads. Every row carries a checksum; a row that fails it counts
/// as absent.
pub struct Catalog {
    connection: Connection,
    repository: RepositoryId,
    home: Home,
}

/// Where the catalogue is stored.
enum Home {
    Memory,
    File { files: CatalogFiles, identity: Option<FileIdentity> },
}

/// What [`Catalog::open`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogOpening {
    /// The catalogue of an earlier run.
    Existing,
    /// There was none; the catalogue is new and empty.
    Created,
    /// There was an unusable one; the new one is empty.
    Rebuilt {
        /// Why the old one was unusable.
        reason: RebuildReason,
    },
}

/// Why a catalogue was replaced by an empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebuildReason {
    /// Another version of the program wrote it.
    OtherSchema {
        /// Version of its schema.
        found: i64,
        /// Version that this program writes.
        supported: i64,
    },
    /// It belongs to another repository: somebody copied or renamed its directory.
    OtherRepository {
        /// Repository that it belongs to.
        found: RepositoryId,
    },
    /// It is damaged.
    Damaged {
        /// The damage.
        reason: String,
        /// New path of the damaged file, for an investigation.
        moved_to: PathBuf,
    },
}

impl fmt::Display for RebuildReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSchema { found, supported } => {
                write!(formatter, "it has version {found}, this program uses version {supported}")
            }
            Self::OtherRepository { found } => write!(formatter, "it belongs to the repository {found}"),
            Self::Damaged { reason, moved_to } => {
                write!(formatter, "{reason}; it was moved to {}", moved_to.display())
            }
        }
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        formatter
            .debug_struct("Catalog")
            .field("repository", &self.repository)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

impl Catalog {
    /// Opens the catalogue of `repository` below the cache directory, and creates it if there is none. A
    /// damaged catalogue is moved aside (only the newest is kept), and one of another version is removed; a
    /// new one takes its place.
    ///
    /// The directory must be on a disk of this machine; [`Self::open_local`] checks that.
    pub fn open(directory: &Path, repository: RepositoryId) -> Result<(Self, CatalogOpening), CatalogError> {
        Self::open_local(directory, repository, |_| None)
    }

    /// Opens it like [`Self::open`], unless `shared_file_system` returns the type of a file system that
    /// several machines share: locks and shared mappings do not work between machines, and write-ahead
    /// logging needs both.
    pub fn open_local(
        directory: &Path,
        repository: RepositoryId,
        shared_file_system: impl FnOnce(&Path) -> Option<&'static str>,
    ) -> Result<(Self, CatalogOpening), CatalogError> {
        let files = CatalogFiles::prepare(directory, repository)?;
        if let Some(kind) = shared_file_system(files.directory()) {
            return Err(CatalogError::NetworkFileSystem { path: files.directory().to_owned(), kind });
        }
        let _lock = files.lock()?;
        let (connection, opening) = open_locked(&files, repository)?;
        let identity = files.identity()?;
        Ok((Self { connection, repository, home: Home::File { files, identity } }, opening))
    }

    /// Creates a catalogue that lives only as long as the handle, for use without a cache directory.
    pub fn in_memory(repository: RepositoryId) -> Result<Self, CatalogError> {
        let connection = schema::create_in_memory(Path::new(IN_MEMORY), repository)?;
        Ok(Self { connection, repository, home: Home::Memory })
    }

    /// Replaces a damaged catalogue by an empty one; the damaged file is moved aside. If another process has
    /// already replaced it, opens that one. After an error, the handle is an empty catalogue in memory.
    pub fn start_over(&mut self) -> Result<(), CatalogError> {
        self.connection = schema::create_in_memory(Path::new(IN_MEMORY), self.repository)?;
        let Home::File { files, identity } = std::mem::replace(&mut self.home, Home::Memory) else {
            return Ok(());
        };
        let _lock = files.lock()?;
        let current = files.identity()?;
        if current.is_some() && current == identity {
            files.move_aside()?;
        }
        let (connection, _) = open_locked(&files, self.repository)?;
        let identity = files.identity()?;
        self.connection = connection;
        self.home = Home::File { files, identity };
        Ok(())
    }

    /// Returns the repository that the catalogue belongs to.
    pub fn repository(&self) -> RepositoryId {
        self.repository
    }

    /// Returns the path of the database, or `:memory:`.
    pub fn path(&self) -> &Path {
        match &self.home {
            Home::Memory => Path::new(IN_MEMORY),
            Home::File { files, .. } => files.database(),
        }
    }

    /// Returns whether the catalogue lives only as long as the handle.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.home, Home::Memory)
    }

    /// Returns another handle of the same catalogue, for another thread; nothing if it is in memory.
    pub fn another(&self) -> Result<Option<Self>, CatalogError> {
        let Home::File { files, .. } = &self.home else { return Ok(None) };
        let _lock = files.lock()?;
        let (connection, _) = open_locked(files, self.repository)?;
        let home = Home::File { files: files.clone(), identity: files.identity()? };
        Ok(Some(Self { connection, repository: self.repository, home }))
    }

    pub(crate) fn files(&self) -> Option<&CatalogFiles> {
        match &self.home {
            Home::Memory => None,
            Home::File { files, .. } => Some(files),
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the count of a query.
    pub(crate) fn count(&self, query: &str) -> Result<usize, CatalogError> {
        let count = self.connection.query_row(query, [], |row| row.get::<_, i64>(0));
        count.map(|count| usize::try_from(count).unwrap_or(0)).map_err(|error| self.failed(error))
    }

    /// Runs `work` in one write transaction: all of it happens, or nothing.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        let run = || {
            // Immediate: a transaction that begins with reading and then writes would not wait for another
            // writer.
            let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|error| self.failed(error))
    }

    /// Classifies an error of SQLite.
    pub(crate) fn failed(&self, error: rusqlite::Error) -> CatalogError {
        CatalogError::from_sqlite(self.path(), error)
    }
}

/// Opens, creates or replaces the database; must be called while its files are locked.
fn open_locked(
    files: &CatalogFiles,
    repository: RepositoryId,
) -> Result<(Connection, CatalogOpening), CatalogError> {
    let path = files.database();
    let opening = if files.identity()?.is_none() {
        CatalogOpening::Created
    } else {
        match schema::open_existing(path, repository) {
            Ok(ExistingFile::Usable(connection)) => return Ok((connection, CatalogOpening::Existing)),
            Ok(ExistingFile::Empty) => CatalogOpening::Created,
            Ok(ExistingFile::OtherSchema(found)) => {
                let reason = RebuildReason::OtherSchema { found, supported: SCHEMA_VERSION };
                CatalogOpening::Rebuilt { reason }
            }
            Ok(ExistingFile::OtherRepository(found)) => {
                CatalogOpening::Rebuilt { reason: RebuildReason::OtherRepository { found } }
            }
            Err(CatalogError::Damaged { reason, .. }) => {
                let moved_to = files.move_aside()?;
                CatalogOpening::Rebuilt { reason: RebuildReason::Damaged { reason, moved_to } }
            }
            Err(error) => return Err(error),
        }
    };
    if let CatalogOpening::Rebuilt { reason } = &opening {
        tracing::info!(path = %path.display(), %reason, "rebuilding the catalogue");
    }
    // Also removes journals that were left without a database.
    files.remove()?;
    let connection = schema::create(path, repository)?;
    files.restrict()?;
    Ok((connection, opening))
}

#[cfg(test)]
mod tests;
