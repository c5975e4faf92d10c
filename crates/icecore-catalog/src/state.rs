//! Small values that a run leaves for the next one.

use rusqlite::{OptionalExtension, params};

use crate::{catalog::Catalog, checksum::row_checksum, error::CatalogError};

const STATE: &str = "state";

impl Catalog {
    /// Returns the value of a key; nothing if there is none or it is damaged.
    pub fn get_meta(&self, key: &str) -> Result<Option<Vec<u8>>, CatalogError> {
        let select = || {
            let mut statement =
                self.connection().prepare_cached("SELECT checksum, value FROM state WHERE key = ?1")?;
            let row =
                statement.query_row([key], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)));
            row.optional()
        };
        let Some((checksum, value)) = select().map_err(|error| self.failed(error))? else { return Ok(None) };
        if checksum == row_checksum(STATE, &[key.as_bytes(), &value]) {
            return Ok(Some(value));
        }
        tracing::warn!(path = %self.path().display(), key, "a damaged value in the catalogue is ignored");
        Ok(None)
    }

    /// Stores a value under a key, replacing an earlier one.
    pub fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), CatalogError> {
        let checksum = row_checksum(STATE, &[key.as_bytes(), value]);
        self.write(|connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO state(key, checksum, value) VALUES (?1, ?2, ?3)")?
                .execute(params![key, checksum.as_slice(), value])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
