//! The part of the chunk index that is on disk: the catalogue's chunk table, and the directories of the
//! recently used packs.

mod recent;

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use icecore_catalog::{Catalog, CatalogError, ChunkPlace, ChunkTable, TablePack};
use icecore_format::{
    directory::{ChunkInfo, PackDirectory},
    ids::{ChunkId, PackName},
    layout::directory_key,
};

use crate::{
    error::{RepoError, RepoResult},
    index::{BlockNumber, ChunkLocation, IndexedPack, PackRow, disk::recent::RecentPacks},
    repository::Repository,
};

/// Memory for the directories of the recently used packs, in bytes.
const RECENT_BYTES_MAX: usize = 32 << 20;

/// Index of the packs of a chunk table.
#[derive(Debug)]
pub(crate) struct DiskIndex {
    repository: Repository,
    /// A handle of its own, because the handle that loaded the index belongs to the caller.
    catalog: Mutex<Catalog>,
    table: RwLock<Arc<ChunkTable>>,
    /// For each pack of the table, whether its chunks may be used.
    usable: Vec<bool>,
    recent: Mutex<RecentPacks>,
    /// Set when the table is damaged and could not be rebuilt.
    broken: AtomicBool,
}

impl DiskIndex {
    /// Makes an index of the packs of a table for which `is_usable` returns true.
    pub fn new(
        repository: Repository,
        catalog: Catalog,
        table: ChunkTable,
        is_usable: impl FnMut(&TablePack) -> bool,
    ) -> Self {
        let usable = table.packs().map(is_usable).collect();
        Self {
            repository,
            catalog: Mutex::new(catalog),
            table: RwLock::new(Arc::new(table)),
            usable,
            recent: Mutex::new(RecentPacks::new(RECENT_BYTES_MAX)),
            broken: AtomicBool::new(false),
        }
    }

    /// Returns how many pack numbers are in use.
    pub fn pack_count(&self) -> u32 {
        self.usable.len() as u32
    }

    /// Returns the packs that may be used.
    pub fn packs(&self) -> Vec<PackRow> {
        let table = self.table();
        let usable = table.packs().zip(&self.usable).filter(|(_, usable)| **usable);
        usable.map(|(pack, _)| PackRow { name: pack.name, kind: pack.kind, group: pack.group }).collect()
    }

    /// Returns the number of chunk rows of the packs that may be used.
    pub fn chunk_rows(&self) -> usize {
        let table = self.table();
        let usable = table.packs().zip(&self.usable).filter(|(_, usable)| **usable);
        usable.map(|(pack, _)| pack.chunks as usize).sum()
    }

    /// Returns whether a chunk is in a usable pack. If this is unknown, the answer is no: a chunk that is
    /// stored twice costs space, a chunk that is missing costs a file.
    pub fn contains(&self, id: &ChunkId) -> bool {
        if self.recent().find(id).is_some() {
            return true;
        }
        let Some(place) = self.places_of(id).unwrap_or_default().first().copied() else { return false };
        if self.recent().is_hit_again(place.pack) {
            // Chunks that were stored together are usually looked up together.
            drop(self.pack(place.pack));
        }
        true
    }

    /// Returns where a chunk is; none if it is in no pack that may be used.
    pub fn locate(&self, id: &ChunkId) -> RepoResult<Option<ChunkLocation>> {
        let recent = self.recent().find(id);
        if let Some(place) = recent {
            return self.location_of(id, place);
        }
        for place in self.places_of(id)? {
            if let Some(location) = self.location_of(id, place)? {
                return Ok(Some(location));
            }
        }
        Ok(None)
    }

    /// Returns all locations of a chunk, as far as they can be found.
    pub fn copies(&self, id: &ChunkId) -> Vec<ChunkLocation> {
        let places = self.places_of(id).unwrap_or_default();
        places.into_iter().filter_map(|place| self.location_of(id, place).ok().flatten()).collect()
    }

    fn location_of(&self, id: &ChunkId, place: ChunkPlace) -> RepoResult<Option<ChunkLocation>> {
        let pack = match self.pack(place.pack) {
            // Another process has removed the pack since the index was loaded.
            Err(error) if error.is_corruption() => {
                tracing::warn!(%error, "the directory of a pack cannot be read");
                return Ok(None);
            }
            other => other?,
        };
        let chunks = &pack.directory.chunks;
        let position = place.position as usize;
        if chunks.get(position).is_none_or(|chunk| chunk.id != *id) {
            return Ok(None);
        }
        Ok(pack.location_of(place.pack, position, |position| chunks[position].length))
    }

    /// Returns ids and lengths of the chunks of a block.
    pub fn block_chunks(&self, block: BlockNumber) -> RepoResult<Vec<ChunkInfo>> {
        let pack = self.pack(block.pack())?;
        Ok(pack.directory.block_chunks(pack.block(block)).to_vec())
    }

    /// Returns a pack with its directory: from memory, from the catalogue, or from the store.
    pub fn pack(&self, number: u32) -> RepoResult<Arc<IndexedPack>> {
        if let Some(pack) = self.recent().get(number) {
            return Ok(pack);
        }
        let name = self.name(number);
        let pack = Arc::new(IndexedPack::new(&self.repository, self.directory(name)?)?);
        self.recent().insert(number, &pack);
        Ok(pack)
    }

    fn name(&self, number: u32) -> PackName {
        let table = self.table();
        let Some(pack) = table.pack(number) else {
            panic!("numbers of packs come from the table, {number} too")
        };
        pack.name
    }

    fn directory(&self, name: PackName) -> RepoResult<PackDirectory> {
        let known = self.catalog.lock().unwrap_or_else(PoisonError::into_inner).directory(name);
        match known {
            Ok(Some(directory)) => return Ok(directory),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the catalogue failed; a pack directory is read from the repository");
            }
        }
        let key = directory_key(name);
        let fetch = self.repository.store().get(&key, None);
        let bytes = self.repository.environment().runtime.block_on(fetch)?;
        PackDirectory::open(self.repository.keys(), name, &bytes).map_err(RepoError::object(key))
    }

    /// Returns the locations of a chunk in usable packs; rebuilds the table if it is damaged.
    fn places_of(&self, id: &ChunkId) -> RepoResult<Vec<ChunkPlace>> {
        let table = self.table();
        let places = match table.places_of(id) {
            Err(error) => self.repaired(&table, error)?.places_of(id),
            other => other,
        };
        let mut places = places?;
        places.retain(|place| self.usable[place.pack as usize]);
        Ok(places)
    }

    fn repaired(&self, damaged: &Arc<ChunkTable>, error: CatalogError) -> RepoResult<Arc<ChunkTable>> {
        let mut catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.table();
        if !Arc::ptr_eq(&current, damaged) {
            return Ok(current);
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(error.into());
        }
        tracing::warn!(%error, "the chunk table is damaged and is rebuilt");
        match catalog.repair_chunk_table(damaged) {
            Ok(table) => {
                let table = Arc::new(table);
                *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&table);
                Ok(table)
            }
            Err(error) => {
                tracing::warn!(%error, "the chunk table cannot be rebuilt");
                self.broken.store(true, Ordering::Relaxed);
                Err(error.into())
            }
        }
    }

    fn table(&self) -> Arc<ChunkTable> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, RecentPacks> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
