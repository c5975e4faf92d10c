//! The chunk table: finds the packs of each chunk on disk, for repositories whose chunks do not fit into
//! memory.
//!
//! It consists of a few *runs*. Each is a file with the *places* (pack and position in it) of all chunks of
//! some packs, sorted by id, and has a filter in memory that recognizes most new chunks without reading the
//! file. New packs become another run, which also replaces the runs that are not larger, so there are always
//! few. Runs are made from the directories in the catalogue and belong to it: the list of valid runs is one
//! of its values, and runs that are not on the list are removed. A damaged run is built again.

mod run;
mod writer;

use std::{collections::BTreeSet, fs, io, ops::ControlFlow, path::PathBuf, sync::Arc};

use icecore_format::{
    ids::{ChunkId, GroupId, PackName},
    seal::ObjectKind,
};

use crate::{
    catalog::Catalog,
    chunk_table::{run::Run, writer::RunWriter},
    error::CatalogError,
    files::CatalogFiles,
};

/// Key of the list of runs in the catalogue: their numbers (u64, little-endian).
const RUNS_KEY: &str = "chunk table";
const RUN_PREFIX: &str = "chunks-";
const SPILL: &str = "chunks.spill";
const LOCK: &str = "chunks.lock";

/// A pack whose chunks are in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablePack {
    /// Name.
    pub name: PackName,
    /// Group.
    pub group: GroupId,
    /// Data or manifest.
    pub kind: ObjectKind,
    /// Length of the pack in bytes, if its directory contains it.
    pub bytes: Option<u64>,
    /// Number of chunks; 0 if the directory of the pack was not in the catalogue when the run was made.
    pub chunks: u32,
}

/// Place of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkPlace {
    /// Number of the pack in the table.
    pub pack: u32,
    /// Position of the chunk in the pack's directory.
    pub position: u32,
}

/// The chunk table at the time when it was opened; later changes by others do not affect it.
#[derive(Debug, Default)]
pub struct ChunkTable {
    runs: Vec<Arc<Run>>,
}

impl ChunkTable {
    /// Returns the packs in the order of their numbers.
    pub fn packs(&self) -> impl Iterator<Item = &TablePack> + Clone {
        self.runs.iter().flat_map(|run| &run.packs)
    }

    /// Returns a pack by its number.
    pub fn pack(&self, number: u32) -> Option<&TablePack> {
        let mut rest = number as usize;
        self.runs.iter().find_map(|run| {
            let pack = run.packs.get(rest);
            rest = rest.wrapping_sub(run.packs.len());
            pack
        })
    }

    /// Returns the number of places: a chunk in several packs counts once for each.
    pub fn places(&self) -> u64 {
        self.runs.iter().map(|run| run.places()).sum()
    }

    /// Returns the number of runs.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Returns all places of a chunk, in the order of the packs; for most chunks that are not in the table,
    /// the disk is not read. After an error with [`CatalogError::is_corruption`], call
    /// [`Catalog::repair_chunk_table`].
    pub fn places_of(&self, id: &ChunkId) -> Result<Vec<ChunkPlace>, CatalogError> {
        let mut places = Vec::new();
        let mut first_pack = 0;
        for run in &self.runs {
            if run.may_have(id) {
                run.places_of(id, |pack, position| {
                    places.push(ChunkPlace { pack: first_pack + pack, position });
                })?;
            }
            first_pack += run.packs.len() as u32;
        }
        Ok(places)
    }
}

impl Catalog {
    /// Opens the chunk table; it is empty until somebody extends it. Damaged runs are left out, and their
    /// packs are then missing in the table.
    pub fn chunk_table(&mut self) -> Result<ChunkTable, CatalogError> {
        let Some(files) = self.files().cloned() else { return Ok(ChunkTable::default()) };
        let _lock = files.lock_file(LOCK)?;
        let numbers = self.run_numbers()?;
        let mut runs = Vec::new();
        for number in &numbers {
            match Run::open(&run_path(&files, *number), self.repository(), *number) {
                Ok(run) => runs.push(Arc::new(run)),
                Err(error) if error.is_corruption() || is_absent(&error) => {
                    tracing::warn!(%error, "rebuilding a part of the chunk table");
                }
                Err(error) => return Err(error),
            }
        }
        if runs.len() < numbers.len() {
            self.put_run_numbers(&runs.iter().map(|run| run.number).collect::<Vec<_>>())?;
        }
        remove_others(&files, &runs.iter().map(|run| run.number).collect())?;
        Ok(ChunkTable { runs })
    }

    /// Adds packs, given with the number of their chunks, to the table on disk, unless another process has
    /// changed it since `table` was opened. Runs that are not larger than the addition become part of the new
    /// run, and so do runs whose packs are mostly gone. Stops without any change as soon as `proceed` returns
    /// `false`.
    pub fn extend_chunk_table(
        &mut self,
        table: ChunkTable,
        packs: &[PackName],
        chunks: u64,
        proceed: impl FnMut() -> bool,
    ) -> Result<(), CatalogError> {
        let Some(files) = self.files().cloned() else { return Ok(()) };
        let _lock = files.lock_file(LOCK)?;
        let mut numbers: Vec<u64> = table.runs.iter().map(|run| run.number).collect();
        if self.run_numbers()? != numbers {
            return Ok(());
        }
        let known = self.known_packs()?;
        let mut packs = packs.to_vec();
        let mut expected = chunks;
        for (number, live) in runs_to_join(&table, &known, chunks) {
            numbers.retain(|other| *other != number);
            expected += live.iter().map(|pack| u64::from(pack.chunks)).sum::<u64>();
            packs.extend(live.iter().map(|pack| pack.name));
        }
        // The old filters are not needed while the new ones are made.
        drop(table);
        packs.sort_unstable();
        if let Some(number) = self.write_run(&files, &packs, expected, proceed)? {
            numbers.push(number);
            self.put_run_numbers(&numbers)?;
            remove_others(&files, &numbers.into_iter().collect())?;
        }
        Ok(())
    }

