//! Snapshots that are not in a bundle, sealed as they came from the store, so that sources, hosts and tags
//! are not readable in the cache.

use icecore_format::ids::RunId;
use rusqlite::{Connection, Row, params};

use crate::{
    bundles::{self, BundleKind, StoredBundle},
    catalog::Catalog,
    checksum::row_checksum,
    error::CatalogError,
};

const SNAPSHOTS: &str = "snapshots";

/// A snapshot object as it was when it was read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// Run that creates or created the snapshot.
    pub run: RunId,
    /// The store's version of the object. If the store lists another one, the object has changed.
    pub version: String,
    /// The sealed object.
    pub object: Vec<u8>,
}

impl Catalog {
    /// Stores the sealed objects of snapshots with their versions in the store, replacing earlier ones, in
    /// one transaction.
    pub fn put_snapshots(&mut self, snapshots: &[StoredSnapshot]) -> Result<(), CatalogError> {
        if snapshots.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO snapshots(run, version, checksum, object) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for StoredSnapshot { run, version, object } in snapshots {
                let checksum = row_checksum(SNAPSHOTS, &[&run.0, version.as_bytes(), object]);
                statement.execute(params![run.0.as_slice(), version, checksum.as_slice(), object])?;
            }
            Ok(())
        })
    }

    /// Returns the snapshots that have a row, by run, oldest first. Snapshots with damaged rows are left out:
    /// fetch them again.
    pub fn snapshots(&self) -> Result<Vec<StoredSnapshot>, CatalogError> {
        let select = || {
            let mut statement = self
                .connection()
                .prepare_cached("SELECT run, version, checksum, object FROM snapshots ORDER BY run")?;
            let mut rows = statement.query([])?;
            let mut snapshots = Vec::new();
            let mut damaged = 0u64;
            while let Some(row) = rows.next()? {
                match verify(row) {
                    Some(snapshot) => snapshots.push(snapshot),
                    None => damaged += 1,
                }
            }
            if damaged > 0 {
                tracing::warn!(path = %self.path().display(), damaged, "damaged snapshots in the catalogue are ignored");
            }
            Ok(snapshots)
        };
        select().map_err(|error| self.failed(error))
    }

    /// Returns the number of snapshots in rows and in the bundle, without verifying them; some may be counted
    /// twice.
    pub fn snapshot_count(&self) -> Result<usize, CatalogError> {
        let rows = self.count("SELECT count(*) FROM snapshots")?;
        Ok(rows + self.bundle_records(BundleKind::Snapshots)?)
    }

    /// Removes snapshots, in one transaction, and returns how many there were.
    pub fn remove_snapshots(&mut self, runs: &[RunId]) -> Result<usize, CatalogError> {
        if runs.is_empty() {
            return Ok(0);
        }
        self.write(|connection| remove(connection, runs))
    }

    /// Replaces the earlier bundle of snapshots, and removes the rows of `runs`, in one transaction.
    pub fn bundle_snapshots(&mut self, bundle: &StoredBundle, runs: &[RunId]) -> Result<(), CatalogError> {
        self.write(|connection| {
            bundles::put(connection, BundleKind::Snapshots, bundle)?;
            remove(connection, runs).map(drop)
        })
    }
}

fn remove(connection: &Connection, runs: &[RunId]) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached("DELETE FROM snapshots WHERE run = ?1")?;
    runs.iter().map(|run| statement.execute([run.0.as_slice()])).sum()
}

/// Reads a row; returns nothing if its checksum or anything else is wrong.
fn verify(row: &Row<'_>) -> Option<StoredSnapshot> {
    let blob = |column| row.get_ref(column).ok()?.as_blob().ok();
    let run = RunId::from_slice(blob(0)?).ok()?;
    let version = row.get_ref(1).ok()?.as_str().ok()?;
    let object = blob(3)?;
    if blob(2)? != row_checksum(SNAPSHOTS, &[&run.0, version.as_bytes(), object]) {
        return None;
    }
    Some(StoredSnapshot { run, version: version.to_owned(), object: object.to_vec() })
}

#[cfg(test)]
mod tests;
