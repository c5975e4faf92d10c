//! Packs: many sealed blocks in one object, without any plaintext length, id or offset.

mod filler;

pub use self::filler::{Naming, PackFiller, require_all};
use crate::{
    compression::{Codec, Decompressor},
    directory::{BlockInfo, ChunkInfo, PackChecksum, PackDirectory},
    error::{FormatError, FormatResult},
    ids::{GroupId, PackName},
    keys::Keys,
    limits::{FORMAT_VERSION, PACK_BYTES_MAX, PACK_CHUNKS_MAX},
    seal::{
        ORDINAL_DIRECTORY, ObjectKey, ObjectKind, SEAL_HEADER_BYTES, Salt, TAG_BYTES, frame, padme, unframe,
    },
};

/// Bytes after the directory copy: its sealed length (u32) and the end mark.
const TRAILER_BYTES: usize = 12;
const END_MARK: [u8; 8] = *b"ICECPEND";
/// Packs of this size or larger are padded to multiples of [`PADDING_STEP_BYTES`], smaller ones by PADMÉ.
const PADDING_STEP_FROM_BYTES: u64 = 16 << 20;
const PADDING_STEP_BYTES: u64 = 256 << 10;

/// A block in the pack's buffer: plain (compressed) bytes that will be sealed in place.
#[derive(Debug)]
pub struct UnsealedBlock<'a> {
    key: &'a ObjectKey,
    ordinal: u64,
    part: &'a mut [u8],
}

impl UnsealedBlock<'_> {
    /// Seals the block in place.
    pub fn seal(self) -> FormatResult<()> {
        self.key.seal(self.ordinal, self.part)
    }
}

/// A finished pack: the bytes of the object, and its directory.
#[derive(Clone, Debug)]
pub struct FinishedPack {
    /// Bytes of the pack object.
    pub bytes: Vec<u8>,
    /// Directory with the pack's length and hash.
    pub directory: PackDirectory,
}

/// Assembles one pack: compressed blocks are pushed, then all of them are sealed (in parallel, if the caller
/// wants), then the pack is finished.
#[derive(Debug)]
pub struct PackBuilder {
    key: ObjectKey,
    directory: PackDirectory,
    buffer: Vec<u8>,
    sealed: bool,
}

impl PackBuilder {
    /// Begins a pack in `buffer`, which is emptied first to reuse its capacity. `salt` must be fresh.
    pub fn new(
        keys: &Keys,
        pack: PackName,
        kind: ObjectKind,
        group: GroupId,
        salt: Salt,
        mut buffer: Vec<u8>,
    ) -> FormatResult<Self> {
        let epoch = keys.newest_epoch();
        let key = ObjectKey::new(keys, kind, epoch, &salt)?;
        buffer.clear();
        buffer.extend_from_slice(key.header());
        let (blocks, chunks) = (Vec::new(), Vec::new());
        let version = FORMAT_VERSION;
        let directory =
            PackDirectory { version, pack, kind, group, epoch, salt, checksum: None, blocks, chunks };
        Ok(Self { key, directory, buffer, sealed: false })
    }

    /// Appends a block: `body` is the plaintext of `chunks`, encoded with `codec`.
    ///
    /// # Panics
    /// When a block is pushed after sealing began, or is empty.
    pub fn push(&mut self, codec: Codec, body: &[u8], plain_bytes: u32, chunks: &[ChunkInfo]) {
        assert!(!self.sealed, "no block is added to a sealed pack");
        assert!(!chunks.is_empty(), "a block has at least one chunk");
        let block = BlockInfo {
            offset: self.buffer.len() as u64,
            stored_bytes: (body.len() + TAG_BYTES) as u32,
            codec,
            plain_bytes,
            first_chunk: self.directory.chunks.len() as u32,
            chunks: chunks.len() as u32,
        };
        self.buffer.extend_from_slice(body);
        self.buffer.resize(self.buffer.len() + TAG_BYTES, 0);
        self.directory.blocks.push(block);
        self.directory.chunks.extend_from_slice(chunks);
    }

