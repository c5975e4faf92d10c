//! The form of a pack directory in the catalogue: tables of fixed width, used in place without parsing.
//!
//! Depends on the version of the schema, not on that of the format: salt (32 bytes), format version, key
//! epoch, whether a hash of the pack follows (0 or 1), number of chunks, number of blocks (u32 each), hash of
//! the pack (32 bytes, zero if there is none), ids of all chunks, lengths of all chunks (u32 each), blocks
//! (28 bytes each). Little-endian.

use icecore_format::{
    compression::Codec,
    directory::{BlockInfo, ChunkInfo, PackChecksum, PackDirectory},
    ids::{ChunkId, GroupId, PackName},
    keys::KeyEpoch,
    seal::{ObjectKind, SALT_BYTES, Salt},
};

const HASH_BYTES: usize = 32;
const BLOCK_BYTES: usize = 28;

/// Encodes the parts that are not in the columns of the row into `out`, replacing its content.
///
/// # Panics
/// When the directory has more items than the format allows.
pub fn encode(directory: &PackDirectory, out: &mut Vec<u8>) {
    out.clear();
    let chunks = count(directory.chunks.len());
    let blocks = count(directory.blocks.len());
    out.reserve(
        SALT_BYTES
            + HASH_BYTES
            + 20
            + directory.chunks.len() * (ChunkId::BYTES + 4)
            + directory.blocks.len() * BLOCK_BYTES,
    );
    out.extend_from_slice(&directory.salt);
    let has_hash = u32::from(directory.checksum.is_some());
    for number in [directory.version.into(), directory.epoch, has_hash, chunks, blocks] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&directory.checksum.map_or([0; HASH_BYTES], |checksum| checksum.hash));
    for chunk in &directory.chunks {
        out.extend_from_slice(&chunk.id.0);
    }
    for chunk in &directory.chunks {
        out.extend_from_slice(&chunk.length.to_le_bytes());
    }
    for block in &directory.blocks {
        out.extend_from_slice(&block.offset.to_le_bytes());
        for number in
            [block.stored_bytes, block.codec as u32, block.plain_bytes, block.first_chunk, block.chunks]
        {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn count(items: usize) -> u32 {
    let Ok(count) = u32::try_from(items) else {
        panic!("a pack directory has {items} items; the format allows far fewer");
    };
    count
}

/// The parts of a directory that are in columns of the row.
#[derive(Clone, Copy, Debug)]
pub struct RowColumns {
    /// Name of the pack.
    pub pack: PackName,
    /// Data or manifest.
    pub kind: ObjectKind,
    /// Group that the pack belongs to.
    pub group: GroupId,
    /// Length of the pack object in bytes, if the directory contains length and hash of its pack.
    pub pack_bytes: Option<u64>,
}

/// A pack directory in the form of the catalogue, verified against its checksum.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryRow<'a> {
    columns: RowColumns,
    version: u16,
    epoch: KeyEpoch,
    salt: &'a Salt,
    hash: Option<&'a [u8; HASH_BYTES]>,
    chunk_ids: &'a [[u8; ChunkId::BYTES]],
    chunk_lengths: &'a [[u8; 4]],
    blocks: &'a [[u8; BLOCK_BYTES]],
}

impl<'a> DirectoryRow<'a> {
    /// Finds the tables of an encoded directory; returns nothing if it does not have the form of [`encode`].
    pub fn parse(columns: RowColumns, encoded: &'a [u8]) -> Option<Self> {
        let (salt, rest) = encoded.split_first_chunk::<SALT_BYTES>()?;
        let (version, rest) = split_u32(rest)?;
        let version = u16::try_from(version).ok()?;
        let (epoch, rest) = split_u32(rest)?;
        let (has_hash, rest) = split_u32(rest)?;
        let (chunks, rest) = split_u32(rest)?;
        let (blocks, rest) = split_u32(rest)?;
        let (hash, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let (chunk_ids, rest) = rest.split_at_checked((chunks as usize).checked_mul(ChunkId::BYTES)?)?;
        let (chunk_lengths, rest) = rest.split_at_checked((chunks as usize).checked_mul(4)?)?;
        let (blocks_found, remainder) = rest.as_chunks::<BLOCK_BYTES>();
        let complete = blocks_found.len() == blocks as usize && remainder.is_empty();
        if !complete || has_hash > 1 || (has_hash == 1) != columns.pack_bytes.is_some() {
            return None;
        }
        let row = Self {
            columns,
            version,
            epoch,
            salt,
            hash: (has_hash == 1).then_some(hash),
            chunk_ids: chunk_ids.as_chunks().0,
            chunk_lengths: chunk_lengths.as_chunks().0,
            blocks: blocks_found,
        };
        row.blocks_fit().then_some(row)
    }

    /// Checks the properties that [`Self::blocks`] and the users of its indexes rely on.
    fn blocks_fit(&self) -> bool {
        let mut next_chunk = 0;
        self.blocks.iter().all(|encoded| {
            let Some(block) = decode_block(encoded) else { return false };
            let contiguous = block.first_chunk == next_chunk;
            next_chunk = next_chunk.saturating_add(block.chunks);
            contiguous
        }) && next_chunk as usize == self.chunk_ids.len()
    }

    /// Returns the name of the pack.
    pub fn pack(&self) -> PackName {
        self.columns.pack
    }

    /// Returns the kind of the pack: data or manifest.
    pub fn kind(&self) -> ObjectKind {
        self.columns.kind
    }

    /// Returns the group that the pack belongs to.
    pub fn group(&self) -> GroupId {
        self.columns.group
    }

    /// Returns the version of the format that sealed the pack.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Returns the key epoch under which the pack is sealed.
    pub fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// Returns the salt of the pack.
    pub fn salt(&self) -> &'a Salt {
        self.salt
    }

    /// Returns length and hash of the pack, if the directory contains them.
    pub fn checksum(&self) -> Option<PackChecksum> {
        let (bytes, hash) = (self.columns.pack_bytes?, *self.hash?);
        Some(PackChecksum { bytes, hash })
    }

    /// Returns the number of chunks.
    pub fn chunk_count(&self) -> usize {
        self.chunk_ids.len()
    }

    /// Returns the ids of the chunks, in the order of the blocks.
    pub fn chunk_ids(&self) -> std::slice::Iter<'a, [u8; ChunkId::BYTES]> {
        self.chunk_ids.iter()
    }

    /// Returns the lengths of the chunks in bytes, in the order of the blocks.
    pub fn chunk_lengths(&self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'a> {
        self.chunk_lengths.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Returns the number of blocks.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the blocks in the order of the pack; they cover the chunks without gaps.
    pub fn blocks(&self) -> impl Iterator<Item = BlockInfo> + Clone + use<'a> {
        self.blocks.iter().filter_map(decode_block)
    }

    /// Copies the row into a pack directory.
    pub fn to_directory(&self) -> PackDirectory {
        let chunks = self.chunk_ids().zip(self.chunk_lengths());
        PackDirectory {
            version: self.version,
            pack: self.columns.pack,
            kind: self.columns.kind,
            group: self.columns.group,
            epoch: self.epoch,
            salt: *self.salt,
            checksum: self.checksum(),
            blocks: self.blocks().collect(),
            chunks: chunks.map(|(id, length)| ChunkInfo { id: ChunkId(*id), length }).collect(),
        }
    }
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn decode_block(encoded: &[u8; BLOCK_BYTES]) -> Option<BlockInfo> {
    let (offset, rest) = encoded.split_first_chunk::<8>()?;
    let (stored_bytes, rest) = split_u32(rest)?;
    let (codec, rest) = split_u32(rest)?;
    let (plain_bytes, rest) = split_u32(rest)?;
    let (first_chunk, rest) = split_u32(rest)?;
    let (chunks, _) = split_u32(rest)?;
    let codec = Codec::from_number(u8::try_from(codec).ok()?).ok()?;
    let offset = u64::from_le_bytes(*offset);
    Some(BlockInfo { offset, stored_bytes, codec, plain_bytes, first_chunk, chunks })
}

#[cfg(test)]
mod tests;
