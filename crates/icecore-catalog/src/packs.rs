//! Pack directories.

use std::ops::ControlFlow;

use icecore_format::{
    directory::PackDirectory,
    ids::{GroupId, PackName, RunId},
    seal::ObjectKind,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::{
    catalog::Catalog,
    checksum::row_checksum,
    directory_row::{DirectoryRow, RowColumns, encode},
    error::CatalogError,
};

const PACKS: &str = "packs";
/// Names, from the index alone, without reading the large rows of the table.
const SELECT_NAMES: &str =
    "SELECT run, number FROM packs INDEXED BY sqlite_autoindex_packs_1 ORDER BY run, number";
const SELECT_ALL: &str = "SELECT id, run, number, kind, pack_group, pack_bytes, checksum, directory \
    FROM packs NOT INDEXED ORDER BY id";
const SELECT_ONE: &str = "SELECT id, run, number, kind, pack_group, pack_bytes, checksum, directory \
    FROM packs WHERE run = ?1 AND number = ?2";
const SELECT_ROW: &str = "SELECT id, run, number, kind, pack_group, pack_bytes, checksum, directory \
    FROM packs WHERE id = ?1";
const UPSERT: &str = "INSERT INTO packs(run, number, kind, pack_group, pack_bytes, checksum, directory) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
    ON CONFLICT(run, number) DO UPDATE SET kind = excluded.kind, pack_group = excluded.pack_group, \
    pack_bytes = excluded.pack_bytes, checksum = excluded.checksum, directory = excluded.directory";
const DELETE: &str = "DELETE FROM packs WHERE run = ?1 AND number = ?2";
const DELETE_VERIFICATION: &str = "DELETE FROM verifications WHERE run = ?1 AND number = ?2";

/// Result of [`Catalog::for_each_directory`] and [`Catalog::for_each_directory_of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Number of visited directories.
    pub loaded: usize,
    /// Packs whose rows failed their checksum, sorted. The rows were removed: fetch these directories again.
    pub missing: Vec<PackName>,
}

impl Catalog {
    /// Returns the names of all packs whose directories are in the catalogue, sorted. Rows are verified only
    /// when they are loaded.
    pub fn known_packs(&self) -> Result<Vec<PackName>, CatalogError> {
        select_names(self.connection()).map_err(|error| self.failed(error))
    }

    /// Returns the number of packs.
    pub fn pack_count(&self) -> Result<usize, CatalogError> {
        self.count("SELECT count(*) FROM packs")
    }