    /// Returns the length of all pushed blocks, in bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// Returns the number of chunks in all pushed blocks.
    pub fn chunks(&self) -> usize {
        self.directory.chunks.len()
    }

    /// Returns whether no block has been pushed.
    pub fn is_empty(&self) -> bool {
        self.directory.blocks.is_empty()
    }

    /// Returns whether the pack stays inside the bounds of the format with another block of `plain_bytes` and
    /// `chunks` chunks.
    pub fn has_room(&self, plain_bytes: u64, chunks: usize) -> bool {
        let directory_bytes = (self.directory.chunks.len() + chunks) as u64 * 40;
        self.directory.chunks.len() + chunks <= PACK_CHUNKS_MAX
            && self.stored_bytes() + plain_bytes + directory_bytes + PADDING_STEP_BYTES * 2 <= PACK_BYTES_MAX
    }

    /// Returns the pack's name.
    pub fn pack(&self) -> PackName {
        self.directory.pack
    }

    /// Returns all blocks for sealing; each must be sealed exactly once before [`Self::finish`].
    ///
    /// # Panics
    /// When it is called twice: a block must never be sealed twice under the same nonce.
    pub fn blocks_to_seal(&mut self) -> Vec<UnsealedBlock<'_>> {
        assert!(!self.sealed, "blocks are sealed once");
        self.sealed = true;
        let mut rest = &mut self.buffer[SEAL_HEADER_BYTES..];
        let mut blocks = Vec::with_capacity(self.directory.blocks.len());
        for (ordinal, block) in self.directory.blocks.iter().enumerate() {
            let (part, remaining) = rest.split_at_mut(block.stored_bytes as usize);
            rest = remaining;
            blocks.push(UnsealedBlock { key: &self.key, ordinal: ordinal as u64, part });
        }
        blocks
    }

    /// Adds padding, the sealed copy of the directory and the end mark.
    ///
    /// # Panics
    /// When the blocks have not been sealed.
    pub fn finish(mut self) -> FormatResult<FinishedPack> {
        assert!(self.sealed, "blocks are sealed before the pack is finished");
        let mut copy = frame(&self.directory.encode()?)?;
        self.key.seal(ORDINAL_DIRECTORY, &mut copy)?;
        let content = self.buffer.len() + copy.len() + TRAILER_BYTES;
        let padding = (padded_length(content as u64) - content as u64) as usize;
        let start = self.buffer.len();
        self.buffer.resize(start + padding, 0);
        self.key.fill_padding(&mut self.buffer[start..]);
        self.buffer.extend_from_slice(&copy);
        self.buffer.extend_from_slice(&(copy.len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(&END_MARK);
        let bytes = self.buffer.len() as u64;
        if bytes > PACK_BYTES_MAX {
            let maximum = PACK_BYTES_MAX;
            return Err(FormatError::OutOfBounds {
                what: "length of a pack",
                found: bytes,
                minimum: 0,
                maximum,
            });
        }
        let hash = *blake3::hash(&self.buffer).as_bytes();
        self.directory.checksum = Some(PackChecksum { bytes, hash });
        Ok(FinishedPack { bytes: self.buffer, directory: self.directory })
    }
}

fn padded_length(length: u64) -> u64 {
    if length < PADDING_STEP_FROM_BYTES { padme(length) } else { length.next_multiple_of(PADDING_STEP_BYTES) }
}

/// Reads the directory copy from the end of a whole pack.
pub fn read_directory_copy(keys: &Keys, kind: ObjectKind, pack: &[u8]) -> FormatResult<PackDirectory> {
    let what = kind.name();
    let key = ObjectKey::read(keys, kind, pack)?;
    let needed = (SEAL_HEADER_BYTES + TRAILER_BYTES) as u64;
    let (Some((rest, trailer)), true) =
        (pack.split_last_chunk::<TRAILER_BYTES>(), pack.len() as u64 >= needed)
    else {
        return Err(FormatError::Truncated { what, found: pack.len() as u64, needed });
    };
    if trailer[4..] != END_MARK {
        return Err(FormatError::BadMagic { what });
    }
    let length = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]) as usize;
    let Some(start) = rest.len().checked_sub(length).filter(|start| *start >= SEAL_HEADER_BYTES) else {
        return Err(FormatError::malformed(what, "its directory copy is longer than the pack"));
    };
    let mut opened = Vec::new();
    key.open(ORDINAL_DIRECTORY, &rest[start..], &mut opened)?;
    let mut directory = PackDirectory::decode(&unframe(kind, &opened)?)?;
    if directory.kind != kind || directory.salt != key.salt() || directory.epoch != key.epoch() {
        return Err(FormatError::malformed(what, "its directory copy belongs to another pack"));
    }
    let end = directory.blocks.last().map_or(0, |block| block.offset + u64::from(block.stored_bytes));
    if end > start as u64 {
        return Err(FormatError::malformed(what, "blocks overlap the directory copy"));
    }
    let hash = *blake3::hash(pack).as_bytes();
    directory.checksum = Some(PackChecksum { bytes: pack.len() as u64, hash });
    Ok(directory)
}

