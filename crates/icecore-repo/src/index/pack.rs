//! Packs and blocks as an index numbers them, and the locations of chunks in them.

use icecore_format::{
    directory::{BlockInfo, PackDirectory},
    ids::{GroupId, PackName},
    layout::pack_key,
    seal::{ObjectKey, ObjectKind},
};

use crate::{error::RepoResult, repository::Repository};

/// The part of a pack that is needed to read its blocks.
#[derive(Debug)]
pub struct IndexedPack {
    /// Name.
    pub name: PackName,
    /// Data or manifest.
    pub kind: ObjectKind,
    /// Group.
    pub group: GroupId,
    /// Directory; in the memory index without its chunks, because the index holds them.
    pub(super) directory: PackDirectory,
    key: ObjectKey,
}

/// A pack in the list of an index.
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

    /// Returns the block that is `blocks` blocks before this one in the same pack, if there is one.
    pub(crate) fn back(self, blocks: u32) -> Option<Self> {
        Some(Self::new(self.pack(), self.ordinal().checked_sub(blocks)?))
    }
}

impl IndexedPack {
    pub(super) fn new(repository: &Repository, directory: PackDirectory) -> RepoResult<Self> {
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

    pub(super) fn block(&self, number: BlockNumber) -> &BlockInfo {
        &self.directory.blocks[number.ordinal() as usize]
    }

    /// Returns the location of the chunk at a position of the directory; `length` returns the length of the
    /// chunk at a position.
    pub(super) fn location_of(
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
