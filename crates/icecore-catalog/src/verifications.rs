//! When packs were last read in full and found complete. If this is lost, they are verified once more.

use std::time::{Duration, SystemTime};

use icecore_format::ids::{PackName, RunId};
use rusqlite::{Row, params};

use crate::{catalog::Catalog, checksum::row_checksum, error::CatalogError};

const VERIFICATIONS: &str = "verifications";
const UPSERT: &str =
    "INSERT OR REPLACE INTO verifications(run, number, verified_seconds, checksum) VALUES (?1, ?2, ?3, ?4)";

impl Catalog {
    /// Records that packs were read in full and found complete at `time`, in whole seconds.
    /// [`Catalog::remove_packs`] removes this record.
    pub fn put_verifications(&mut self, packs: &[PackName], time: SystemTime) -> Result<(), CatalogError> {
        let after = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = after.as_secs().cast_signed();
        self.write(|connection| {
            let mut statement = connection.prepare_cached(UPSERT)?;
            for pack in packs {
                let checksum = checksum(*pack, seconds);
                statement.execute(params![
                    pack.run.0.as_slice(),
                    pack.number,
                    seconds,
                    checksum.as_slice()
                ])?;
            }
            Ok(())
        })
    }

    /// Returns when packs were last read in full and found complete. Damaged rows are left out.
    pub fn verifications(&self) -> Result<Vec<(PackName, SystemTime)>, CatalogError> {
        let select = || {
            let mut statement = self
                .connection()
                .prepare_cached("SELECT run, number, verified_seconds, checksum FROM verifications")?;
            let mut rows = statement.query([])?;
            let mut verifications = Vec::new();
            while let Some(row) = rows.next()? {
                verifications.extend(verify(row));
            }
            Ok(verifications)
        };
        select().map_err(|error| self.failed(error))
    }
}

fn checksum(pack: PackName, seconds: i64) -> [u8; 32] {
    let (number, seconds) = (pack.number.to_le_bytes(), seconds.to_le_bytes());
    row_checksum(VERIFICATIONS, &[&pack.run.0, &number, &seconds])
}

/// Reads a row; returns nothing if its checksum or anything else is wrong.
fn verify(row: &Row<'_>) -> Option<(PackName, SystemTime)> {
    let pack = PackName { run: RunId(row.get(0).ok()?), number: row.get(1).ok()? };
    let seconds: i64 = row.get(2).ok()?;
    if row.get_ref(3).ok()?.as_blob().ok()? != checksum(pack, seconds) {
        return None;
    }
    let after = Duration::from_secs(u64::try_from(seconds).ok()?);
    Some((pack, SystemTime::UNIX_EPOCH.checked_add(after)?))
}

#[cfg(test)]
mod tests;
