//! The table of all chunks: which pack holds which chunk.

use icecore_format::{
    ids::ChunkId,
    limits::{CHUNK_BYTES_MAX, PACK_CHUNKS_MAX},
    seal::ObjectKind,
};
use rayon::slice::ParallelSliceMut;

/// Set in [`ChunkRow::word`] when the chunk's block does not open.
const LOST: u32 = 1 << 31;
/// Set in [`ChunkRow::word`] when the chunk is a node of a manifest or chunk list.
const NODE: u32 = 1 << 30;
const _: () = assert!(CHUNK_BYTES_MAX < NODE, "the length of a chunk leaves two bits free");
const _: () = assert!(PACK_CHUNKS_MAX <= u32::MAX as usize, "a position in a pack fits into 32 bits");
/// Rows for each bucket of the index over the ids' first bits.
const BUCKET_ROWS: usize = 16;

/// One copy of a chunk in one pack: 36 bytes, because there are very many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkRow {
    id: ChunkId,
    pack: u32,
    position: u32,
    word: u32,
}

impl ChunkRow {
    /// Makes the row of the chunk at `position` in the directory of the pack with number `pack`.
    pub(crate) fn new(id: ChunkId, kind: ObjectKind, length: u32, pack: u32, position: u32) -> Self {
        Self { id, pack, position, word: length | Self::flag(kind) }
    }

    fn flag(kind: ObjectKind) -> u32 {
        if kind == ObjectKind::Manifest { NODE } else { 0 }
    }

    /// Returns the number of the pack.
    pub(crate) fn pack(&self) -> u32 {
        self.pack
    }

    /// Returns the chunk's position in the directory of the pack.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// Returns the length of the chunk in bytes.
    pub(crate) fn length(&self) -> u32 {
        self.word & !(LOST | NODE)
    }

    /// Returns whether the chunk's block was read and does not open.
    pub(crate) fn is_lost(&self) -> bool {
        self.word & LOST != 0
    }
}

/// All chunks of a repository, sorted by id.
#[derive(Debug, Default)]
pub(crate) struct ChunkTable {
    rows: Vec<ChunkRow>,
    /// First row of each bucket and, at the end, the number of rows.
    starts: Vec<usize>,
    /// How far the first 32 bits of an id are shifted to give its bucket.
    shift: u32,
}

impl ChunkTable {
    /// Sorts rows into a table; in parallel if it runs on a rayon pool.
    pub(crate) fn new(mut rows: Vec<ChunkRow>) -> Self {
        rows.par_sort_unstable_by(|left, right| {
            left.id.cmp(&right.id).then((left.pack, left.position).cmp(&(right.pack, right.position)))
        });
        let bits = (rows.len() / BUCKET_ROWS).max(1).ilog2().min(24);
        let shift = 32 - bits;
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        for (index, row) in rows.iter().enumerate() {
            while starts.len() <= bucket(&row.id, shift) {
                starts.push(index);
            }
        }
        starts.resize((1 << bits) + 1, rows.len());
        Self { rows, starts, shift }
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns all copies of a chunk in packs of `kind`.
    pub(crate) fn copies(&self, kind: ObjectKind, id: &ChunkId) -> impl Iterator<Item = &ChunkRow> {
        let (bucket_rows, _) = self.bucket_of(id);
        let first = bucket_rows.partition_point(|row| row.id < *id);
        let flag = ChunkRow::flag(kind);
        let same = bucket_rows[first..].iter().take_while(move |row| row.id == *id);
        same.filter(move |row| row.word & NODE == flag)
    }

    /// Notes that the copy of a chunk at `position` of a pack cannot be read.
    pub(crate) fn mark_lost(&mut self, id: &ChunkId, pack: u32, position: u32) {
        let (bucket_rows, start) = self.bucket_of(id);
        let place = (pack, position);
        let found =
            bucket_rows.binary_search_by(|row| row.id.cmp(id).then((row.pack, row.position).cmp(&place)));
        if let Ok(index) = found {
            self.rows[start + index].word |= LOST;
        }
    }

    /// Returns the rows that may have an id, and the index of the first of them.
    fn bucket_of(&self, id: &ChunkId) -> (&[ChunkRow], usize) {
        let bucket = bucket(id, self.shift);
        match (self.starts.get(bucket), self.starts.get(bucket + 1)) {
            (Some(&start), Some(&end)) => (&self.rows[start..end], start),
            _ => (&[], 0),
        }
    }
}

fn bucket(id: &ChunkId, shift: u32) -> usize {
    let first = u32::from_be_bytes([id.0[0], id.0[1], id.0[2], id.0[3]]);
    // A shift by all 32 bits means that there is only one bucket.
    first.checked_shr(shift).unwrap_or(0) as usize
}

#[cfg(test)]
mod tests;
