//! Positions of the chunks of a file: the content stream goes around the holes.

use std::ops::Range;

use icecore_format::entry::{ChunkRef, Content, Entry, Hole};
use icecore_fs::{error::FsError, target::ExistingFile};
use icecore_repo::{error::RepoResult, manifest::ChunkListReader, reader::ChunkReader};

/// Bytes of a hole that are compared with zeros at a time.
const ZERO_PIECE_BYTES: usize = 256 << 10;

/// A chunk (or a hole that is an item of a chunk list) and its position in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlacedChunk {
    /// The chunk or hole.
    pub chunk: ChunkRef,
    /// Offset in the file at which the chunk, or the hole before it, begins.
    offset: u64,
    /// First hole that does not end before `offset`.
    hole: usize,
}

/// Assigns positions to the chunks of a file, one after the other.
#[derive(Debug)]
pub(crate) struct Placement<'a> {
    holes: &'a [Hole],
    offset: u64,
    hole: usize,
}

impl<'a> Placement<'a> {
    /// Begins at the start of the file.
    pub fn new(holes: &'a [Hole]) -> Self {
        Self { holes, offset: 0, hole: 0 }
    }

    /// Places the next chunk.
    pub fn place(&mut self, chunk: ChunkRef) -> PlacedChunk {
        let placed = PlacedChunk { chunk, offset: self.offset, hole: self.hole };
        let mut pieces = placed.pieces(self.holes);
        for _ in pieces.by_ref() {}
        (self.offset, self.hole) = (pieces.offset, pieces.hole);
        placed
    }
}

impl PlacedChunk {
    /// Returns the parts of the chunk between holes: offset in the file, range in the chunk.
    pub fn pieces<'a>(&self, holes: &'a [Hole]) -> Pieces<'a> {
        Pieces {
            holes,
            hole: self.hole,
            offset: self.offset,
            position: 0,
            length: self.chunk.length as usize,
        }
    }

    /// Returns whether a file has only zeros in the range of a hole.
    pub fn is_zero(
        &self,
        holes: &[Hole],
        file: &ExistingFile,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, FsError> {
        buffer.resize(ZERO_PIECE_BYTES, 0);
        for (offset, range) in self.pieces(holes) {
            let end = offset.saturating_add(range.len() as u64);
            let mut position = offset;
            while position < end {
                let piece = &mut buffer[..(end - position).min(ZERO_PIECE_BYTES as u64) as usize];
                if file.read_at(position, piece)? != piece.len() || piece.iter().any(|byte| *byte != 0) {
                    return Ok(false);
                }
                position += piece.len() as u64;
            }
        }
        Ok(true)
    }

    /// Reads the range of the chunk from a file; returns whether the file is long enough.
    pub fn read(&self, holes: &[Hole], file: &ExistingFile, buffer: &mut Vec<u8>) -> Result<bool, FsError> {
        buffer.resize(self.chunk.length as usize, 0);
        for (offset, range) in self.pieces(holes) {
            let wanted = range.len();
            if file.read_at(offset, &mut buffer[range])? != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Streams the holes of a file in their order, those of its entry or those of its chunk list.
pub(crate) struct RecordedHoles<'a> {
    of_entry: std::slice::Iter<'a, Hole>,
    list: ChunkListReader<'a>,
    /// The holes come from the list, because the entry has none.
    is_listed: bool,
    position: u64,
}

impl<'a> RecordedHoles<'a> {
    /// Begins at the first hole.
    pub fn new(reader: &'a ChunkReader, entry: &'a Entry) -> Self {
        Self {
            of_entry: entry.holes.iter(),
            list: ChunkListReader::new(reader, &entry.content),
            is_listed: entry.holes.is_empty() && matches!(entry.content, Content::List(_)),
            position: 0,
        }
    }

    /// Returns the next hole; a long hole of a chunk list may come in several parts.
    pub fn next(&mut self) -> RepoResult<Option<Hole>> {
        if !self.is_listed {
            return Ok(self.of_entry.next().copied());
        }
        while let Some(chunk) = self.list.next()? {
            let length = u64::from(chunk.length);
            let hole = Hole { offset: self.position, length };
            self.position = self.position.saturating_add(length);
            if chunk.is_hole() {
                return Ok(Some(hole));
            }
        }
        Ok(None)
    }
}

/// Iterator over the parts of one chunk.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    holes: &'a [Hole],
    hole: usize,
    offset: u64,
    position: usize,
    length: usize,
}

impl Iterator for Pieces<'_> {
    type Item = (u64, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.position == self.length {
            return None;
        }
        while let Some(hole) = self.holes.get(self.hole)
            && hole.offset <= self.offset
        {
            self.offset = self.offset.max(hole.offset.saturating_add(hole.length));
            self.hole += 1;
        }
        let room = self.holes.get(self.hole).map_or(u64::MAX, |hole| hole.offset) - self.offset;
        let count = (self.length - self.position).min(usize::try_from(room).unwrap_or(usize::MAX));
        let piece = (self.offset, self.position..self.position + count);
        self.offset = self.offset.saturating_add(count as u64);
        self.position += count;
        Some(piece)
    }
}

#[cfg(test)]
mod tests;
