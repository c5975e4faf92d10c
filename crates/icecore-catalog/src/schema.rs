//! The schema, and the set-up of a connection.

use std::path::Path;

use icecore_format::ids::RepositoryId;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig, params};

use crate::{
    checksum::row_checksum,
    error::{BUSY_TIMEOUT, CatalogError},
};

/// Version of the schema and of the encoding of its rows. There are no migrations: a catalogue of another
/// version is replaced.
pub(crate) const SCHEMA_VERSION: i64 = 3;
/// Marks the file as a catalogue ("ICEC").
const APPLICATION_ID: i64 = 0x4943_4543;

const IDENTITY: &str = "identity";

/// The tables. `packs` has large rows, so it has a rowid. SQLite stores the texts unchanged, so a schema that
/// was tampered with or damaged is noticed.
const TABLES: [&str; 6] = [
    "CREATE TABLE identity(
        repository BLOB NOT NULL,
        checksum BLOB NOT NULL
    ) STRICT",
    "CREATE TABLE packs(
        id INTEGER PRIMARY KEY,
        run BLOB NOT NULL,
        number INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        pack_group BLOB NOT NULL,
        pack_bytes INTEGER,
        checksum BLOB NOT NULL,
        directory BLOB NOT NULL,
        UNIQUE(run, number)
    ) STRICT",
    "CREATE TABLE snapshots(
        run BLOB NOT NULL PRIMARY KEY,
        version TEXT NOT NULL,
        checksum BLOB NOT NULL,
        object BLOB NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE state(
        key TEXT NOT NULL PRIMARY KEY,
        checksum BLOB NOT NULL,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE verifications(
        run BLOB NOT NULL,
        number INTEGER NOT NULL,
        verified_seconds INTEGER NOT NULL,
        checksum BLOB NOT NULL,
        PRIMARY KEY(run, number)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE node_packs(
        node BLOB NOT NULL PRIMARY KEY,
        checksum BLOB NOT NULL,
        packs BLOB NOT NULL
    ) STRICT, WITHOUT ROWID",
];

/// Kind of an existing file.
#[derive(Debug)]
pub(crate) enum ExistingFile {
    /// A catalogue of this version and repository.
    Usable(Connection),
    /// A database in which nothing has been created yet.
    Empty,
    /// A catalogue of another version of the schema.
    OtherSchema(i64),
    /// A catalogue of another repository.
    OtherRepository(RepositoryId),
}

/// Opens an existing file and finds its kind.
pub(crate) fn open_existing(path: &Path, repository: RepositoryId) -> Result<ExistingFile, CatalogError> {
    let sqlite = |error| CatalogError::from_sqlite(path, error);
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let application_id = pragma(&connection, "application_id").map_err(sqlite)?;
    let version = pragma(&connection, "user_version").map_err(sqlite)?;
    let tables = table_texts(&connection).map_err(sqlite)?;
    if application_id == 0 && version == 0 && tables.is_empty() {
        return Ok(ExistingFile::Empty);
    }
    if application_id != APPLICATION_ID {
        return Err(CatalogError::damaged(path, "the database is not a catalogue of Icecore"));
    }
    if version != SCHEMA_VERSION {
        return Ok(ExistingFile::OtherSchema(version));
    }
    if tables != TABLES {
        return Err(CatalogError::damaged(path, "its tables are not those of a catalogue"));
    }
    let found = read_identity(&connection, path)?;
    if found != repository {
        return Ok(ExistingFile::OtherRepository(found));
    }
    check_writable(&connection, path)?;
    set_up(&connection).map_err(sqlite)?;
    Ok(ExistingFile::Usable(connection))
}

/// SQLite opens a file read-only if it may not write it, or if the header of the file requests that.
fn check_writable(connection: &Connection, path: &Path) -> Result<(), CatalogError> {
    let read_only = connection.is_readonly("main").map_err(|error| CatalogError::from_sqlite(path, error))?;
    if !read_only {
        return Ok(());
    }
    if rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok() {
        return Err(CatalogError::damaged(path, "its header marks it as read-only"));
    }
    let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
    Err(CatalogError::from_sqlite(path, rusqlite::Error::SqliteFailure(failure, None)))
}

/// Creates the tables in a file that does not exist yet.
pub(crate) fn create(path: &Path, repository: RepositoryId) -> Result<Connection, CatalogError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    create_tables(&connection, repository).map_err(|error| CatalogError::from_sqlite(path, error))?;
    Ok(connection)
}

/// Creates the tables in memory.
pub(crate) fn create_in_memory(path: &Path, repository: RepositoryId) -> Result<Connection, CatalogError> {
    let sqlite = |error| CatalogError::from_sqlite(path, error);
    let connection = Connection::open_in_memory().map_err(sqlite)?;
    create_tables(&connection, repository).map_err(sqlite)?;
    Ok(connection)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, CatalogError> {
    // Without SQLITE_OPEN_URI, any text is taken as a path. Only one thread at a time uses a connection,
    // which the type system ensures.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        Ok(connection)
    };
    connect().map_err(|error| CatalogError::from_sqlite(path, error))
}

fn create_tables(connection: &Connection, repository: RepositoryId) -> rusqlite::Result<()> {
    // The first write and WAL fix the size of a page, so it comes first.
    connection.pragma_update(None, "page_size", 8192)?;
    set_up(connection)?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for table in TABLES {
        transaction.execute(table, [])?;
    }
    let checksum = row_checksum(IDENTITY, &[&repository.0]);
    transaction.execute(
        "INSERT INTO identity(repository, checksum) VALUES (?1, ?2)",
        params![repository.0.as_slice(), checksum.as_slice()],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Sets the options that only apply to the connection, and WAL, without which readers would wait for writers.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" && mode != "memory" {
        tracing::debug!(mode, "the catalogue's file system does not support write-ahead logging");
    }
    // A power failure may only lose the newest transactions, whose data is fetched again.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16384)?;
    // The first load makes the log as large as the catalogue; afterwards, it is truncated.
    connection.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))?;
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn table_texts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn read_identity(connection: &Connection, path: &Path) -> Result<RepositoryId, CatalogError> {
    let (repository, checksum): (Vec<u8>, Vec<u8>) = connection
        .query_row("SELECT repository, checksum FROM identity", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|error| CatalogError::from_sqlite(path, error))?;
    match RepositoryId::from_slice(&repository) {
        Ok(id) if checksum == row_checksum(IDENTITY, &[&repository]) => Ok(id),
        _ => Err(CatalogError::damaged(path, "the row that names its repository is damaged")),
    }
}
