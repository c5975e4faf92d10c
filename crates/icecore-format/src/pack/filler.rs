//! Makes new packs of the intact chunks of others. Pure, for a pool.

use super::{BlockOpener, FinishedPack, PackBuilder, read_directory_copy};
use crate::{
    compression::{Codec, Compressor},
    directory::{ChunkInfo, PackDirectory},
    error::{FormatError, FormatResult},
    ids::{ChunkId, GroupId, PackName},
    keys::Keys,
    seal::{ObjectKind, Salt},
};

/// zstd level of the new blocks, as for backups.
const COMPRESSION_LEVEL: i32 = 3;
/// A new pack ends when it has this many bytes.
const PACK_BYTES: u64 = 64 << 20;

/// Names and salts for new packs; each is used only once.
pub trait Naming {
    /// Returns the next name of a pack.
    fn name(&mut self) -> PackName;
    /// Returns a fresh salt.
    fn salt(&mut self) -> Salt;
}

/// Fills packs of one kind and group with blocks.
#[derive(Debug)]
pub struct PackFiller<'k> {
    keys: &'k Keys,
    kind: ObjectKind,
    group: GroupId,
    compressor: Compressor,
    opener: BlockOpener,
    builder: Option<PackBuilder>,
    finished: Vec<FinishedPack>,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl<'k> PackFiller<'k> {
    /// Begins without a pack.
    pub fn new(keys: &'k Keys, kind: ObjectKind, group: GroupId) -> FormatResult<Self> {
        Ok(Self {
            keys,
            kind,
            group,
            compressor: Compressor::new(COMPRESSION_LEVEL)?,
            opener: BlockOpener::new()?,
            builder: None,
            finished: Vec::new(),
            plain: Vec::new(),
            packed: Vec::new(),
        })
    }

    /// Adds a block: `content` is the plaintext of `chunks`.
    pub fn push(
        &mut self,
        chunks: &[ChunkInfo],
        content: &[u8],
        naming: &mut impl Naming,
    ) -> FormatResult<()> {
        let codec = self.compressor.compress(content, &mut self.packed)?;
        let body = if codec == Codec::Raw { content } else { &self.packed };
        let is_full = |builder: &PackBuilder| {
            builder.stored_bytes() >= PACK_BYTES || !builder.has_room(content.len() as u64, chunks.len())
        };
        if let Some(full) = self.builder.take_if(|builder| is_full(builder)) {
            self.finished.push(finish(self.keys, full)?);
        }
        let target = match &mut self.builder {
            Some(builder) => builder,
            none => {
                let (name, salt) = (naming.name(), naming.salt());
                none.insert(PackBuilder::new(self.keys, name, self.kind, self.group, salt, Vec::new())?)
            }
        };
        target.push(codec, body, content.len() as u32, chunks);
        Ok(())
    }

    /// Adds the chunks of another pack that `is_wanted` says yes to. Blocks that do not open are left out.
    pub fn push_pack(
        &mut self,
        directory: &PackDirectory,
        pack: &[u8],
        is_wanted: impl Fn(&ChunkId) -> bool,
        naming: &mut impl Naming,
    ) -> FormatResult<()> {
        let key = directory.object_key(self.keys)?;
        for (ordinal, block) in directory.blocks.iter().enumerate() {
            let chunks = directory.block_chunks(block);
            if !chunks.iter().any(|chunk| is_wanted(&chunk.id)) {
                continue;
            }
            let start = usize::try_from(block.offset).unwrap_or(usize::MAX).min(pack.len());
            let end = (start + block.stored_bytes as usize).min(pack.len());
            let mut plain = std::mem::take(&mut self.plain);
            let opened = self.opener.open(self.keys, &key, directory, ordinal, &pack[start..end], &mut plain);
            let added = match opened {
                Ok(()) => {
                    let (kept, content) = take_wanted(chunks, &plain, &is_wanted);
                    self.push(&kept, &content, naming)
                }
                Err(error) if error.is_corruption() => Ok(()),
                Err(error) => Err(error),
            };
            self.plain = plain;
            added?;
        }
        Ok(())
    }

    /// Returns the packs that are full, sealed and verified.
    pub fn take_full(&mut self) -> Vec<FinishedPack> {
        std::mem::take(&mut self.finished)
    }

    /// Ends the last pack, and returns the packs that were not taken yet, sealed and verified.
    pub fn finish(mut self) -> FormatResult<Vec<FinishedPack>> {
        if let Some(last) = self.builder.take() {
            self.finished.push(finish(self.keys, last)?);
        }
        Ok(self.finished)
    }
}

fn take_wanted(
    chunks: &[ChunkInfo],
    plain: &[u8],
    is_wanted: impl Fn(&ChunkId) -> bool,
) -> (Vec<ChunkInfo>, Vec<u8>) {
    let (mut kept, mut content) = (Vec::new(), Vec::new());
    let mut rest = plain;
    for chunk in chunks {
        // The block has been opened, so its chunks add up to its plaintext.
        let (part, remaining) = rest.split_at(chunk.length as usize);
        rest = remaining;
        if is_wanted(&chunk.id) {
            kept.push(*chunk);
            content.extend_from_slice(part);
        }
    }
    (kept, content)
}

/// Seals a pack and verifies it: what it replaces is about to go.
fn finish(keys: &Keys, mut builder: PackBuilder) -> FormatResult<FinishedPack> {
    for block in builder.blocks_to_seal() {
        block.seal()?;
    }
    let pack = builder.finish()?;
    let copy = read_directory_copy(keys, pack.directory.kind, &pack.bytes)?;
    if copy.chunks != pack.directory.chunks || copy.blocks != pack.directory.blocks {
        return Err(FormatError::WrongContent);
    }
    let key = copy.object_key(keys)?;
    let (mut opener, mut plain) = (BlockOpener::new()?, Vec::new());
    for (ordinal, block) in copy.blocks.iter().enumerate() {
        let start = block.offset as usize;
        let stored = pack.bytes.get(start..start + block.stored_bytes as usize);
        opener.open(keys, &key, &copy, ordinal, stored.ok_or(FormatError::WrongContent)?, &mut plain)?;
    }
    Ok(pack)
}

/// Fails unless every wanted chunk is in one of the packs.
pub fn require_all<'p>(
    wanted: &[ChunkId],
    packs: impl IntoIterator<Item = &'p FinishedPack>,
) -> FormatResult<()> {
    let chunks = packs.into_iter().flat_map(|pack| &pack.directory.chunks);
    let mut found: Vec<ChunkId> = chunks.map(|chunk| chunk.id).collect();
    found.sort_unstable();
    let has_all = wanted.iter().all(|id| found.binary_search(id).is_ok());
    if has_all { Ok(()) } else { Err(FormatError::WrongContent) }
}
