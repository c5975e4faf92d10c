//! Reader threads: long files and streams, cut into chunks while they are read.

use std::io;

use crossbeam_channel::Sender;
use icecore_format::entry::{ChunkRef, Entry, Marks};
use icecore_fs::{source_file::SourceFile, walk::WalkEntry};

use crate::{
    capture,
    job::{ChunkTools, Segment, StreamEnd, holes_between},
    reading::{READ_ATTEMPTS, attribute_problem, read_fully, same_state},
    request::SourceProblem,
};

/// Bytes read before chunks are cut and handed on.
const SEGMENT_BYTES: usize = 4 << 20;
/// Segments of one file that may wait for the consumer.
pub(crate) const SEGMENTS_AHEAD: usize = 2;

/// The consumer is gone: the backup has ended.
struct ConsumerGone;

/// Fills a buffer, cuts chunks as far as they are certain, hands them on, keeps the rest.
struct SegmentCutter<'a> {
    tools: &'a ChunkTools,
    segments: &'a Sender<Segment>,
    buffer: Vec<u8>,
    filled: usize,
}

impl<'a> SegmentCutter<'a> {
    fn new(tools: &'a ChunkTools, segments: &'a Sender<Segment>) -> Self {
        Self { tools, segments, buffer: Vec::new(), filled: 0 }
    }

    fn segment_bytes(&self) -> usize {
        SEGMENT_BYTES.max(self.tools.chunker.parameters().maximum as usize * 4)
    }

    /// Returns room to read into; never empty.
    fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = self.tools.segment_buffers.take_filled(self.segment_bytes());
        }
        &mut self.buffer[self.filled..]
    }

    /// Notes that `bytes` were read into the room.
    fn advance(&mut self, bytes: usize) -> Result<(), ConsumerGone> {
        self.filled += bytes;
        if self.filled == self.buffer.len() { self.cut(false) } else { Ok(()) }
    }

    /// Cuts chunks; those near the end of the buffer only when nothing follows.
    fn cut(&mut self, at_end: bool) -> Result<(), ConsumerGone> {
        let maximum = self.tools.chunker.parameters().maximum as usize;
        let mut chunks = Vec::new();
        let mut start = 0;
        while start < self.filled && (at_end || self.filled - start >= maximum) {
            let length = self.tools.chunker.cut(&self.buffer[start..self.filled]);
            let id = self.tools.keys.chunk_id(&self.buffer[start..start + length]);
            chunks.push(ChunkRef { id, length: length as u32 });
            start += length;
        }
        if chunks.is_empty() {
            return Ok(());
        }
        let rest = self.filled - start;
        let mut next = Vec::new();
        if rest > 0 || !at_end {
            next = self.tools.segment_buffers.take_filled(self.segment_bytes());
            next[..rest].copy_from_slice(&self.buffer[start..self.filled]);
        }
        let mut buffer = std::mem::replace(&mut self.buffer, next);
        self.filled = rest;
        buffer.truncate(start);
        self.segments.send(Segment::Data { buffer, chunks }).map_err(|_| ConsumerGone)
    }
}

/// Reads a long file, again if it changes meanwhile, and sends its segments and its end.
pub(crate) fn read_file(source: &WalkEntry, entry: &Entry, segments: &Sender<Segment>, tools: &ChunkTools) {
    for attempt in 1..=READ_ATTEMPTS {
        if attempt > 1 && segments.send(Segment::Restart).is_err() {
            return;
        }
        match read_once(source, entry.clone(), segments, tools, attempt == READ_ATTEMPTS) {
            Ok(Some(end)) => {
                // A consumer that is gone needs no end.
                segments.send(Segment::End(Box::new(end))).unwrap_or_default();
                return;
            }
            Ok(None) => {}
            Err(ConsumerGone) => return,
        }
    }
}

/// Reads a file once; returns nothing if it changed and is to be read again.
fn read_once(
    source: &WalkEntry,
    mut entry: Entry,
    segments: &Sender<Segment>,
    tools: &ChunkTools,
    last_attempt: bool,
) -> Result<Option<StreamEnd>, ConsumerGone> {
    let file = match source.open() {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(Some(StreamEnd::Vanished)),
        Err(error) => return Ok(Some(StreamEnd::Failed { entry, error })),
    };
    let opened = *file.opened_metadata();
    let failed = |entry, error| Ok(Some(StreamEnd::Failed { entry, error: source.error("read", error) }));
    let mut extents = match file.data_extents(opened.size) {
        Ok(extents) => extents,
        Err(error) => return failed(entry, error),
    };
    let reached =
        match read_extents(&file, &mut extents, opened.size, &mut SegmentCutter::new(tools, segments))? {
            Ok(reached) => reached,
            Err(error) => return failed(entry, error),
        };
    let now = match file.metadata() {
        Ok(now) => now,
        Err(error) => return failed(entry, error),
    };
    let steady = reached == opened.size && same_state(&opened, &now);
    if !steady && !last_attempt {
        return Ok(None);
    }
    capture::set_metadata(&mut entry, &now);
    entry.size = reached;
    entry.holes = holes_between(&extents, reached);
    let mut problem = match file.extended_attributes() {
        Ok(attributes) => attribute_problem(&mut entry, attributes),
        Err(error) => {
            entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
            Some(SourceProblem::Unreadable(source.error("list the extended attributes of", error)))
        }
    };
    if !steady {
        entry.marks = entry.marks.with(Marks::CHANGED_WHILE_READ);
        problem = Some(SourceProblem::Changing { path: entry.path.clone() });
    }
    Ok(Some(StreamEnd::Read { entry, problem }))
}

/// Reads all extents; returns how far the content reaches, less than `size` if the file has become shorter.
fn read_extents(
    file: &SourceFile,
    extents: &mut Vec<(u64, u64)>,
    size: u64,
    cutter: &mut SegmentCutter<'_>,
) -> Result<io::Result<u64>, ConsumerGone> {
    let mut reached = size;
    'extents: for number in 0..extents.len() {
        let (offset, length) = extents[number];
        let mut done = 0;
        while done < length {
            let room = cutter.room();
            let wanted = room.len().min((length - done) as usize);
            let read = match read_fully(file, &mut room[..wanted], offset + done) {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            cutter.advance(read)?;
            done += read as u64;
            if read < wanted {
                extents.truncate(number + 1);
                extents[number].1 = done;
                reached = offset + done;
                break 'extents;
            }
        }
    }
    extents.retain(|(_, length)| *length > 0);
    cutter.cut(true)?;
    Ok(Ok(reached))
}

/// Reads a stream to its end and sends its segments; returns its length, or the error that ended it.
pub(crate) fn read_stream(
    input: &mut dyn io::Read,
    segments: &Sender<Segment>,
    tools: &ChunkTools,
) -> io::Result<u64> {
    let gone = |_: ConsumerGone| io::Error::from(io::ErrorKind::BrokenPipe);
    let mut cutter = SegmentCutter::new(tools, segments);
    let mut length = 0;
    loop {
        match input.read(cutter.room()) {
            Ok(0) => break,
            Ok(read) => {
                length += read as u64;
                cutter.advance(read).map_err(gone)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    cutter.cut(true).map_err(gone)?;
    Ok(length)
}
