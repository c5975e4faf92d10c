//! Cuts large files into segments; their lists of chunks are streamed.

use icecore_format::entry::Entry;
use icecore_repo::{manifest::ChunkListReader, reader::ChunkReader};

use crate::{
    layout::{PlacedChunk, Placement},
    report::ProblemReason,
};

/// A file with more content than this is written in segments of about this length, in bytes.
const SEGMENT_BYTES: u64 = 4 << 20;
/// Maximum number of chunks of a segment.
const SEGMENT_CHUNKS_MAX: usize = 256;

/// Returns whether a file is written in segments.
pub(crate) fn is_large(entry: &Entry) -> bool {
    entry.content.bytes() > SEGMENT_BYTES
}

/// Chunks that one worker writes.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    /// The chunks with their positions.
    pub chunks: Vec<PlacedChunk>,
    /// Sum of their lengths, including holes.
    pub bytes: u64,
    /// Sum of their lengths, without holes.
    pub data_bytes: u64,
}

/// Streams the chunks of a file in segments.
pub(crate) struct Segments<'a> {
    list: ChunkListReader<'a>,
    placement: Placement<'a>,
}

impl<'a> Segments<'a> {
    /// Begins at the first chunk.
    pub fn new(reader: &'a ChunkReader, entry: &'a Entry) -> Self {
        Self { list: ChunkListReader::new(reader, &entry.content), placement: Placement::new(&entry.holes) }
    }

    /// Returns the next segment; none at the end.
    pub fn next(&mut self) -> Result<Option<Segment>, ProblemReason> {
        let mut segment = Segment::default();
        while segment.data_bytes < SEGMENT_BYTES && segment.chunks.len() < SEGMENT_CHUNKS_MAX {
            let Some(chunk) = self.list.next()? else { break };
            segment.bytes += u64::from(chunk.length);
            segment.data_bytes += if chunk.is_hole() { 0 } else { u64::from(chunk.length) };
            segment.chunks.push(self.placement.place(chunk));
        }
        Ok(Some(segment).filter(|segment| !segment.chunks.is_empty()))
    }
}
