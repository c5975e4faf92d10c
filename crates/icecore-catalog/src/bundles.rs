//! Bundles: for each kind of small objects, one sealed value with the records of most of them. These objects
//! have no rows of their own.

use rusqlite::{Connection, params};

use crate::{catalog::Catalog, checksum::row_checksum, error::CatalogError};

/// Bundles are stored among the small values that one run leaves for the next, each with the number of its
/// records under another key.
const STATE: &str = "state";

/// The objects in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleKind {
    /// Snapshots.
    Snapshots,
    /// Records of the log.
    Log,
}

/// A bundle as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBundle {
    /// Number of its records.
    pub records: usize,
    /// The sealed bundle.
    pub sealed: Vec<u8>,
}

impl BundleKind {
    fn key(self) -> &'static str {
        match self {
            Self::Snapshots => "bundle/snapshots",
            Self::Log => "bundle/log",
        }
    }

    fn count_key(self) -> &'static str {
        match self {
            Self::Snapshots => "bundle/snapshots/records",
            Self::Log => "bundle/log/records",
        }
    }
}

impl Catalog {
    /// Returns a sealed bundle, or nothing if there is none or its row is damaged.
    pub fn bundle(&self, kind: BundleKind) -> Result<Option<Vec<u8>>, CatalogError> {
        self.get_meta(kind.key())
    }

    /// Returns the number of records in a bundle, as recorded when it was stored.
    pub(crate) fn bundle_records(&self, kind: BundleKind) -> Result<usize, CatalogError> {
        let records = self.get_meta(kind.count_key())?;
        Ok(records
            .and_then(|records| Some(u32::from_le_bytes(*records.first_chunk()?) as usize))
            .unwrap_or(0))
    }

    /// Removes a bundle.
    pub fn drop_bundle(&mut self, kind: BundleKind) -> Result<(), CatalogError> {
        self.write(|connection| {
            let mut statement = connection.prepare_cached("DELETE FROM state WHERE key IN (?1, ?2)")?;
            statement.execute([kind.key(), kind.count_key()]).map(drop)
        })
    }
}

/// Replaces the earlier bundle, in the transaction of `connection`.
pub(crate) fn put(connection: &Connection, kind: BundleKind, bundle: &StoredBundle) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT OR REPLACE INTO state(key, checksum, value) VALUES (?1, ?2, ?3)")?;
    let records = (bundle.records as u32).to_le_bytes();
    for (key, value) in [(kind.key(), bundle.sealed.as_slice()), (kind.count_key(), &records)] {
        let checksum = row_checksum(STATE, &[key.as_bytes(), value]);
        statement.execute(params![key, checksum.as_slice(), value])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
