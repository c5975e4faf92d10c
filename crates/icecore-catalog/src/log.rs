//! Records of the log that are not in a bundle, sealed as they came from the store. They are written once, so
//! they are never replaced.

use icecore_format::ids::RecordName;
use rusqlite::{Connection, Row, params};

use crate::{
    bundles::{self, BundleKind, StoredBundle},
    catalog::Catalog,
    checksum::row_checksum,
    error::CatalogError,
};

/// The records are stored among the small values that one run leaves for the next, under their own keys.
const STATE: &str = "state";
const PREFIX: &str = "log/";
/// The first key after all keys with the prefix.
const PREFIX_END: &str = "log0";

/// A log record as it was when it was read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its name.
    pub name: RecordName,
    /// The store's version of the object. If the store lists another one, the object has changed.
    pub version: String,
    /// The sealed object.
    pub object: Vec<u8>,
}

impl Catalog {
    /// Stores sealed records of the log, in one transaction.
    pub fn put_log_records(&mut self, records: &[StoredRecord]) -> Result<(), CatalogError> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            let mut statement = connection
                .prepare_cached("INSERT OR REPLACE INTO state(key, checksum, value) VALUES (?1, ?2, ?3)")?;
            for record in records {
                let key = format!("{PREFIX}{}", record.name);
                let mut value = (record.version.len() as u32).to_le_bytes().to_vec();
                value.extend_from_slice(record.version.as_bytes());
                value.extend_from_slice(&record.object);
                let checksum = row_checksum(STATE, &[key.as_bytes(), &value]);
                statement.execute(params![key, checksum.as_slice(), value])?;
            }
            Ok(())
        })
    }

    /// Returns the records of the log that have a row, by name. Records with damaged rows are left out: fetch
    /// them again.
    pub fn log_records(&self) -> Result<Vec<StoredRecord>, CatalogError> {
        let select = || {
            let mut statement = self.connection().prepare_cached(
                "SELECT key, checksum, value FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key",
            )?;
            let mut rows = statement.query([PREFIX, PREFIX_END])?;
            let mut records = Vec::new();
            let mut damaged = 0u64;
            while let Some(row) = rows.next()? {
                match verify(row) {
                    Some(record) => records.push(record),
                    None => damaged += 1,
                }
            }
            if damaged > 0 {
                tracing::warn!(path = %self.path().display(), damaged, "damaged log records in the catalogue are ignored");
            }
            Ok(records)
        };
        select().map_err(|error| self.failed(error))
    }

    /// Removes records, in one transaction.
    pub fn remove_log_records(&mut self, names: &[RecordName]) -> Result<(), CatalogError> {
        if names.is_empty() {
            return Ok(());
        }
        self.write(|connection| remove(connection, names))
    }

    /// Replaces the earlier bundle of log records, and removes the rows of `names`, in one transaction.
    pub fn bundle_log_records(
        &mut self,
        bundle: &StoredBundle,
        names: &[RecordName],
    ) -> Result<(), CatalogError> {
        self.write(|connection| {
            bundles::put(connection, BundleKind::Log, bundle)?;
            remove(connection, names)
        })
    }
}

fn remove(connection: &Connection, names: &[RecordName]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM state WHERE key = ?1")?;
    for name in names {
        statement.execute([format!("{PREFIX}{name}")])?;
    }
    Ok(())
}

/// Reads a row; returns nothing if its checksum or anything else is wrong.
fn verify(row: &Row<'_>) -> Option<StoredRecord> {
    let key = row.get_ref(0).ok()?.as_str().ok()?;
    let value = row.get_ref(2).ok()?.as_blob().ok()?;
    if row.get_ref(1).ok()?.as_blob().ok()? != row_checksum(STATE, &[key.as_bytes(), value]) {
        return None;
    }
    let name = RecordName::parse(key.strip_prefix(PREFIX)?).ok()?;
    let (length, rest) = value.split_first_chunk::<4>()?;
    let (version, object) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let version = str::from_utf8(version).ok()?.to_owned();
    Some(StoredRecord { name, version, object: object.to_vec() })
}

#[cfg(test)]
mod tests;