    /// Builds runs with an unreadable page again. The packs keep their numbers.
    pub fn repair_chunk_table(&mut self, table: &ChunkTable) -> Result<ChunkTable, CatalogError> {
        let Some(files) = self.files().cloned() else { return Ok(ChunkTable::default()) };
        let _lock = files.lock_file(LOCK)?;
        let mut numbers = self.run_numbers()?;
        let mut runs = Vec::new();
        for run in &table.runs {
            if !run.is_damaged() {
                runs.push(Arc::clone(run));
                continue;
            }
            let packs: Vec<PackName> = run.packs.iter().map(|pack| pack.name).collect();
            let number = self.write_run(&files, &packs, run.places(), || true)?.unwrap_or(run.number);
            runs.push(Arc::new(Run::open(&run_path(&files, number), self.repository(), number)?));
            numbers.iter_mut().filter(|listed| **listed == run.number).for_each(|listed| *listed = number);
        }
        self.put_run_numbers(&numbers)?;
        Ok(ChunkTable { runs })
    }

    /// Writes a run of packs whose directories are in the catalogue and returns its number; nothing if it was
    /// stopped.
    fn write_run(
        &mut self,
        files: &CatalogFiles,
        packs: &[PackName],
        expected: u64,
        mut proceed: impl FnMut() -> bool,
    ) -> Result<Option<u64>, CatalogError> {
        let number = run_files(files)?.into_iter().chain(self.run_numbers()?).max().unwrap_or(0) + 1;
        let path = run_path(files, number);
        let failed = |source| CatalogError::Directory { path: path.clone(), source };
        tracing::info!(packs = packs.len(), chunks = expected, "extending the chunk table");
        let mut writer = RunWriter::begin(&files.directory().join(SPILL), expected).map_err(failed)?;
        let mut rows: Vec<TablePack> = packs.iter().map(|name| unknown_pack(*name)).collect();
        let (mut next, mut outcome, mut stopped) = (0, Ok(()), false);
        self.for_each_directory_of(packs, |row| {
            while rows[next].name != row.pack() {
                next += 1;
            }
            rows[next] = TablePack {
                name: row.pack(),
                group: row.group(),
                kind: row.kind(),
                bytes: row.checksum().map(|checksum| checksum.bytes),
                chunks: row.chunk_count() as u32,
            };
            outcome = row
                .chunk_ids()
                .zip(0..)
                .try_for_each(|(id, position)| writer.push(id, next as u32, position));
            stopped = !proceed();
            if stopped || outcome.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        outcome.map_err(failed)?;
        if stopped {
            return Ok(None);
        }
        let written = writer.finish(&path, self.repository(), number, &rows);
        if let Err(source) = written {
            // A file that does not fit must not stay on a full file system.
            drop(fs::remove_file(&path));
            return Err(failed(source));
        }
        Ok(Some(number))
    }

    fn run_numbers(&self) -> Result<Vec<u64>, CatalogError> {
        let value = self.get_meta(RUNS_KEY)?.unwrap_or_default();
        Ok(value.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }

    fn put_run_numbers(&mut self, numbers: &[u64]) -> Result<(), CatalogError> {
        self.put_meta(
            RUNS_KEY,
            numbers.iter().map(|number| number.to_le_bytes()).collect::<Vec<_>>().as_flattened(),
        )
    }
}

/// Chooses the runs that become part of a new one of about `chunks` chunks; returns their numbers, and those
/// of their packs that still exist.
fn runs_to_join(table: &ChunkTable, known: &[PackName], chunks: u64) -> Vec<(u64, Vec<TablePack>)> {
    let mut candidates: Vec<(u64, &Run, Vec<TablePack>)> = Vec::new();
    for run in &table.runs {
        let is_live = |pack: &&TablePack| pack.chunks > 0 && known.binary_search(&pack.name).is_ok();
        let live: Vec<TablePack> = run.packs.iter().filter(is_live).copied().collect();
        candidates.push((live.iter().map(|pack| u64::from(pack.chunks)).sum(), run, live));
    }
    candidates.sort_by_key(|(live_chunks, ..)| *live_chunks);
    let mut total = chunks;
    let mut chosen = Vec::new();
    for (live_chunks, run, live) in candidates {
        if live_chunks <= total || live_chunks < run.places() / 2 {
            total += live_chunks;
            chosen.push((run.number, live));
        }
    }
    chosen
}

fn is_absent(error: &CatalogError) -> bool {
    matches!(error, CatalogError::Directory { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

fn unknown_pack(name: PackName) -> TablePack {
    TablePack { name, group: name.run, kind: ObjectKind::Data, bytes: None, chunks: 0 }
}

fn run_path(files: &CatalogFiles, number: u64) -> PathBuf {
    files.directory().join(format!("{RUN_PREFIX}{number}"))
}

/// Returns the numbers of all files that are runs, including those that are not on the list.
fn run_files(files: &CatalogFiles) -> Result<Vec<u64>, CatalogError> {
    let failed = |source| CatalogError::Directory { path: files.directory().to_owned(), source };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(files.directory()).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(RUN_PREFIX));
        numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    Ok(numbers)
}

/// Removes runs that are not on the list. A process that has one open continues to use the removed file.
fn remove_others(files: &CatalogFiles, listed: &BTreeSet<u64>) -> Result<(), CatalogError> {
    for number in run_files(files)?.into_iter().filter(|number| !listed.contains(number)) {
        let path = run_path(files, number);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(CatalogError::Directory { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
