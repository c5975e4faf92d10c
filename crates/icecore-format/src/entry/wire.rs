//! The form of entries in the nodes of a manifest.

use minicbor::Decoder;

use super::{ChunkListRef, ChunkRef, Content, Entry, EntryKind, Hole, Marks, WHAT};
use crate::{
    cbor::{MemoryEncoder, array_length, map_length},
    error::{FormatError, FormatResult},
    ids::ChunkId,
    limits::{
        ATTRIBUTES_BYTES_MAX, ATTRIBUTES_MAX, CHUNK_BYTES_MAX, HOLES_MAX, INLINE_CHUNKS_MAX, NODE_LEVEL_MAX,
    },
};

impl EntryKind {
    pub(super) fn from_number(number: u8) -> FormatResult<Self> {
        Ok(match number {
            0 => Self::File,
            1 => Self::Directory,
            2 => Self::Symlink,
            3 => Self::Fifo,
            4 => Self::Socket,
            5 => Self::CharacterDevice,
            6 => Self::BlockDevice,
            _ => return Err(FormatError::malformed(WHAT, "unknown kind")),
        })
    }
}

impl Entry {
    fn fields(&self) -> u64 {
        let chunks = if let Content::Inline(chunks) = &self.content { chunks.len() } else { 0 };
        [
            true,
            true,
            self.user_id != 0,
            self.group_id != 0,
            true,
            self.modified.nanoseconds != 0,
            true,
            self.changed.nanoseconds != 0,
            self.inode != 0,
            self.size != 0,
            self.special_device != 0,
            self.link_device.is_some(),
            !self.attributes.is_empty(),
            !self.target.is_empty(),
            chunks > 0,
            chunks > 1,
            matches!(self.content, Content::List(_)),
            !self.holes.is_empty(),
            self.marks != Marks::default(),
            self.inode_flags != 0,
        ]
        .into_iter()
        .map(u64::from)
        .sum()
    }

    /// Appends the entry without its path.
    pub(crate) fn encode(&self, encoder: &mut MemoryEncoder) -> FormatResult<()> {
        encoder.map(self.fields())?.u8(0)?.u8(self.kind as u8)?.u8(1)?.u32(self.mode)?;
        optional(encoder, 2, self.user_id.into())?;
        optional(encoder, 3, self.group_id.into())?;
        encoder.u8(4)?.i64(self.modified.seconds)?;
        optional(encoder, 5, self.modified.nanoseconds.into())?;
        encoder.u8(6)?.i64(self.changed.seconds)?;
        optional(encoder, 7, self.changed.nanoseconds.into())?;
        optional(encoder, 8, self.inode)?;
        optional(encoder, 9, self.size)?;
        optional(encoder, 10, self.special_device)?;
        if let Some(device) = self.link_device {
            encoder.u8(11)?.u32(device)?;
        }
        if !self.attributes.is_empty() {
            encoder.u8(12)?.map(self.attributes.len() as u64)?;
            for (name, value) in &self.attributes {
                encoder.bytes(name)?.bytes(value)?;
            }
        }
        if !self.target.is_empty() {
            encoder.u8(13)?.bytes(&self.target)?;
        }
        encode_content(&self.content, encoder)?;
        if !self.holes.is_empty() {
            encoder.u8(17)?.array(self.holes.len() as u64 * 2)?;
            for hole in &self.holes {
                encoder.u64(hole.offset)?.u64(hole.length)?;
            }
        }
        optional(encoder, 18, self.marks.0.into())?;
        optional(encoder, 19, self.inode_flags.into())
    }

    /// Reads an entry without its path, and checks every rule of the format.
    pub(crate) fn decode(path: Vec<u8>, decoder: &mut Decoder<'_>) -> FormatResult<Self> {
        let mut entry = Self::new(path, EntryKind::File);
        let mut kind = None;
        let mut ids: &[u8] = &[];
        let mut lengths = Vec::new();
        for _ in 0..map_length(decoder, "fields of an entry", 256)? {
            match decoder.u64()? {
                0 => kind = Some(EntryKind::from_number(decoder.u8()?)?),
                1 => entry.mode = decoder.u32()?,
                2 => entry.user_id = decoder.u32()?,
                3 => entry.group_id = decoder.u32()?,
                4 => entry.modified.seconds = decoder.i64()?,
                5 => entry.modified.nanoseconds = decoder.u32()?,
                6 => entry.changed.seconds = decoder.i64()?,
                7 => entry.changed.nanoseconds = decoder.u32()?,
                8 => entry.inode = decoder.u64()?,
                9 => entry.size = decoder.u64()?,
                10 => entry.special_device = decoder.u64()?,
                11 => entry.link_device = Some(decoder.u32()?),
                12 => entry.attributes = decode_attributes(decoder)?,
                13 => entry.target = decoder.bytes()?.to_vec(),
                14 => ids = decoder.bytes()?,
                15 => lengths = decode_lengths(decoder)?,
                16 => entry.content = Content::List(decode_list(decoder)?),
                17 => entry.holes = decode_holes(decoder)?,
                18 => entry.marks = Marks(decoder.u32()?),
                19 => entry.inode_flags = decoder.u32()?,
                _ => decoder.skip()?,
            }
        }
        let Some(kind) = kind else { return Err(FormatError::malformed(WHAT, "its kind is missing")) };
        entry.kind = kind;
        // Lengths without ids are invalid, too.
        if !ids.is_empty() || !lengths.is_empty() {
            if matches!(entry.content, Content::List(_)) {
                return Err(FormatError::malformed(WHAT, "it has chunks both inline and as a tree"));
            }
            entry.content =
                Content::Inline(decode_chunks(ids, lengths, entry.size.checked_sub(entry.hole_bytes()))?);
        }
        entry.validate()?;
        Ok(entry)
    }
}

