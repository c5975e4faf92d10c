//! The chunk index: which chunk lies in which block of which pack, in memory.

use hashbrown::HashTable;
use icecore_catalog::{Catalog, DirectoryRow};
use icecore_format::{
    directory::{BlockInfo, PackDirectory},
    ids::{ChunkId, GroupId, PackName},
    layout::{PACKS_PREFIX, directory_key, pack_key, parse_directory_key},
    limits::DIRECTORY_OBJECT_BYTES_MAX,
    seal::{ObjectKey, ObjectKind},
};

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
    stored_packs::StoredPacks,
};

/// Pack directories fetched at a time when the catalogue is behind.
const FETCH_CONCURRENCY: usize = 16;
/// Pack directories fetched before they are handed to the catalogue, …
const FETCH_BATCH: usize = 256;
/// … or their bytes: a pack of tiny files has a directory of many MiB.
const FETCH_BATCH_BYTES: u64 = 64 << 20;
/// Chunks of opened directories that wait for the catalogue: a short directory can unfold to many.
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
    /// Directory without the chunk ids, which the index holds itself.
    directory: PackDirectory,
    key: ObjectKey,
}

/// Number of a block in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockNumber(pub u32);

/// Where a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLocation {
    /// Block that holds the chunk.
    pub block: BlockNumber,
    /// Offset of the chunk in the block's plaintext, in bytes.
    pub offset: u32,
    /// Length of the chunk in bytes.
    pub length: u32,
}

#[derive(Clone, Copy, Debug)]
struct BlockRow {
    pack: u32,
    ordinal: u32,
    first_chunk: u32,
}

/// Adds to a list that grows by an eighth and not to the double: the lists of an index are most of its memory.
fn push_sparingly<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 1024);
    }
    list.push(item);
}

/// In-memory table of all chunks that may be referred to or read.
///
/// A chunk takes its id (24 bytes), its length (4) and a place in the hash table (6 to 12): at most 40 bytes. Its block
/// is found by a binary search, which only readers need.
#[derive(Debug, Default)]
pub struct ChunkIndex {
    packs: Vec<IndexedPack>,
    blocks: Vec<BlockRow>,
    ids: Vec<ChunkId>,
    lengths: Vec<u32>,
    table: HashTable<u32>,
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
        let mut damaged = read_new_directories(repository, catalog)?;
        let index = ChunkIndex::load(repository, catalog, group, None, &mut damaged)?;
        Ok(LoadedIndex { index, damaged })
    })
}

/// Does the same as [`load_index`] for somebody who is going to refer to what is in the index: packs that are not there,
/// or have another length than their directory says, do not get into it.
///
/// `adopt` is given the packs that the store lists and the names (sorted) of those that have a directory, and may write
/// directories for others, which it returns.
pub(crate) fn load_index_for_writing(
    repository: &Repository,
    catalog: &mut Catalog,
    group: Option<GroupId>,
    mut adopt: impl FnMut(&StoredPacks, &[PackName]) -> RepoResult<Vec<PackDirectory>>,
) -> RepoResult<LoadedIndex> {
    recovering(catalog, |catalog| {
        let mut damaged = read_new_directories(repository, catalog)?;
        // Listed after the directories: a pack is there before its directory is.
        let stored = StoredPacks::list(repository)?;
        let mut listed = catalog.known_packs()?;
        listed.extend(damaged.iter().filter_map(|(key, _)| parse_directory_key(key).ok()));
        listed.sort_unstable();
        catalog.add_directories(&adopt(&stored, &listed)?)?;
        let index = ChunkIndex::load(repository, catalog, group, Some(&stored), &mut damaged)?;
        Ok(LoadedIndex { index, damaged })
    })
}

/// Does something with the catalogue; when it turns out to be damaged or cannot be written, starts it over and does it
/// again: the catalogue is a cache, and nothing may fail because of it.
pub(crate) fn recovering<T>(
    catalog: &mut Catalog,
    mut action: impl FnMut(&mut Catalog) -> RepoResult<T>,
) -> RepoResult<T> {
    match action(catalog) {
        Err(RepoError::Catalog(error)) => {
            tracing::warn!(%error, "the catalogue fails, it is read anew from the repository");
            if !error.is_corruption() || catalog.start_over().is_err() {
                *catalog = Catalog::in_memory(catalog.repository())?;
            }
            action(catalog)
        }
        other => other,
    }
}

