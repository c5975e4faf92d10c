//! The chunk index: which chunk lies in which block of which pack.

mod disk;
mod load;
mod memory;
mod small_manifests;

use std::sync::Arc;

use icecore_catalog::Catalog;
use icecore_format::{
    directory::{BlockInfo, ChunkInfo, PackDirectory},
    ids::{ChunkId, GroupId, PackName},
    layout::{PACKS_PREFIX, pack_key, parse_directory_key},
    limits::DIRECTORY_OBJECT_BYTES_MAX,
    seal::{ObjectKey, ObjectKind},
};
use icecore_store::ObjectInfo;

use crate::{
    compaction,
    error::{RepoError, RepoResult},
    index::{disk::DiskIndex, memory::MemoryIndex},
    recovery::recovering,
    repository::Repository,
    stored_packs::StoredPacks,
};

/// Chunks that an index keeps in memory at most when it is loaded (decision 0007).
pub const MEMORY_CHUNKS_MAX: usize = 1 << 20;
/// Memory that a chunk takes in an index at most, in bytes.
pub const CHUNK_MEMORY_BYTES: u64 = 40;

/// Opened directories that wait for the catalogue, at most, …
const ADD_BATCH: usize = 1024;
/// … and their chunks: a short directory can unfold to many.
const ADD_BATCH_CHUNKS: usize = 1 << 20;

/// A pack as far as reading its blocks needs it.
#[derive(Debug)]
pub struct IndexedPack {
    /// Name.
    pub name: PackName,
    /// Data or manifest.
    pub kind: ObjectKind,
    /// Group.
    pub group: GroupId,
    /// Directory; in the memory index without the chunks, which the index holds itself.
    directory: PackDirectory,
    key: ObjectKey,
}

/// A pack as the index lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackRow {
    /// Name.
    pub name: PackName,
    /// Data or manifest.
    pub kind: ObjectKind,
    /// Group.
    pub group: GroupId,
}

/// Number of a block in the index: the number of its pack, then its ordinal in the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockNumber(u64);

/// Where a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLocation {
    /// Block that holds the chunk.
    pub block: BlockNumber,
    /// Length of the block's plaintext in bytes.
    pub block_bytes: u32,
    /// Offset of the chunk in the block's plaintext, in bytes.
    pub offset: u32,
    /// Length of the chunk in bytes.
    pub length: u32,
}

/// All chunks that may be referred to or read: in memory up to [`MEMORY_CHUNKS_MAX`], on disk beyond.
#[derive(Debug, Default)]
pub struct ChunkIndex {
    disk: Option<Box<DiskIndex>>,
    /// What is not on disk, and what is on its way. Its packs are numbered after those on disk.
    memory: MemoryIndex,
}

fn hash_of(id: &ChunkId) -> u64 {
    // Ids are keyed hashes: any eight bytes are as good as a hash of them.
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0[..8]);
    u64::from_le_bytes(bytes)
}

/// An index, and what could not be read for it.
#[derive(Debug)]
pub struct LoadedIndex {
    /// All chunks of the packs that were asked for.
    pub index: ChunkIndex,
    /// Keys of pack directories that are damaged, with the reason; their chunks count as absent.
    pub damaged: Vec<(String, RepoError)>,
}

/// Brings the catalogue up to date with the pack directories in the store, and loads the index from it: all packs, or
/// those of one group only.
pub fn load_index(
    repository: &Repository,
    catalog: &mut Catalog,
    group: Option<GroupId>,
) -> RepoResult<LoadedIndex> {
    recovering(catalog, |catalog| {
        let mut damaged = read_listed_directories(repository, catalog)?;
        let index = load::load(repository, catalog, group, None, &mut damaged)?;
        Ok(LoadedIndex { index, damaged })
    })
}

/// Does the same as [`load_index`] for somebody who is going to refer to what is in the index: packs that are not there,
/// or have another length than their directory says, do not get into it.
///
/// `directories` are the pack directories that the store lists, `manifests` the packs of manifest nodes if they were listed
/// with them. `adopt` is given the packs that the store lists and the
/// names (sorted) of those that have a directory, and may write directories for others, which it returns.
pub(crate) fn load_index_for_writing(
    repository: &Repository,
    catalog: &mut Catalog,
    directories: &[&ObjectInfo],
    manifests: Option<&[&ObjectInfo]>,
    group: Option<GroupId>,
    mut adopt: impl FnMut(&StoredPacks, &[PackName]) -> RepoResult<Vec<PackDirectory>>,
) -> RepoResult<(LoadedIndex, StoredPacks)> {
    recovering(catalog, |catalog| {
        let mut damaged = read_new_directories(repository, catalog, directories, manifests)?;
        // Listed after or with the directories: a pack is there before its directory is.
        let stored = StoredPacks::list(repository, manifests)?;
        let mut listed = catalog.known_packs()?;
        listed.extend(damaged.iter().filter_map(|(key, _)| parse_directory_key(key).ok()));
        listed.sort_unstable();
        catalog.add_directories(&adopt(&stored, &listed)?)?;
        let index = load::load(repository, catalog, group, Some(&stored), &mut damaged)?;
        Ok((LoadedIndex { index, damaged }, stored))
    })
}

/// Loads the index of somebody who writes once more, from a catalogue that was up to date a moment ago; `stored` are the
/// packs that were there then, and those that were uploaded since.
pub(crate) fn load_index_again(
    repository: &Repository,
    catalog: &mut Catalog,
    stored: Option<&StoredPacks>,
    group: Option<GroupId>,
) -> RepoResult<LoadedIndex> {
    let mut is_first = true;
    recovering(catalog, |catalog| {
        // The second time, the catalogue was started over and is empty.
        let is_current = std::mem::take(&mut is_first);
        let mut damaged = if is_current { Vec::new() } else { read_listed_directories(repository, catalog)? };
        let index = load::load(repository, catalog, group, stored, &mut damaged)?;
        Ok(LoadedIndex { index, damaged })
    })
}

