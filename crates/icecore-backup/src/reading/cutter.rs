//! Cuts a long file into chunks while it is read, and passes them on in segments.

use crossbeam_channel::Sender;
use icecore_format::entry::ChunkRef;

use super::{chunk_tools::ChunkTools, job::Segment};

/// Bytes that are read before chunks are passed on.
const SEGMENT_BYTES: usize = 4 << 20;
/// Maximum number of chunks and holes in a segment.
const SEGMENT_ITEMS_MAX: usize = 1 << 15;

/// The consumer has ended, because the backup has ended.
#[derive(Debug)]
pub(crate) struct ConsumerGone;

/// Fills a buffer, cuts the chunks that are certain, passes them on, keeps the rest.
pub(crate) struct SegmentCutter<'a> {
    tools: &'a ChunkTools,
    segments: &'a Sender<Segment>,
    buffer: Vec<u8>,
    filled: usize,
    /// The buffer is cut up to here.
    start: usize,
    /// Chunks of the buffer up to `start`, and the holes between them.
    chunks: Vec<ChunkRef>,
}

impl<'a> SegmentCutter<'a> {
    /// Begins with an empty buffer.
    pub fn new(tools: &'a ChunkTools, segments: &'a Sender<Segment>) -> Self {
        Self { tools, segments, buffer: Vec::new(), filled: 0, start: 0, chunks: Vec::new() }
    }

    /// Returns space to read into; never empty.
    pub fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = self.tools.segment_buffers.take_filled(self.segment_bytes());
        }
        &mut self.buffer[self.filled..]
    }

    /// Notes that `bytes` were read into the space.
    pub fn advance(&mut self, bytes: usize) -> Result<(), ConsumerGone> {
        self.filled += bytes;
        if self.filled < self.buffer.len() {
            return Ok(());
        }
        self.cut(false);
        self.send()
    }

    /// Adds bytes that were read elsewhere.
    pub fn add(&mut self, mut bytes: &[u8]) -> Result<(), ConsumerGone> {
        while !bytes.is_empty() {
            let room = self.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.advance(count)?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Ends the chunk before a hole, and adds the hole.
    pub fn hole(&mut self, mut length: u64) -> Result<(), ConsumerGone> {
        self.cut(true);
        while length > 0 {
            let part = u32::try_from(length).unwrap_or(u32::MAX);
            self.chunks.push(ChunkRef::hole(part));
            length -= u64::from(part);
            if self.chunks.len() >= SEGMENT_ITEMS_MAX {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Cuts and passes on the rest.
    pub fn finish(mut self) -> Result<(), ConsumerGone> {
        self.cut(true);
        self.send()
    }

    fn segment_bytes(&self) -> usize {
        SEGMENT_BYTES.max(self.tools.chunker.parameters().maximum as usize * 4)
    }

    /// Cuts chunks; cuts those near the end of the content only if nothing follows.
    fn cut(&mut self, at_end: bool) {
        let maximum = self.tools.chunker.parameters().maximum as usize;
        while self.start < self.filled && (at_end || self.filled - self.start >= maximum) {
            let length = self.tools.chunker.cut(&self.buffer[self.start..self.filled]);
            let id = self.tools.keys.chunk_id(&self.buffer[self.start..self.start + length]);
            self.chunks.push(ChunkRef { id, length: length as u32 });
            self.start += length;
        }
    }

    /// Passes on the chunks, and moves the rest to the start of another buffer.
    fn send(&mut self) -> Result<(), ConsumerGone> {
        if self.chunks.is_empty() {
            return Ok(());
        }
        let rest = self.filled - self.start;
        let mut next = Vec::new();
        if rest > 0 {
            next = self.tools.segment_buffers.take_filled(self.segment_bytes());
            next[..rest].copy_from_slice(&self.buffer[self.start..self.filled]);
        }
        let mut buffer = std::mem::replace(&mut self.buffer, next);
        buffer.truncate(self.start);
        (self.filled, self.start) = (rest, 0);
        let chunks = std::mem::take(&mut self.chunks);
        self.segments.send(Segment::Data { buffer, chunks }).map_err(|_| ConsumerGone)
    }
}
