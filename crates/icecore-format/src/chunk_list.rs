//! Chunk-list trees: the chunks of one large file, in nodes whose borders depend on the ids of the chunks.

use minicbor::{Decoder, Encoder};

use crate::{
    cbor::{array_length, map_length},
    entry::{ChunkListRef, ChunkRef},
    error::{FormatError, FormatResult},
    ids::ChunkId,
    keys::Keys,
    limits::{CHUNK_BYTES_MAX, NODE_ITEMS_MAX, NODE_LEVEL_MAX},
};

const WHAT: &str = "chunk-list node";
/// First raw byte of every chunk-list node.
pub(crate) const LIST_TYPE: u8 = 2;
/// A node ends after an id whose first byte is below this: 1 of 256.
const BORDER_BELOW: u8 = 1;
/// A node with this many items always ends.
const ITEMS_SOFT_MAX: usize = 1 << 11;

/// Content of a node of a chunk list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkListNode {
    /// Chunks of the file and holes between them, in order.
    Leaf(Vec<ChunkRef>),
    /// Nodes of the level below, in order.
    Inner(Vec<ChunkListRef>),
}

/// Collects nodes of one level of a chunk list.
#[derive(Debug, Default)]
pub struct ChunkListBuilder {
    level: u8,
    ids: Vec<u8>,
    lengths: Vec<u64>,
    counts: Vec<u64>,
}

/// An encoded node of a chunk list, ready to be stored as a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedListNode {
    /// Raw bytes of the chunk.
    pub raw: Vec<u8>,
    /// Reference to the node, for the parent or the entry.
    pub list: ChunkListRef,
}

impl ChunkListBuilder {
    /// Makes a builder for nodes of `level`.
    pub fn new(level: u8) -> Self {
        Self { level, ..Self::default() }
    }

    /// Returns whether nothing has been added since the last node was finished.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Adds a chunk or a hole to a leaf; returns whether the node ends here.
    ///
    /// # Panics
    /// When the builder is not for leaves.
    pub fn push_chunk(&mut self, chunk: ChunkRef) -> bool {
        assert!(self.level == 0, "chunks belong into leaves");
        self.push(chunk.id, chunk.length.into(), 1)
    }

    /// Adds a node of the level below; returns whether the node ends here.
    ///
    /// # Panics
    /// When the builder is for leaves.
    pub fn push_node(&mut self, node: &ChunkListRef) -> bool {
        assert!(self.level == node.level + 1, "nodes belong one level below");
        self.push(node.id, node.bytes, node.chunks)
    }

    fn push(&mut self, id: ChunkId, bytes: u64, chunks: u64) -> bool {
        self.ids.extend_from_slice(&id.0);
        self.lengths.push(bytes);
        self.counts.push(chunks);
        id.0[0] < BORDER_BELOW && id != ChunkId::HOLE || self.lengths.len() >= ITEMS_SOFT_MAX
    }

    /// Finishes the node of the items added so far and begins the next one.
    pub fn finish(&mut self, keys: &Keys) -> FormatResult<EncodedListNode> {
        let inner = self.level > 0;
        let mut encoder = Encoder::new(vec![LIST_TYPE]);
        encoder.map(if inner { 4 } else { 3 })?.u8(0)?.u8(self.level)?;
        encoder.u8(1)?.bytes(&self.ids)?;
        for (key, numbers) in [(2, &self.lengths), (3, &self.counts)] {
            if key == 2 || inner {
                encoder.u8(key)?.array(numbers.len() as u64)?;
                for number in numbers {
                    encoder.u64(*number)?;
                }
            }
        }
        let raw = encoder.into_writer();
        let list = ChunkListRef {
            id: keys.node_id(&raw),
            level: self.level,
            chunks: self.counts.iter().sum(),
            bytes: self.lengths.iter().sum(),
        };
        *self = Self::new(self.level);
        Ok(EncodedListNode { raw, list })
    }
}

impl ChunkListNode {
    /// Decodes the node that `list` refers to, and compares it with the reference.
    pub fn decode(raw: &[u8], list: &ChunkListRef) -> FormatResult<Self> {
        let (level, ids, lengths, counts) = decode_columns(raw)?;
        let items = lengths.len();
        let inner = level > 0;
        if level != list.level || level > NODE_LEVEL_MAX {
            return Err(FormatError::malformed(WHAT, "its level is not the expected one"));
        }
        if items == 0 || ids.len() != items * ChunkId::BYTES || inner && counts.len() != items {
            return Err(FormatError::malformed(WHAT, "its columns differ in length"));
        }
        let sum = |numbers: &[u64]| numbers.iter().try_fold(0u64, |sum, number| sum.checked_add(*number));
        let chunks = if inner { sum(&counts) } else { Some(items as u64) };
        if sum(&lengths) != Some(list.bytes) || chunks != Some(list.chunks) {
            return Err(FormatError::malformed(WHAT, "its sums differ from those in its parent"));
        }
        let ids = ids.chunks_exact(ChunkId::BYTES).map(ChunkId::from_slice);
        if inner {
            let rows = ids.zip(lengths).zip(counts);
            let nodes = rows
                .map(|((id, bytes), chunks)| Ok(ChunkListRef { id: id?, level: level - 1, chunks, bytes }));
            return Ok(Self::Inner(nodes.collect::<FormatResult<_>>()?));
        }
        let chunks = ids.zip(lengths).map(|(id, length)| item(id?, length));
        Ok(Self::Leaf(chunks.collect::<FormatResult<_>>()?))
    }
}

fn item(id: ChunkId, length: u64) -> FormatResult<ChunkRef> {
    let maximum = if id == ChunkId::HOLE { u32::MAX } else { CHUNK_BYTES_MAX };
    match u32::try_from(length) {
        Ok(length) if (1..=maximum).contains(&length) => Ok(ChunkRef { id, length }),
        _ => Err(FormatError::malformed(WHAT, "a chunk or a hole is empty or too long")),
    }
}

type Columns<'a> = (u8, &'a [u8], Vec<u64>, Vec<u64>);

fn decode_columns(raw: &[u8]) -> FormatResult<Columns<'_>> {
    let Some((&LIST_TYPE, record)) = raw.split_first() else {
        return Err(FormatError::malformed(WHAT, "it is not a chunk-list node"));
    };
    let mut decoder = Decoder::new(record);
    let (mut level, mut ids, mut lengths, mut counts) = (0, &[][..], Vec::new(), Vec::new());
    for _ in 0..map_length(&mut decoder, "fields of a chunk-list node", 256)? {
        match decoder.u64()? {
            0 => level = decoder.u8()?,
            1 => ids = decoder.bytes()?,
            2 => lengths = decode_numbers(&mut decoder)?,
            3 => counts = decode_numbers(&mut decoder)?,
            _ => decoder.skip()?,
        }
    }
    if decoder.position() != record.len() {
        return Err(FormatError::malformed(WHAT, "bytes follow the record"));
    }
    Ok((level, ids, lengths, counts))
}

fn decode_numbers(decoder: &mut Decoder<'_>) -> FormatResult<Vec<u64>> {
    let count = array_length(decoder, "number of items of a chunk-list node", NODE_ITEMS_MAX)?;
    (0..count).map(|_| Ok(decoder.u64()?)).collect()
}

#[cfg(test)]
mod tests;
