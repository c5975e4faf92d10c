//! Loads the index from the catalogue, and moves it to disk if it is too large.

use std::ops::ControlFlow;

use icecore_catalog::{Catalog, CatalogError, ChunkTable, DirectoryRow};
use icecore_format::{
    collection::Condemned,
    directory::PackDirectory,
    ids::{ChunkId, GroupId, PackName},
};

use crate::{
    error::{RepoError, RepoResult},
    index::{
        ChunkIndex, MEMORY_CHUNKS_MAX, PackRow, directories, disk::DiskIndex, memory_index::MemoryIndex,
    },
    repository::Repository,
    stored_packs::StoredPacks,
};

/// How often other processes may change the chunk table meanwhile before the index is loaded into memory.
const ATTEMPTS: u32 = 4;

/// Result of a pass over the catalogue.
enum Pass {
    Complete(ChunkIndex),
    /// The packs outside the chunk table have too many chunks for the memory.
    TooMuch {
        table: ChunkTable,
        packs: Vec<PackName>,
        chunks: u64,
    },
}

/// Loads the index; fetches damaged rows from the store again. Packs that are not in the scope are left out.
pub(super) fn load(
    repository: &Repository,
    catalog: &mut Catalog,
    scope: Scope<'_>,
    damaged: &mut Vec<(String, RepoError)>,
) -> RepoResult<ChunkIndex> {
    let chunks_max = if catalog.is_in_memory() {
        usize::MAX
    } else {
        repository.index_chunks_max().unwrap_or(MEMORY_CHUNKS_MAX)
    };
    for _ in 0..ATTEMPTS {
        let Some(table) = on_disk(catalog.chunk_table())? else { break };
        match pass(repository, catalog, scope, table, chunks_max, damaged)? {
            Pass::Complete(index) => return Ok(index),
            Pass::TooMuch { table, packs, chunks } => {
                let proceed = || repository.environment().proceed().is_ok();
                let extended = on_disk(catalog.extend_chunk_table(table, &packs, chunks, proceed))?;
                repository.environment().proceed()?;
                if extended.is_none() {
                    break;
                }
            }
        }
    }
    match pass(repository, catalog, scope, ChunkTable::default(), usize::MAX, damaged)? {
        Pass::Complete(index) => Ok(index),
        Pass::TooMuch { .. } => unreachable!("nothing is too much"),
    }
}

/// Packs that get into the index; all, if nothing is given.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'a> {
    /// Only packs of this group.
    pub group: Option<GroupId>,
    /// Only packs that exist as their directories describe them.
    pub stored: Option<&'a StoredPacks>,
    /// Not these packs: a writer must not refer to what is about to be removed.
    pub condemned: Option<&'a Condemned>,
}

impl Scope<'_> {
    fn has(&self, pack: PackRow, bytes: Option<u64>) -> bool {
        if self.group.is_some_and(|wanted| wanted != pack.group) {
            return false;
        }
        let PackRow { name, kind, group } = pack;
        if self.condemned.is_some_and(|condemned| condemned.is_condemned(name)) {
            return false;
        }
        let is_there = self.stored.is_none_or(|stored| stored.has(name, kind, group, bytes));
        if !is_there {
            tracing::warn!(
                key = pack.object_key(),
                "a pack is missing or has the wrong length; its data is uploaded again if it is needed"
            );
        }
        is_there
    }

    fn has_row(&self, row: &DirectoryRow<'_>) -> bool {
        let pack = PackRow { name: row.pack(), kind: row.kind(), group: row.group() };
        self.has(pack, row.checksum().map(|checksum| checksum.bytes))
    }

    fn has_directory(&self, directory: &PackDirectory) -> bool {
        let pack = PackRow { name: directory.pack, kind: directory.kind, group: directory.group };
        self.has(pack, directory.checksum.map(|checksum| checksum.bytes))
    }
}

/// Takes the result of the chunk table; if the table cannot be used, logs this and returns none. A damaged
/// catalogue is an error.
fn on_disk<T>(result: Result<T, CatalogError>) -> RepoResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_corruption() => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "the chunk index is kept in memory, regardless of its size");
            Ok(None)
        }
    }
}