/// Opens blocks: decrypts, decompresses and verifies every chunk; its buffers are reused.
#[derive(Debug)]
pub struct BlockOpener {
    decompressor: Decompressor,
    compressed: Vec<u8>,
}

impl BlockOpener {
    /// Makes an opener; use one for each thread.
    pub fn new() -> FormatResult<Self> {
        Ok(Self { decompressor: Decompressor::new()?, compressed: Vec::new() })
    }

    /// Opens block `ordinal` of a pack into `plain` (replacing its content): authenticates, decompresses, and
    /// verifies the id of each chunk.
    ///
    /// `stored` is exactly the sealed block.
    pub fn open(
        &mut self,
        keys: &Keys,
        key: &ObjectKey,
        directory: &PackDirectory,
        ordinal: usize,
        stored: &[u8],
        plain: &mut Vec<u8>,
    ) -> FormatResult<()> {
        let Some(block) = directory.blocks.get(ordinal) else {
            return Err(FormatError::malformed("pack directory", "it does not have this block"));
        };
        let chunks = directory.block_chunks(block).iter().copied();
        self.open_block(keys, key, ordinal as u64, block, chunks, stored, plain)
    }

    /// Opens a block like [`Self::open`], for callers that keep block tables and chunks elsewhere.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a block lie in different tables of the callers"
    )]
    pub fn open_block(
        &mut self,
        keys: &Keys,
        key: &ObjectKey,
        ordinal: u64,
        block: &BlockInfo,
        chunks: impl Iterator<Item = ChunkInfo>,
        stored: &[u8],
        plain: &mut Vec<u8>,
    ) -> FormatResult<()> {
        if stored.len() != block.stored_bytes as usize {
            let (found, needed) = (stored.len() as u64, u64::from(block.stored_bytes));
            return Err(FormatError::Truncated { what: "block", found, needed });
        }
        match block.codec {
            Codec::Raw => key.open(ordinal, stored, plain)?,
            Codec::Zstd => {
                key.open(ordinal, stored, &mut self.compressed)?;
                self.decompressor.decompress(
                    Codec::Zstd,
                    &self.compressed,
                    block.plain_bytes as usize,
                    plain,
                )?;
            }
        }
        verify_chunks(keys, key.kind(), chunks, plain)
    }
}

fn verify_chunks(
    keys: &Keys,
    kind: ObjectKind,
    chunks: impl Iterator<Item = ChunkInfo>,
    plain: &[u8],
) -> FormatResult<()> {
    let mut rest = plain;
    for chunk in chunks {
        let Some((content, remaining)) = rest.split_at_checked(chunk.length as usize) else {
            return Err(FormatError::WrongContent);
        };
        if keys.id_for_kind(kind, content) != chunk.id {
            return Err(FormatError::WrongContent);
        }
        rest = remaining;
    }
    if rest.is_empty() { Ok(()) } else { Err(FormatError::WrongContent) }
}

#[cfg(test)]
mod tests;