fn read_new_directories(
    repository: &Repository,
    catalog: &mut Catalog,
) -> RepoResult<Vec<(String, RepoError)>> {
    let environment = repository.environment();
    let known = catalog.known_packs()?;
    let mut present = Vec::new();
    for object in environment.runtime.block_on(repository.store().list(PACKS_PREFIX))? {
        if let Ok(name) = parse_directory_key(&object.key) {
            present.push((name, object.size));
        }
    }
    present.sort_unstable();
    let is_present = |name: &PackName| present.binary_search_by_key(name, |(name, _)| *name).is_ok();
    let vanished: Vec<PackName> = known.iter().copied().filter(|name| !is_present(name)).collect();
    catalog.remove_packs(&vanished)?;
    let missing: Vec<(PackName, u64)> =
        present.into_iter().filter(|(name, _)| known.binary_search(name).is_err()).collect();
    let mut damaged = Vec::new();
    let mut rest = missing.as_slice();
    while !rest.is_empty() {
        environment.proceed()?;
        let (batch, remaining) = rest.split_at(batch_length(rest));
        rest = remaining;
        let keys: Vec<String> = batch.iter().map(|(name, _)| directory_key(*name)).collect();
        let (mut directories, mut chunks) = (Vec::with_capacity(batch.len()), 0);
        for (((name, _), key), fetched) in batch.iter().zip(&keys).zip(repository.get_many(
            &keys,
            DIRECTORY_OBJECT_BYTES_MAX,
            FETCH_CONCURRENCY,
        )) {
            let bytes = match fetched {
                Ok(bytes) => bytes,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            match PackDirectory::open(repository.keys(), *name, &bytes) {
                Ok(directory) => {
                    chunks += directory.chunks.len();
                    directories.push(directory);
                }
                Err(source) => damaged.push((key.clone(), RepoError::Object { key: key.clone(), source })),
            }
            if chunks >= ADD_BATCH_CHUNKS {
                catalog.add_directories(&directories)?;
                directories.clear();
                chunks = 0;
            }
        }
        catalog.add_directories(&directories)?;
    }
    Ok(damaged)
}

/// Returns how many of the directories, given with their sizes in bytes, are fetched together; at least one.
fn batch_length(directories: &[(PackName, u64)]) -> usize {
    let mut bytes = 0u64;
    let fits = directories.iter().take(FETCH_BATCH).take_while(|(_, size)| {
        bytes = bytes.saturating_add(*size);
        bytes <= FETCH_BATCH_BYTES
    });
    fits.count().max(1)
}

impl ChunkIndex {
    /// Loads the index from the catalogue; rows that were damaged are fetched from the store again. Packs that are not
    /// among `stored`, if it is given, are left out.
    fn load(
        repository: &Repository,
        catalog: &mut Catalog,
        group: Option<GroupId>,
        stored: Option<&StoredPacks>,
        damaged: &mut Vec<(String, RepoError)>,
    ) -> RepoResult<Self> {
        let wanted = |found: GroupId| group.is_none_or(|group| group == found);
        let is_there = |name, kind, group, bytes| {
            let is_there = stored.is_none_or(|stored| stored.has(name, kind, group, bytes));
            if !is_there {
                let key = pack_key(kind, group, name);
                tracing::warn!(
                    key,
                    "a pack is missing or has a wrong length, what it held is uploaded again where needed"
                );
            }
            is_there
        };
        let mut index = Self::default();
        let mut failed = None;
        let report = catalog.for_each_directory(|row| {
            if failed.is_none()
                && wanted(row.group())
                && is_there(
                    row.pack(),
                    row.kind(),
                    row.group(),
                    row.checksum().map(|checksum| checksum.bytes),
                )
            {
                failed = index.add_row(repository, &row).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        if !report.missing.is_empty() {
            // All that is damaged in the store, what was found before included.
            *damaged = read_new_directories(repository, catalog)?;
            for pack in report.missing {
                let directory = catalog.directory(pack)?.filter(|directory| {
                    let bytes = directory.checksum.map(|checksum| checksum.bytes);
                    wanted(directory.group) && is_there(pack, directory.kind, directory.group, bytes)
                });
                if let Some(directory) = directory {
                    index.add_directory(repository, directory)?;
                }
            }
        }
        index.shrink();
        Ok(index)
    }

    fn add_row(&mut self, repository: &Repository, row: &DirectoryRow<'_>) -> RepoResult<()> {
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
        self.add_pack(repository, directory, row.chunk_ids().copied().map(ChunkId).zip(row.chunk_lengths()))
    }

    fn add_directory(&mut self, repository: &Repository, mut directory: PackDirectory) -> RepoResult<()> {
        let chunks = std::mem::take(&mut directory.chunks);
        self.add_pack(repository, directory, chunks.iter().map(|chunk| (chunk.id, chunk.length)))
    }

    /// Adds all chunks of a pack; chunks that are there already keep their place.
    fn add_pack(
        &mut self,
        repository: &Repository,
        directory: PackDirectory,
        mut chunks: impl Iterator<Item = (ChunkId, u32)>,
    ) -> RepoResult<()> {
        assert!(self.ids.len() == self.lengths.len(), "packs come before chunks that are on their way");
        let key = directory.object_key(repository.keys())?;
        let pack = self.packs.len() as u32;
        for (ordinal, block) in directory.blocks.iter().enumerate() {
            self.blocks.push(BlockRow { pack, ordinal: ordinal as u32, first_chunk: self.ids.len() as u32 });
            for (id, length) in chunks.by_ref().take(block.chunks as usize) {
                push_sparingly(&mut self.lengths, length);
                self.insert(id);
            }
        }
        let (name, kind, group) = (directory.pack, directory.kind, directory.group);
        self.packs.push(IndexedPack { name, kind, group, directory, key });
        Ok(())
    }

    /// Gives back memory that the lists do not need as long as nothing is added.
    fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        self.lengths.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }

    /// Adds an id to the table; one that is there already keeps its place.
    fn insert(&mut self, id: ChunkId) {
        let number = self.ids.len() as u32;
        push_sparingly(&mut self.ids, id);
        let Self { table, ids, .. } = self;
        if table.find(hash_of(&id), |other| ids[*other as usize] == id).is_none() {
            table.insert_unique(hash_of(&id), number, |other| hash_of(&ids[*other as usize]));
        }
    }

    /// Notes a chunk that is on its way into a pack; says whether it was new.
    pub fn insert_pending(&mut self, id: ChunkId) -> bool {
        if self.contains(&id) {
            return false;
        }
        self.insert(id);
        true
    }

    /// Says whether a chunk is in a pack or on its way.
    pub fn contains(&self, id: &ChunkId) -> bool {
        self.find(id).is_some()
    }

    fn find(&self, id: &ChunkId) -> Option<usize> {
        self.table.find(hash_of(id), |other| self.ids[*other as usize] == *id).map(|number| *number as usize)
    }

    /// Returns where a chunk is; none if it is in no pack.
    pub fn locate(&self, id: &ChunkId) -> Option<ChunkLocation> {
        self.location_of(self.find(id)?)
    }

    /// Returns all places where a chunk is; looks through the whole table, so it is for when the first place fails.
    pub fn copies(&self, id: &ChunkId) -> Vec<ChunkLocation> {
        let numbers = self.ids.iter().enumerate().filter(|(_, other)| *other == id);
        numbers.filter_map(|(number, _)| self.location_of(number)).collect()
    }

    fn location_of(&self, number: usize) -> Option<ChunkLocation> {
        // Chunks on their way come after all that are in packs, and have no length here.
        let length = *self.lengths.get(number)?;
        let block =
            self.blocks.partition_point(|block| block.first_chunk as usize <= number).checked_sub(1)?;
        let first = self.blocks[block].first_chunk as usize;
        let offset = self.lengths[first..number].iter().sum();
        Some(ChunkLocation { block: BlockNumber(block as u32), offset, length })
    }

    /// Returns the pack of a block, the block's ordinal in it, and its place and form.
    pub fn block(&self, block: BlockNumber) -> (&IndexedPack, usize, &BlockInfo) {
        let row = self.blocks[block.0 as usize];
        let pack = &self.packs[row.pack as usize];
        (pack, row.ordinal as usize, &pack.directory.blocks[row.ordinal as usize])
    }

    /// Returns the number of the pack that holds a block.
    pub(crate) fn pack_number(&self, block: BlockNumber) -> u32 {
        self.blocks[block.0 as usize].pack
    }

    /// Returns ids and lengths of the chunks of a block.
    pub(crate) fn block_chunks(&self, block: BlockNumber) -> impl Iterator<Item = (&ChunkId, u32)> {
        let row = self.blocks[block.0 as usize];
        let first = row.first_chunk as usize;
        let count = self.packs[row.pack as usize].directory.blocks[row.ordinal as usize].chunks as usize;
        self.ids[first..first + count].iter().zip(self.lengths[first..first + count].iter().copied())
    }

    /// Returns all packs.
    pub fn packs(&self) -> &[IndexedPack] {
        &self.packs
    }

    /// Returns the number of chunk rows, duplicates in several packs counted each.
    pub fn chunk_rows(&self) -> usize {
        self.ids.len()
    }
}

impl IndexedPack {
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
}

#[cfg(test)]
mod tests;