fn pass(
    repository: &Repository,
    catalog: &mut Catalog,
    scope: Scope<'_>,
    table: ChunkTable,
    chunks_max: usize,
    damaged: &mut Vec<(String, RepoError)>,
) -> RepoResult<Pass> {
    let known = catalog.known_packs()?;
    let mut covered: Vec<PackName> =
        table.packs().filter(|pack| pack.chunks > 0).map(|pack| pack.name).collect();
    covered.sort_unstable();
    let packs: Vec<PackName> =
        known.iter().copied().filter(|name| covered.binary_search(name).is_err()).collect();
    drop(covered);
    let mut loader =
        Loader { repository, memory: MemoryIndex::default(), chunks_max, chunks: 0, failed: None };
    let mut too_much = false;
    let mut visit = |row: DirectoryRow<'_>| {
        loader.chunks += row.chunk_count() as u64;
        too_much |= scope.has_row(&row) && !loader.add_row(&row);
    };
    let report = if table.runs() == 0 {
        // One pass over everything, which also compares the table of packs with its index.
        catalog.for_each_directory(visit)?
    } else {
        catalog.for_each_directory_of(&packs, |row| {
            visit(row);
            ControlFlow::Continue(())
        })?
    };
    if let Some(error) = loader.failed {
        return Err(error);
    }
    if !report.missing.is_empty() {
        // Everything that is damaged in the store, including earlier findings.
        *damaged = directories::read_listed(repository, catalog)?;
    }
    if too_much {
        return Ok(Pass::TooMuch { table, packs, chunks: loader.chunks });
    }
    let mut memory = loader.memory;
    for pack in report.missing {
        if let Some(directory) = catalog.directory(pack)?.filter(|directory| scope.has_directory(directory)) {
            add_directory(&mut memory, repository, directory)?;
        }
    }
    memory.shrink();
    let disk = if table.runs() == 0 { None } else { catalog.another()? };
    let disk = disk.map(|catalog| {
        Box::new(DiskIndex::new(repository.clone(), catalog, table, |pack| {
            let row = PackRow { name: pack.name, kind: pack.kind, group: pack.group };
            pack.chunks > 0 && known.binary_search(&pack.name).is_ok() && scope.has(row, pack.bytes)
        }))
    });
    Ok(Pass::Complete(ChunkIndex { disk, memory }))
}

/// Adds rows of the catalogue to an index in memory while there is room.
struct Loader<'a> {
    repository: &'a Repository,
    memory: MemoryIndex,
    chunks_max: usize,
    /// Chunks of all rows, added or not.
    chunks: u64,
    failed: Option<RepoError>,
}

impl Loader<'_> {
    /// Adds a row; if that is too much, returns false and drops everything that was added.
    fn add_row(&mut self, row: &DirectoryRow<'_>) -> bool {
        if self.memory.chunk_rows() + row.chunk_count() > self.chunks_max {
            self.memory = MemoryIndex::default();
            self.chunks_max = 0;
            return false;
        }
        if self.failed.is_none() {
            let directory = PackDirectory {
                version: row.version(),
                pack: row.pack(),
                kind: row.kind(),
                group: row.group(),
                epoch: row.epoch(),
                salt: *row.salt(),
                checksum: row.checksum(),
                blocks: row.blocks().collect(),
                chunks: Vec::new(),
            };
            let chunks = row.chunk_ids().copied().map(ChunkId).zip(row.chunk_lengths());
            self.failed = self.memory.add_pack(self.repository, directory, chunks).err();
        }
        true
    }
}

fn add_directory(
    memory: &mut MemoryIndex,
    repository: &Repository,
    mut directory: PackDirectory,
) -> RepoResult<()> {
    let chunks = std::mem::take(&mut directory.chunks);
    memory.add_pack(repository, directory, chunks.iter().map(|chunk| (chunk.id, chunk.length)))
}
