//! Takes intact chunks out of damaged packs and makes new packs of them. Pure, runs on the pool.

use icecore_format::{
    compression::{Codec, Compressor},
    directory::{ChunkInfo, PackDirectory},
    error::{FormatError, FormatResult},
    ids::{ChunkId, PackName},
    keys::Keys,
    pack::{BlockOpener, FinishedPack, PackBuilder},
    seal::Salt,
};

use crate::{
    pack::{FrameFindings, batches, verify_blocks, verify_frame},
    session::Tools,
};

/// zstd level of the new blocks, as for backups.
pub(super) const COMPRESSION_LEVEL: i32 = 3;
/// A new pack ends when it has this many bytes.
pub(super) const PACK_BYTES: u64 = 64 << 20;

/// Names and salts for new packs; each is used only once.
pub(super) trait Naming {
    /// Returns the next name of a pack.
    fn name(&mut self) -> PackName;
    /// Returns a fresh salt.
    fn salt(&mut self) -> Salt;
}

/// Makes packs of the chunks of `pack` that are listed in `wanted`, which is sorted.
///
/// Fails if one of them cannot be read: it was readable when the repair was planned.
pub(super) fn salvage(
    keys: &Keys,
    directory: &PackDirectory,
    pack: &[u8],
    wanted: &[ChunkId],
    naming: &mut impl Naming,
) -> FormatResult<Vec<FinishedPack>> {
    let key = directory.object_key(keys)?;
    let (mut opener, mut compressor) = (BlockOpener::new()?, Compressor::new(COMPRESSION_LEVEL)?);
    let (mut plain, mut packed) = (Vec::new(), Vec::new());
    let mut finished = Vec::new();
    let mut builder: Option<PackBuilder> = None;
    for (ordinal, block) in directory.blocks.iter().enumerate() {
        let chunks = directory.block_chunks(block);
        if !chunks.iter().any(|chunk| wanted.binary_search(&chunk.id).is_ok()) {
            continue;
        }
        let start = usize::try_from(block.offset).unwrap_or(usize::MAX).min(pack.len());
        let end = (start + block.stored_bytes as usize).min(pack.len());
        match opener.open(keys, &key, directory, ordinal, &pack[start..end], &mut plain) {
            Ok(()) => {}
            // A damaged block with an intact copy elsewhere in this pack.
            Err(error) if error.is_corruption() => continue,
            Err(error) => return Err(error),
        }
        let (kept, content) = take_wanted(chunks, &plain, wanted);
        let codec = compressor.compress(&content, &mut packed)?;
        let body = if codec == Codec::Raw { &content } else { &packed };
        let is_full = |builder: &PackBuilder| {
            builder.stored_bytes() >= PACK_BYTES || !builder.has_room(content.len() as u64, kept.len())
        };
        if let Some(full) = builder.take_if(|builder| is_full(builder)) {
            finished.push(finish(keys, full)?);
        }
        let target = match &mut builder {
            Some(builder) => builder,
            none => none.insert(begin(keys, directory, naming)?),
        };
        target.push(codec, body, content.len() as u32, &kept);
    }
    if let Some(last) = builder {
        finished.push(finish(keys, last)?);
    }
    require_all(wanted, &finished)?;
    Ok(finished)
}

fn begin(keys: &Keys, directory: &PackDirectory, naming: &mut impl Naming) -> FormatResult<PackBuilder> {
    let (name, salt) = (naming.name(), naming.salt());
    PackBuilder::new(keys, name, directory.kind, directory.group, salt, Vec::new())
}

fn take_wanted(chunks: &[ChunkInfo], plain: &[u8], wanted: &[ChunkId]) -> (Vec<ChunkInfo>, Vec<u8>) {
    let (mut kept, mut content) = (Vec::new(), Vec::new());
    let mut rest = plain;
    for chunk in chunks {
        // The block has been opened, so its chunks add up to its plaintext.
        let (part, remaining) = rest.split_at(chunk.length as usize);
        rest = remaining;
        if wanted.binary_search(&chunk.id).is_ok() {
            kept.push(*chunk);
            content.extend_from_slice(part);
        }
    }
    (kept, content)
}

/// Seals a pack and verifies it: the objects that it replaces are about to go into quarantine.
pub(super) fn finish(keys: &Keys, mut builder: PackBuilder) -> FormatResult<FinishedPack> {
    for block in builder.blocks_to_seal() {
        block.seal()?;
    }
    let pack = builder.finish()?;
    let frame = verify_frame(keys, &pack.directory, &pack.bytes);
    let ordinals = batches(&pack.directory).into_iter();
    let tools = Tools::default();
    let verify = |ordinals| verify_blocks(&tools, keys, &pack.directory, &pack.bytes, ordinals);
    let damaged = ordinals.flat_map(verify).next();
    match damaged {
        Some((_, error)) => Err(error),
        None if frame != FrameFindings::default() => Err(FormatError::WrongContent),
        None => Ok(pack),
    }
}

/// Fails unless every wanted chunk is in one of the packs.
fn require_all(wanted: &[ChunkId], packs: &[FinishedPack]) -> FormatResult<()> {
    let chunks = packs.iter().flat_map(|pack| &pack.directory.chunks);
    let mut found: Vec<ChunkId> = chunks.map(|chunk| chunk.id).collect();
    found.sort_unstable();
    let has_all = wanted.iter().all(|id| found.binary_search(id).is_ok());
    if has_all { Ok(()) } else { Err(FormatError::WrongContent) }
}