fn optional(encoder: &mut MemoryEncoder, key: u8, value: u64) -> FormatResult<()> {
    if value != 0 {
        encoder.u8(key)?.u64(value)?;
    }
    Ok(())
}

fn encode_content(content: &Content, encoder: &mut MemoryEncoder) -> FormatResult<()> {
    match content {
        Content::Inline(chunks) => {
            if !chunks.is_empty() {
                let ids: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.id.0).collect();
                encoder.u8(14)?.bytes(&ids)?;
            }
            // The length of a single chunk follows from size and holes.
            if chunks.len() > 1 {
                encoder.u8(15)?.array(chunks.len() as u64)?;
                for chunk in chunks {
                    encoder.u32(chunk.length)?;
                }
            }
        }
        Content::List(list) => {
            encoder.u8(16)?.array(4)?.bytes(&list.id.0)?.u8(list.level)?.u64(list.chunks)?.u64(list.bytes)?;
        }
    }
    Ok(())
}

fn decode_attributes(decoder: &mut Decoder<'_>) -> FormatResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut attributes = Vec::new();
    let mut bytes = 0usize;
    for _ in 0..map_length(decoder, "number of extended attributes", ATTRIBUTES_MAX)? {
        let (name, value) = (decoder.bytes()?.to_vec(), decoder.bytes()?.to_vec());
        bytes += name.len() + value.len();
        if bytes > ATTRIBUTES_BYTES_MAX {
            let (found, maximum) = (bytes as u64, ATTRIBUTES_BYTES_MAX as u64);
            return Err(FormatError::OutOfBounds {
                what: "bytes of extended attributes",
                found,
                minimum: 0,
                maximum,
            });
        }
        attributes.push((name, value));
    }
    Ok(attributes)
}

fn decode_lengths(decoder: &mut Decoder<'_>) -> FormatResult<Vec<u32>> {
    let count = array_length(decoder, "number of inline chunks", INLINE_CHUNKS_MAX)?;
    (0..count).map(|_| Ok(decoder.u32()?)).collect()
}

fn decode_chunks(ids: &[u8], lengths: Vec<u32>, content_bytes: Option<u64>) -> FormatResult<Vec<ChunkRef>> {
    let lengths = match (lengths.is_empty(), content_bytes.and_then(|bytes| u32::try_from(bytes).ok())) {
        (true, Some(length)) => vec![length],
        _ => lengths,
    };
    if ids.len() != lengths.len() * ChunkId::BYTES {
        return Err(FormatError::malformed(WHAT, "the numbers of chunk ids and lengths differ"));
    }
    let mut chunks = Vec::with_capacity(lengths.len());
    for (id, length) in ids.chunks_exact(ChunkId::BYTES).zip(lengths) {
        if length == 0 || length > CHUNK_BYTES_MAX {
            let (found, maximum) = (length.into(), CHUNK_BYTES_MAX.into());
            return Err(FormatError::OutOfBounds { what: "length of a chunk", found, minimum: 1, maximum });
        }
        chunks.push(ChunkRef { id: ChunkId::from_slice(id)?, length });
    }
    Ok(chunks)
}

fn decode_list(decoder: &mut Decoder<'_>) -> FormatResult<ChunkListRef> {
    if array_length(decoder, "fields of a chunk list", 4)? != 4 {
        return Err(FormatError::malformed(WHAT, "a chunk list does not have four fields"));
    }
    let (id, level) = (ChunkId::from_slice(decoder.bytes()?)?, decoder.u8()?);
    if level > NODE_LEVEL_MAX {
        let (found, maximum) = (level.into(), NODE_LEVEL_MAX.into());
        return Err(FormatError::OutOfBounds { what: "level of a chunk list", found, minimum: 0, maximum });
    }
    Ok(ChunkListRef { id, level, chunks: decoder.u64()?, bytes: decoder.u64()? })
}

fn decode_holes(decoder: &mut Decoder<'_>) -> FormatResult<Vec<Hole>> {
    let numbers = array_length(decoder, "number of holes", HOLES_MAX * 2)?;
    if !numbers.is_multiple_of(2) {
        return Err(FormatError::malformed(WHAT, "a hole is incomplete"));
    }
    (0..numbers / 2).map(|_| Ok(Hole { offset: decoder.u64()?, length: decoder.u64()? })).collect()
}
