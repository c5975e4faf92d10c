//! The chunk index: which chunk is in which block of which pack.

mod directories;
mod disk;
mod load;
mod memory_index;
mod pack;
mod small_manifests;

use std::sync::{Arc, PoisonError, RwLock};

use icecore_catalog::Catalog;
use icecore_format::{
    directory::{BlockInfo, ChunkInfo, PackDirectory},
    ids::{ChunkId, GroupId, PackName},
    layout::parse_directory_key,
};
use icecore_store::ObjectInfo;

pub(crate) use self::load::Scope;
pub use self::pack::{BlockNumber, ChunkLocation, IndexedPack, PackRow};
use crate::{
    error::{RepoError, RepoResult},
    index::{disk::DiskIndex, memory_index::MemoryIndex},
    recovery::recovering,
    repository::Repository,
    stored_packs::StoredPacks,
};

/// Maximum number of chunks that an index keeps in memory when it is loaded (decision 0007).
pub const MEMORY_CHUNKS_MAX: usize = 1 << 20;
/// Maximum memory that a chunk takes in an index, in bytes.
pub const CHUNK_MEMORY_BYTES: u64 = 40;

/// All chunks that may be referred to or read: in memory up to [`MEMORY_CHUNKS_MAX`], on disk beyond.
#[derive(Debug, Default)]
pub struct ChunkIndex {
    disk: Option<Box<DiskIndex>>,
    /// Chunks that are not on disk, and chunks that are being uploaded. Its packs are numbered after those on
    /// disk.
    memory: MemoryIndex,
}

fn hash_of(id: &ChunkId) -> u64 {
    // Ids are keyed hashes: any eight bytes are as good as a hash of them.
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0[..8]);
    u64::from_le_bytes(bytes)
}

/// An index, and the directories that could not be read for it.
#[derive(Debug)]
pub struct LoadedIndex {
    /// All chunks of the requested packs.
    pub index: ChunkIndex,
    /// Keys of pack directories that are damaged, with the reason; their chunks count as absent.
    pub damaged: Vec<(String, RepoError)>,
}

/// Brings the catalogue up to date with pack directories that the store lists. Returns the keys of those that
/// cannot be read, with the reason.
pub fn read_directories(
    repository: &Repository,
    catalog: &mut Catalog,
    listed: &[ObjectInfo],
) -> RepoResult<Vec<(String, RepoError)>> {
    let listed: Vec<&ObjectInfo> = listed.iter().collect();
    recovering(catalog, |catalog| directories::read_new(repository, catalog, &listed, None))
}

/// Brings the catalogue up to date with the pack directories in the store, and loads the index from it: all
/// packs, or those of one group only.
pub fn load_index(
    repository: &Repository,
    catalog: &mut Catalog,
    group: Option<GroupId>,
) -> RepoResult<LoadedIndex> {
    recovering(catalog, |catalog| {
        let mut damaged = directories::read_listed(repository, catalog)?;
        let index = load::load(repository, catalog, Scope { group, ..Scope::default() }, &mut damaged)?;
        Ok(LoadedIndex { index, damaged })
    })
}

/// Does the same as [`load_index`] for a writer, which is going to refer to the chunks in the index: leaves
/// out packs that are missing, or whose length differs from the one in their directory, or that are not in
/// the scope.
///
/// `directories` are the pack directories that the store lists; `manifests` are the packs of manifest nodes,
/// if they were listed with them. `adopt` gets the packs that the store lists and the names (sorted) of those
/// that have a directory. It may write directories for the others, and returns these directories.
pub(crate) fn load_index_for_writing(
    repository: &Repository,
    catalog: &mut Catalog,
    directories: &[&ObjectInfo],
    manifests: Option<&[&ObjectInfo]>,
    scope: Scope<'_>,
    mut adopt: impl FnMut(&StoredPacks, &[PackName]) -> RepoResult<Vec<PackDirectory>>,
) -> RepoResult<(LoadedIndex, StoredPacks)> {
    recovering(catalog, |catalog| {
        let mut damaged = directories::read_new(repository, catalog, directories, manifests)?;
        // Listed after or with the directories: a pack is stored before its directory.
        let stored = StoredPacks::list(repository, manifests)?;
        let mut listed = catalog.known_packs()?;
        listed.extend(damaged.iter().filter_map(|(key, _)| parse_directory_key(key).ok()));
        listed.sort_unstable();
        catalog.add_directories(&adopt(&stored, &listed)?)?;
        let index = load::load(repository, catalog, Scope { stored: Some(&stored), ..scope }, &mut damaged)?;
        Ok((LoadedIndex { index, damaged }, stored))
    })
}

/// Loads the index again for the next session of a writer, from a catalogue that was up to date a moment ago;
/// the scope has the packs that existed then, and those that were uploaded since.
pub(crate) fn load_index_again(
    repository: &Repository,
    catalog: &mut Catalog,
    scope: Scope<'_>,
) -> RepoResult<LoadedIndex> {
    let mut is_first = true;
    recovering(catalog, |catalog| {
        // The second time, the catalogue is new and empty.
        let is_current = std::mem::take(&mut is_first);
        let mut damaged =
            if is_current { Vec::new() } else { directories::read_listed(repository, catalog)? };
        let index = load::load(repository, catalog, scope, &mut damaged)?;
        Ok(LoadedIndex { index, damaged })
    })
}

