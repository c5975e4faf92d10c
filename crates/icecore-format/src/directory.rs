//! The pack directory: the blocks of a pack, and the chunks in each of them.

use std::sync::{Mutex, PoisonError};

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    cbor::{decode_record, encode_record},
    compression::Codec,
    error::{FormatError, FormatResult},
    ids::{ChunkId, GroupId, PackName, RunId},
    keys::{KeyEpoch, Keys},
    limits::{
        BLOCK_BYTES_MAX, CHUNK_BYTES_MAX, FORMAT_VERSION, PACK_BLOCKS_MAX, PACK_BYTES_MAX, PACK_CHUNKS_MAX,
    },
    seal::{
        ObjectKey, ObjectKind, SALT_BYTES, SEAL_HEADER_BYTES, Salt, TAG_BYTES, open_frame, record_bytes,
        seal_object, unframe,
    },
};

const WHAT: &str = "pack directory";
/// Longer directory records are opened one at a time, because a few bytes may expand to 256 MiB, and must not
/// do so on every thread at once. The directories of real packs are shorter. In bytes.
const UNFOLDED_TOGETHER_BYTES_MAX: u32 = 16 << 20;
static LARGE: Mutex<()> = Mutex::new(());

/// Position and form of one block in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Offset of the sealed block from the start of the pack, in bytes.
    pub offset: u64,
    /// Length of the sealed block with its tag, in bytes.
    pub stored_bytes: u32,
    /// How the plaintext is represented.
    pub codec: Codec,
    /// Length of the plaintext in bytes.
    pub plain_bytes: u32,
    /// Index of the block's first chunk in the directory.
    pub first_chunk: u32,
    /// Number of chunks in the block, at least 1.
    pub chunks: u32,
}

/// One chunk of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkInfo {
    /// Id of the chunk.
    pub id: ChunkId,
    /// Length of the content in bytes, at least 1.
    pub length: u32,
}

/// Length and plain BLAKE3 hash of the whole pack object, for checks without keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackChecksum {
    /// Length of the pack object in bytes.
    pub bytes: u64,
    /// Unkeyed BLAKE3 hash of the pack object.
    pub hash: [u8; 32],
}

/// The list of blocks and chunks of one pack, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackDirectory {
    /// Version of the format that sealed the pack.
    pub version: u16,
    /// Name of the pack.
    pub pack: PackName,
    /// Data or manifest.
    pub kind: ObjectKind,
    /// Group that the pack belongs to.
    pub group: GroupId,
    /// Key epoch under which the pack is sealed.
    pub epoch: KeyEpoch,
    /// Salt of the pack, so that one block can be read without the pack's header.
    pub salt: Salt,
    /// Length and hash of the pack; absent in the copy at the end of the pack itself.
    pub checksum: Option<PackChecksum>,
    /// Blocks in the order of the pack.
    pub blocks: Vec<BlockInfo>,
    /// Chunks in the order of the blocks.
    pub chunks: Vec<ChunkInfo>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct DirectoryRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    run: [u8; 16],
    #[n(1)]
    number: u32,
    #[n(2)]
    kind: u8,
    #[cbor(n(3), with = "minicbor::bytes")]
    group: [u8; 16],
    #[n(4)]
    epoch: u32,
    #[cbor(n(5), with = "minicbor::bytes")]
    salt: [u8; SALT_BYTES],
    #[n(6)]
    pack_bytes: Option<u64>,
    #[n(7)]
    pack_hash: Option<ByteVec>,
    /// For each block: stored bytes, codec, plain bytes, number of chunks.
    #[n(8)]
    blocks: Vec<u32>,
    #[n(9)]
    chunk_lengths: Vec<u32>,
    #[n(10)]
    chunk_ids: ByteVec,
    #[n(11)]
    version: u16,
}

impl PackDirectory {
    /// Returns the key under which the pack's blocks are sealed.
    pub fn object_key(&self, keys: &Keys) -> FormatResult<ObjectKey> {
        ObjectKey::of_version(keys, self.version, self.kind, self.epoch, &self.salt)
    }

    /// Returns the chunks of a block.
    pub fn block_chunks(&self, block: &BlockInfo) -> &[ChunkInfo] {
        &self.chunks[block.first_chunk as usize..][..block.chunks as usize]
    }

    /// Encodes the directory as a record.
    pub(crate) fn encode(&self) -> FormatResult<Vec<u8>> {
        let mut ids = Vec::with_capacity(self.chunks.len() * ChunkId::BYTES);
        for chunk in &self.chunks {
            ids.extend_from_slice(&chunk.id.0);
        }
        let mut blocks = Vec::with_capacity(self.blocks.len() * 4);
        for block in &self.blocks {
            blocks.extend_from_slice(&[
                block.stored_bytes,
                block.codec as u32,
                block.plain_bytes,
                block.chunks,
            ]);
        }
        encode_record(&DirectoryRecord {
            run: self.pack.run.0,
            number: self.pack.number,
            kind: self.kind as u8,
            group: self.group.0,
            epoch: self.epoch,
            salt: self.salt,
            pack_bytes: self.checksum.map(|checksum| checksum.bytes),
            pack_hash: self.checksum.map(|checksum| checksum.hash.to_vec().into()),
            blocks,
            chunk_lengths: self.chunks.iter().map(|chunk| chunk.length).collect(),
            chunk_ids: ids.into(),
            version: self.version,
        })
    }