/// Lists the directories, and reads those that are new.
fn read_listed_directories(
    repository: &Repository,
    catalog: &mut Catalog,
) -> RepoResult<Vec<(String, RepoError)>> {
    let listed = repository.environment().runtime.block_on(repository.store().list(PACKS_PREFIX))?;
    read_new_directories(repository, catalog, &listed.iter().collect::<Vec<_>>(), None)
}

/// Fetches the directories among `listed` that the catalogue does not have, and takes out of it what is not listed. Of
/// `manifests`, if they are given, small packs may be fetched instead of their directories.
fn read_new_directories(
    repository: &Repository,
    catalog: &mut Catalog,
    listed: &[&ObjectInfo],
    manifests: Option<&[&ObjectInfo]>,
) -> RepoResult<Vec<(String, RepoError)>> {
    let known = catalog.known_packs()?;
    let mut present = Vec::new();
    for object in listed {
        if let Ok(name) = parse_directory_key(&object.key) {
            present.push((name, *object));
        }
    }
    present.sort_unstable_by_key(|(name, _)| *name);
    let is_present = |name: &PackName| present.binary_search_by_key(name, |(name, _)| *name).is_ok();
    let vanished: Vec<PackName> = known.iter().copied().filter(|name| !is_present(name)).collect();
    catalog.remove_packs(&vanished)?;
    present.retain(|(name, _)| known.binary_search(name).is_err());
    let mut missing: Vec<&ObjectInfo> = present.into_iter().map(|(_, object)| object).collect();
    let (mut directories, mut chunks) = (Vec::new(), 0);
    if let Some(manifests) = manifests {
        missing = small_manifests::read(repository, missing, manifests, &mut directories)?;
    }
    let damaged = compaction::fetch(repository, missing, DIRECTORY_OBJECT_BYTES_MAX, |object, bytes| {
        let opened = parse_directory_key(&object.key)
            .and_then(|name| PackDirectory::open(repository.keys(), name, bytes));
        let directory = match opened {
            Ok(directory) => directory,
            Err(error) => return Ok(Err(error)),
        };
        chunks += directory.chunks.len();
        directories.push(directory);
        if chunks >= ADD_BATCH_CHUNKS || directories.len() >= ADD_BATCH {
            catalog.add_directories(&directories)?;
            directories.clear();
            chunks = 0;
        }
        Ok(Ok(()))
    })?;
    catalog.add_directories(&directories)?;
    Ok(damaged)
}

impl ChunkIndex {
    /// Notes a chunk that is on its way into a pack; says whether it was new.
    pub fn insert_pending(&mut self, id: ChunkId) -> bool {
        if self.contains(&id) {
            return false;
        }
        self.memory.insert(id);
        true
    }

    /// Says whether a chunk is in a pack or on its way.
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

    /// Returns all places where a chunk is; looks through all that is in memory, so it is for when the first place fails.
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

    /// Returns the pack of a block, and the block's place and form.
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

    /// Returns the number of chunk rows, duplicates in several packs counted each.
    pub fn chunk_rows(&self) -> usize {
        self.disk.as_ref().map_or(0, |disk| disk.chunk_rows()) + self.memory.chunk_rows()
    }

    /// Says whether most of the index is on disk.
    pub fn is_on_disk(&self) -> bool {
        self.disk.is_some()
    }
}

impl PackRow {
    /// Returns the key of the pack object.
    pub fn object_key(&self) -> String {
        pack_key(self.kind, self.group, self.name)
    }
}

impl BlockNumber {
    pub(crate) fn new(pack: u32, ordinal: u32) -> Self {
        Self(u64::from(pack) << 32 | u64::from(ordinal))
    }

    pub(crate) fn pack(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn ordinal(self) -> u32 {
        self.0 as u32
    }

    /// Returns the block so many blocks before this one in the same pack, if there is one.
    pub(crate) fn back(self, blocks: u32) -> Option<Self> {
        Some(Self::new(self.pack(), self.ordinal().checked_sub(blocks)?))
    }
}

impl IndexedPack {
    fn new(repository: &Repository, directory: PackDirectory) -> RepoResult<Self> {
        let key = directory.object_key(repository.keys())?;
        let (name, kind, group) = (directory.pack, directory.kind, directory.group);
        Ok(Self { name, kind, group, directory, key })
    }

    /// Returns the key of the pack object.
    pub fn object_key(&self) -> String {
        pack_key(self.kind, self.group, self.name)
    }

    pub(crate) fn seal_key(&self) -> &ObjectKey {
        &self.key
    }

    /// Returns the number of blocks.
    pub fn block_count(&self) -> usize {
        self.directory.blocks.len()
    }

    fn block(&self, number: BlockNumber) -> &BlockInfo {
        &self.directory.blocks[number.ordinal() as usize]
    }

    /// Returns where the chunk at a position of the directory is; `length` says how long the chunk at a position is.
    fn location_of(
        &self,
        pack: u32,
        position: usize,
        length: impl Fn(usize) -> u32,
    ) -> Option<ChunkLocation> {
        let blocks = &self.directory.blocks;
        let ordinal =
            blocks.partition_point(|block| block.first_chunk as usize <= position).checked_sub(1)?;
        let block = &blocks[ordinal];
        let offset = (block.first_chunk as usize..position).map(&length).sum();
        let number = BlockNumber::new(pack, ordinal as u32);
        Some(ChunkLocation {
            block: number,
            block_bytes: block.plain_bytes,
            offset,
            length: length(position),
        })
    }
}

#[cfg(test)]
mod tests;