/// Adds packs to an index that are neither in it nor in `other` (sorted), which gets the names of packs of
/// other groups, if a group is given. Returns how many were added.
///
/// Not for writers: the packs may be condemned.
pub(crate) fn add_later_packs(
    repository: &Repository,
    index: &RwLock<ChunkIndex>,
    other: &mut Vec<PackName>,
    group: Option<GroupId>,
) -> RepoResult<usize> {
    let mut known = other.clone();
    known.extend(index.read().unwrap_or_else(PoisonError::into_inner).packs().iter().map(|pack| pack.name));
    known.sort_unstable();
    let mut wanted = Vec::new();
    directories::read_later(repository, &known, |directory| {
        if group.is_none_or(|group| group == directory.group) {
            wanted.push(directory);
        } else {
            other.push(directory.pack);
        }
    })?;
    other.sort_unstable();
    let added = wanted.len();
    let mut index = index.write().unwrap_or_else(PoisonError::into_inner);
    for directory in wanted {
        index.memory.add_later_pack(repository, directory)?;
    }
    Ok(added)
}

impl ChunkIndex {
    /// Notes a chunk that is on its way into a pack; returns whether it was new.
    pub fn insert_pending(&mut self, id: ChunkId) -> bool {
        if self.contains(&id) {
            return false;
        }
        self.memory.insert(id);
        true
    }

    /// Returns whether a chunk is in a pack or on its way.
    pub fn contains(&self, id: &ChunkId) -> bool {
        self.memory.contains(id) || self.disk.as_ref().is_some_and(|disk| disk.contains(id))
    }

    /// Returns where a chunk is; none if it is in no pack.
    pub fn locate(&self, id: &ChunkId) -> RepoResult<Option<ChunkLocation>> {
        if let Some(location) = self.memory.locate(id) {
            return Ok(Some(self.behind_disk(location)));
        }
        self.disk.as_ref().map_or(Ok(None), |disk| disk.locate(id))
    }

    /// Returns all locations of a chunk. Searches all of the memory index, so it is meant for the case that
    /// the first location fails.
    pub fn copies(&self, id: &ChunkId) -> Vec<ChunkLocation> {
        let mut copies = self.disk.as_ref().map_or_else(Vec::new, |disk| disk.copies(id));
        copies.extend(self.memory.copies(id).map(|location| self.behind_disk(location)));
        copies
    }

    fn disk_packs(&self) -> u32 {
        self.disk.as_ref().map_or(0, |disk| disk.pack_count())
    }

    fn behind_disk(&self, location: ChunkLocation) -> ChunkLocation {
        let block = BlockNumber::new(location.block.pack() + self.disk_packs(), location.block.ordinal());
        ChunkLocation { block, ..location }
    }

    /// Returns the number of a block in the memory index, if it is there.
    fn in_memory(&self, block: BlockNumber) -> Option<BlockNumber> {
        Some(BlockNumber::new(block.pack().checked_sub(self.disk_packs())?, block.ordinal()))
    }

    /// Returns the pack of a block, and the position and form of the block.
    pub fn block(&self, block: BlockNumber) -> RepoResult<(Arc<IndexedPack>, BlockInfo)> {
        let pack = match (self.in_memory(block), &self.disk) {
            (None, Some(disk)) => disk.pack(block.pack())?,
            (own, _) => Arc::clone(self.memory.pack(own.unwrap_or(block).pack())),
        };
        let info = *pack.block(block);
        Ok((pack, info))
    }

    /// Returns ids and lengths of the chunks of a block.
    pub(crate) fn block_chunks(&self, block: BlockNumber) -> RepoResult<Vec<ChunkInfo>> {
        match (self.in_memory(block), &self.disk) {
            (None, Some(disk)) => disk.block_chunks(block),
            (own, _) => Ok(self.memory.block_chunks(own.unwrap_or(block))),
        }
    }

    /// Returns all packs.
    pub fn packs(&self) -> Vec<PackRow> {
        let mut packs = self.disk.as_ref().map_or_else(Vec::new, |disk| disk.packs());
        let row = |pack: &Arc<IndexedPack>| PackRow { name: pack.name, kind: pack.kind, group: pack.group };
        packs.extend(self.memory.packs().map(row));
        packs
    }

    /// Returns the number of chunk rows; duplicates in several packs all count.
    pub fn chunk_rows(&self) -> usize {
        self.disk.as_ref().map_or(0, |disk| disk.chunk_rows()) + self.memory.chunk_rows()
    }

    /// Returns whether most of the index is on disk.
    pub fn is_on_disk(&self) -> bool {
        self.disk.is_some()
    }
}

#[cfg(test)]
mod tests;