    /// Decodes a directory and checks every rule of the format.
    pub(crate) fn decode(record: &[u8]) -> FormatResult<Self> {
        let record: DirectoryRecord = decode_record(WHAT, record)?;
        let kind = ObjectKind::from_number(record.kind)?;
        if record.version == 0 || record.version > FORMAT_VERSION {
            let (found, supported) = (record.version, FORMAT_VERSION);
            return Err(FormatError::UnsupportedVersion { what: WHAT, found, supported });
        }
        if !matches!(kind, ObjectKind::Data | ObjectKind::Manifest) {
            return Err(FormatError::malformed(WHAT, "it describes an object that is not a pack"));
        }
        let checksum = match (record.pack_bytes, record.pack_hash) {
            (Some(bytes), Some(hash)) => {
                let Ok(hash) = <[u8; 32]>::try_from(hash.as_slice()) else {
                    return Err(FormatError::malformed(WHAT, "the hash of the pack is not 32 bytes"));
                };
                Some(PackChecksum { bytes, hash })
            }
            (None, None) => None,
            _ => {
                return Err(FormatError::malformed(
                    WHAT,
                    "only one of length and hash of the pack is present",
                ));
            }
        };
        let chunks = decode_chunks(&record.chunk_lengths, &record.chunk_ids)?;
        let blocks = decode_blocks(&record.blocks, &chunks)?;
        let end = blocks.last().map_or(0, |block| block.offset + u64::from(block.stored_bytes));
        let limit = checksum.map_or(PACK_BYTES_MAX, |checksum| checksum.bytes.min(PACK_BYTES_MAX));
        if end > limit {
            return Err(FormatError::malformed(WHAT, "blocks reach beyond the end of the pack"));
        }
        Ok(Self {
            version: record.version,
            pack: PackName { run: RunId(record.run), number: record.number },
            kind,
            group: RunId(record.group),
            epoch: record.epoch,
            salt: record.salt,
            checksum,
            blocks,
            chunks,
        })
    }

    /// Seals the directory as a separate object with its own salt.
    pub fn seal(&self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        seal_object(keys, ObjectKind::Directory, salt, &self.encode()?)
    }

    /// Opens the object that was stored as the directory of `pack`.
    pub fn open(keys: &Keys, pack: PackName, object: &[u8]) -> FormatResult<Self> {
        let frame = open_frame(keys, ObjectKind::Directory, object)?;
        let is_large = record_bytes(&frame) > UNFOLDED_TOGETHER_BYTES_MAX;
        let _turn = is_large.then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
        let directory = Self::decode(&unframe(ObjectKind::Directory, &frame)?)?;
        if directory.pack != pack {
            return Err(FormatError::malformed(WHAT, "it is the directory of another pack"));
        }
        if directory.checksum.is_none() {
            return Err(FormatError::malformed(WHAT, "the length and hash of its pack are missing"));
        }
        Ok(directory)
    }
}

fn decode_chunks(lengths: &[u32], ids: &[u8]) -> FormatResult<Vec<ChunkInfo>> {
    if lengths.len() > PACK_CHUNKS_MAX || ids.len() != lengths.len() * ChunkId::BYTES {
        return Err(FormatError::malformed(WHAT, "the numbers of chunk lengths and ids differ"));
    }
    let mut chunks = Vec::with_capacity(lengths.len());
    for (&length, id) in lengths.iter().zip(ids.chunks_exact(ChunkId::BYTES)) {
        if length == 0 || length > CHUNK_BYTES_MAX {
            let (found, maximum) = (length.into(), CHUNK_BYTES_MAX.into());
            return Err(FormatError::OutOfBounds { what: "length of a chunk", found, minimum: 1, maximum });
        }
        chunks.push(ChunkInfo { id: ChunkId::from_slice(id)?, length });
    }
    Ok(chunks)
}

fn decode_blocks(numbers: &[u32], chunks: &[ChunkInfo]) -> FormatResult<Vec<BlockInfo>> {
    if !numbers.len().is_multiple_of(4) || numbers.len() / 4 > PACK_BLOCKS_MAX {
        return Err(FormatError::malformed(WHAT, "it has the wrong number of block fields"));
    }
    let mut blocks = Vec::with_capacity(numbers.len() / 4);
    let mut offset = SEAL_HEADER_BYTES as u64;
    let mut first_chunk = 0usize;
    for fields in numbers.chunks_exact(4) {
        let (stored_bytes, plain_bytes, count) = (fields[0], fields[2], fields[3]);
        let codec = Codec::from_number(u8::try_from(fields[1]).unwrap_or(u8::MAX))?;
        let Some(members) = chunks.get(first_chunk..).and_then(|rest| rest.get(..count as usize)) else {
            return Err(FormatError::malformed(WHAT, "a block has more chunks than the directory"));
        };
        let content: u64 = members.iter().map(|chunk| u64::from(chunk.length)).sum();
        if members.is_empty() || content != u64::from(plain_bytes) || plain_bytes > BLOCK_BYTES_MAX {
            return Err(FormatError::malformed(WHAT, "the lengths of a block and its chunks do not match"));
        }
        let body = u64::from(stored_bytes).checked_sub(TAG_BYTES as u64);
        let fits = match (codec, body) {
            (_, None) => false,
            (Codec::Raw, Some(body)) => body == content,
            (Codec::Zstd, Some(body)) => body < content,
        };
        if !fits {
            return Err(FormatError::malformed(
                WHAT,
                "the stored length of a block does not match its codec",
            ));
        }
        let first = first_chunk as u32;
        blocks.push(BlockInfo {
            offset,
            stored_bytes,
            codec,
            plain_bytes,
            first_chunk: first,
            chunks: count,
        });
        offset += u64::from(stored_bytes);
        first_chunk += count as usize;
    }
    if first_chunk != chunks.len() {
        return Err(FormatError::malformed(WHAT, "some chunks do not belong to any block"));
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests;