    /// Adds directories, or replaces those of the same packs, in one transaction.
    ///
    /// # Panics
    /// When a directory has more than 2³² chunks or blocks.
    pub fn add_directories<'a>(
        &mut self,
        directories: impl IntoIterator<Item = &'a PackDirectory>,
    ) -> Result<(), CatalogError> {
        self.write(|connection| {
            let mut statement = connection.prepare_cached(UPSERT)?;
            let mut encoded = Vec::new();
            for directory in directories {
                encode(directory, &mut encoded);
                let columns = RowColumns {
                    pack: directory.pack,
                    kind: directory.kind,
                    group: directory.group,
                    pack_bytes: directory.checksum.map(|checksum| checksum.bytes),
                };
                let checksum = columns_checksum(&columns, &encoded);
                statement.execute(params![
                    columns.pack.run.0.as_slice(),
                    columns.pack.number,
                    columns.kind as u8,
                    columns.group.0.as_slice(),
                    columns.pack_bytes.map(u64::cast_signed),
                    checksum.as_slice(),
                    encoded,
                ])?;
            }
            Ok(())
        })
    }

    /// Removes the directories of packs and the times of their verification, in one transaction; returns how
    /// many directories there were.
    pub fn remove_packs(&mut self, packs: &[PackName]) -> Result<usize, CatalogError> {
        self.write(|connection| {
            let mut statement = connection.prepare_cached(DELETE)?;
            let mut verification = connection.prepare_cached(DELETE_VERIFICATION)?;
            let mut remove = |pack: &PackName| {
                verification.execute(params![pack.run.0.as_slice(), pack.number])?;
                statement.execute(params![pack.run.0.as_slice(), pack.number])
            };
            packs.iter().map(&mut remove).sum()
        })
    }

    /// Visits all directories in the order in which they were added, as one consistent state. Rows that fail
    /// their checksum are not visited; they are removed and reported as missing. Nothing is parsed or copied:
    /// the rows are used in place.
    ///
    /// After an error with [`CatalogError::is_corruption`], the directories visited so far are right but not
    /// complete.
    pub fn for_each_directory(
        &mut self,
        mut visit: impl FnMut(DirectoryRow<'_>),
    ) -> Result<LoadReport, CatalogError> {
        let scan = self.scan(&mut visit).map_err(|error| self.failed(error))?;
        let Some(missing) = scan.missing() else { return Err(self.disagreement()) };
        let damaged: Vec<i64> = scan.damaged.iter().map(|(id, _)| *id).collect();
        self.drop_damaged(&damaged)?;
        Ok(LoadReport { loaded: scan.loaded.len(), missing })
    }

    /// Visits the directories of some packs, in the given order, until `visit` stops. Directories that are
    /// missing or damaged in the catalogue are not visited, and reported as missing; damaged rows are
    /// removed.
    pub fn for_each_directory_of(
        &mut self,
        packs: &[PackName],
        mut visit: impl FnMut(DirectoryRow<'_>) -> ControlFlow<()>,
    ) -> Result<LoadReport, CatalogError> {
        let mut report = LoadReport::default();
        let mut damaged = Vec::new();
        let mut misplaced = false;
        let mut select = || {
            let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Deferred)?;
            {
                let mut statement = transaction.prepare_cached(SELECT_ONE)?;
                for pack in packs {
                    let mut rows = statement.query(params![pack.run.0.as_slice(), pack.number])?;
                    let Some(row) = rows.next()? else {
                        report.missing.push(*pack);
                        continue;
                    };
                    misplaced |= read_name(row) != Some(*pack);
                    let Some(verified) = verify(row).filter(|row| row.pack() == *pack) else {
                        damaged.push(row.get(0)?);
                        report.missing.push(*pack);
                        continue;
                    };
                    report.loaded += 1;
                    if visit(verified).is_break() {
                        break;
                    }
                }
            }
            transaction.commit()
        };
        select().map_err(|error| self.failed(error))?;
        if misplaced {
            return Err(self.disagreement());
        }
        self.drop_damaged(&damaged)?;
        report.missing.sort_unstable();
        Ok(report)
    }

    /// Returns the directory of one pack, if it is in the catalogue and intact.
    pub fn directory(&self, pack: PackName) -> Result<Option<PackDirectory>, CatalogError> {
        let select = || {
            let mut statement = self.connection().prepare_cached(SELECT_ONE)?;
            let key = params![pack.run.0.as_slice(), pack.number];
            let found = statement.query_row(key, |row| {
                let id: i64 = row.get(0)?;
                Ok(verify(row).map(|row| row.to_directory()).ok_or(id))
            });
            found.optional()
        };
        match select().map_err(|error| self.failed(error))? {
            Some(Ok(directory)) if directory.pack == pack => Ok(Some(directory)),
            Some(Ok(_)) => Err(self.disagreement()),
            Some(Err(id)) => {
                self.drop_damaged(&[id])?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Reads index and table in the same state.
    fn scan(&self, visit: &mut impl FnMut(DirectoryRow<'_>)) -> rusqlite::Result<Scan> {
        let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Deferred)?;
        let known = select_names(&transaction)?;
        let mut scan = Scan { loaded: Vec::with_capacity(known.len()), known, damaged: Vec::new() };
        {
            let mut statement = transaction.prepare_cached(SELECT_ALL)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(row) = verify(row) {
                    scan.loaded.push(row.pack());
                    visit(row);
                } else {
                    scan.damaged.push((row.get(0)?, read_name(row)));
                }
            }
        }
        transaction.commit()?;
        Ok(scan)
    }

    fn disagreement(&self) -> CatalogError {
        CatalogError::damaged(self.path(), "the table of packs and its index disagree")
    }

    /// Removes rows that failed their checksum. A failure is an error: otherwise their packs would still
    /// count as known, and nobody would fetch them again.
    fn drop_damaged(&self, rows: &[i64]) -> Result<(), CatalogError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            let mut select = connection.prepare_cached(SELECT_ROW)?;
            for row in rows {
                // Another process may have replaced the row since then.
                let damaged = select.query_row([row], |row| Ok(verify(row).is_none())).optional()?;
                if damaged == Some(true) {
                    connection.execute("DELETE FROM packs WHERE id = ?1", [row])?;
                }
            }
            Ok(())
        })?;
        tracing::warn!(path = %self.path().display(), rows = rows.len(), "damaged rows of the catalogue were removed");
        Ok(())
    }
}

