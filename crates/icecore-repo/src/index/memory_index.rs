//! The part of the chunk index that is in memory.

use std::sync::Arc;

use hashbrown::HashTable;
use icecore_format::{
    directory::{ChunkInfo, PackDirectory},
    ids::ChunkId,
};

use crate::{
    error::RepoResult,
    index::{BlockNumber, ChunkLocation, IndexedPack, hash_of},
    repository::Repository,
};

/// Adds to a list that grows by an eighth instead of doubling: the lists are most of the memory of an index.
pub(super) fn push_sparingly<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 1024);
    }
    list.push(item);
}

/// Table of the chunks of some packs, and of chunks that are on their way into packs.
///
/// A chunk takes its id (24 bytes), its length (4) and a slot in the hash table (6 to 12): at most 40 bytes;
/// a block takes 32 bytes. The block of a chunk is found by a binary search, which only readers need.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    packs: Vec<MemoryPack>,
    pub(super) ids: Vec<ChunkId>,
    pub(super) lengths: Vec<u32>,
    pub(super) table: HashTable<u32>,
}

#[derive(Debug)]
struct MemoryPack {
    pack: Arc<IndexedPack>,
    first_chunk: u32,
}

impl MemoryIndex {
    /// Adds all chunks of a pack, given beside its directory; chunks that are already in the index keep their
    /// location.
    pub fn add_pack(
        &mut self,
        repository: &Repository,
        directory: PackDirectory,
        chunks: impl Iterator<Item = (ChunkId, u32)>,
    ) -> RepoResult<()> {
        assert!(self.ids.len() == self.lengths.len(), "packs come before chunks that are on their way");
        let first_chunk = self.ids.len() as u32;
        let pack = Arc::new(IndexedPack::new(repository, directory)?);
        for (id, length) in chunks {
            push_sparingly(&mut self.lengths, length);
            self.insert(id);
        }
        self.packs.push(MemoryPack { pack, first_chunk });
        Ok(())
    }

    /// Does the same, but chunks that are already in the index get their location in this pack: the other one
    /// may have been removed.
    pub fn add_later_pack(
        &mut self,
        repository: &Repository,
        mut directory: PackDirectory,
    ) -> RepoResult<()> {
        let chunks = std::mem::take(&mut directory.chunks);
        let first = self.ids.len();
        self.add_pack(repository, directory, chunks.iter().map(|chunk| (chunk.id, chunk.length)))?;
        for (number, chunk) in (first..).zip(&chunks) {
            if let Some(position) =
                self.table.find_mut(hash_of(&chunk.id), |other| self.ids[*other as usize] == chunk.id)
            {
                *position = number as u32;
            }
        }
        Ok(())
    }

    /// Frees memory that the lists do not need while nothing is added.
    pub fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        self.lengths.shrink_to_fit();
    }

    /// Adds an id to the table; an id that is already in it keeps its position.
    pub fn insert(&mut self, id: ChunkId) {
        let number = self.ids.len() as u32;
        push_sparingly(&mut self.ids, id);
        let Self { table, ids, .. } = self;
        if table.find(hash_of(&id), |other| ids[*other as usize] == id).is_none() {
            table.insert_unique(hash_of(&id), number, |other| hash_of(&ids[*other as usize]));
        }
    }

    pub fn contains(&self, id: &ChunkId) -> bool {
        self.find(id).is_some()
    }

    fn find(&self, id: &ChunkId) -> Option<usize> {
        self.table.find(hash_of(id), |other| self.ids[*other as usize] == *id).map(|number| *number as usize)
    }

    pub fn locate(&self, id: &ChunkId) -> Option<ChunkLocation> {
        self.location_of(self.find(id)?)
    }

    /// Returns all locations of a chunk; searches the whole table.
    pub fn copies(&self, id: &ChunkId) -> impl Iterator<Item = ChunkLocation> {
        let numbers = self.ids.iter().enumerate().filter(move |(_, other)| *other == id);
        numbers.filter_map(|(number, _)| self.location_of(number))
    }

    /// Returns the location of a chunk; packs are numbered from 0 here.
    fn location_of(&self, number: usize) -> Option<ChunkLocation> {
        // Chunks on their way come after all chunks in packs, and have no length here.
        self.lengths.get(number)?;
        let pack = self.packs.partition_point(|pack| pack.first_chunk as usize <= number).checked_sub(1)?;
        let MemoryPack { pack: indexed, first_chunk } = &self.packs[pack];
        let lengths = &self.lengths[*first_chunk as usize..];
        indexed.location_of(pack as u32, number - *first_chunk as usize, |position| lengths[position])
    }

    pub fn pack(&self, number: u32) -> &Arc<IndexedPack> {
        &self.packs[number as usize].pack
    }

    /// Returns ids and lengths of the chunks of a block.
    pub fn block_chunks(&self, block: BlockNumber) -> Vec<ChunkInfo> {
        let MemoryPack { pack, first_chunk } = &self.packs[block.pack() as usize];
        let info = pack.block(block);
        let first = (first_chunk + info.first_chunk) as usize;
        let range = first..first + info.chunks as usize;
        let chunks = self.ids[range.clone()].iter().zip(&self.lengths[range]);
        chunks.map(|(id, length)| ChunkInfo { id: *id, length: *length }).collect()
    }

    pub fn packs(&self) -> impl ExactSizeIterator<Item = &Arc<IndexedPack>> {
        self.packs.iter().map(|pack| &pack.pack)
    }

    /// Returns the number of chunk rows; duplicates in several packs all count.
    pub fn chunk_rows(&self) -> usize {
        self.ids.len()
    }
}