/// Result of a pass over the table of packs.
struct Scan {
    /// Names in the index, sorted.
    known: Vec<PackName>,
    /// Names of the visited rows, in the order of the table.
    loaded: Vec<PackName>,
    /// Rows that failed their checksum, with the names in them.
    damaged: Vec<(i64, Option<PackName>)>,
}

impl Scan {
    /// Returns the names of the damaged rows, sorted; nothing if the table and its index do not contain the
    /// same names, which means that one of them has a damaged page.
    fn missing(&self) -> Option<Vec<PackName>> {
        let mut missing = self.damaged.iter().map(|(_, name)| *name).collect::<Option<Vec<_>>>()?;
        missing.sort_unstable();
        let mut names: Vec<PackName> = self.loaded.iter().chain(&missing).copied().collect();
        names.sort_unstable();
        (names == self.known).then_some(missing)
    }
}

fn select_names(connection: &Connection) -> rusqlite::Result<Vec<PackName>> {
    let mut statement = connection.prepare_cached(SELECT_NAMES)?;
    let names = statement.query_map([], |row| {
        let run: [u8; RunId::BYTES] = row.get(0)?;
        Ok(PackName { run: RunId(run), number: row.get(1)? })
    })?;
    names.collect()
}

fn columns_checksum(columns: &RowColumns, encoded: &[u8]) -> [u8; 32] {
    let pack_bytes = columns.pack_bytes.map_or([0; 9], |bytes| {
        let mut field = [1; 9];
        field[1..].copy_from_slice(&bytes.to_le_bytes());
        field
    });
    let number = columns.pack.number.to_le_bytes();
    let kind = [columns.kind as u8];
    row_checksum(PACKS, &[&columns.pack.run.0, &number, &kind, &columns.group.0, &pack_bytes, encoded])
}

fn read_name(row: &Row<'_>) -> Option<PackName> {
    Some(PackName { run: RunId(row.get(1).ok()?), number: row.get(2).ok()? })
}

/// Reads a row of [`SELECT_ALL`]; returns nothing if its checksum or anything else is wrong.
fn verify<'a>(row: &'a Row<'_>) -> Option<DirectoryRow<'a>> {
    let blob = |column| row.get_ref(column).ok()?.as_blob().ok();
    let columns = RowColumns {
        pack: read_name(row)?,
        kind: ObjectKind::from_number(row.get(3).ok()?).ok()?,
        group: GroupId::from_slice(blob(4)?).ok()?,
        pack_bytes: row.get::<_, Option<i64>>(5).ok()?.map(i64::cast_unsigned),
    };
    let encoded = blob(7)?;
    if blob(6)? != columns_checksum(&columns, encoded) {
        return None;
    }
    DirectoryRow::parse(columns, encoded)
}

#[cfg(test)]
mod tests;
