//! Reads small objects in batches.

use std::io;

use icecore_format::entry::{Entry, EntryKind, Hole};
use icecore_fs::{source_file::SourceFile, walk::WalkEntry};

use super::{
    again::{self, READ_ATTEMPTS},
    attributes::read_metadata,
    chunk_tools::ChunkTools,
    file::{FileRead, read_fully},
    job::{GROWN_FILE_BYTES_MAX, Outcome, PlannedItem, ReadBatch, ReadItem, SMALL_FILE_BYTES_MAX, Task},
    tail::{self, TailEnd},
};

/// A file that turns out to be longer than its size is not read into a batch that already has this many
/// bytes.
const BATCH_BUFFER_BYTES_MAX: usize = 16 << 20;

/// Buffers for the content of small files.
#[derive(Debug)]
pub(crate) struct BatchBuffers {
    /// Contents of a batch, one after the other.
    contents: Vec<u8>,
    /// Content beyond the size of a file.
    piece: Vec<u8>,
}

impl Default for BatchBuffers {
    fn default() -> Self {
        Self { contents: Vec::new(), piece: vec![0; tail::PIECE_BYTES] }
    }
}

/// Reads the objects of a batch, one after the other.
pub(crate) fn read_batch(
    sequence: u64,
    items: Vec<PlannedItem>,
    buffers: &mut BatchBuffers,
    tools: &ChunkTools,
) -> ReadBatch {
    let bytes: u64 = items
        .iter()
        .filter(|item| matches!(item.task, Task::Content(_)))
        .map(|item| item.entry.size.min(SMALL_FILE_BYTES_MAX) + 1)
        .sum();
    buffers.contents = Vec::with_capacity(bytes as usize);
    let items = items.into_iter().map(|item| read_item(item, buffers, tools)).collect();
    ReadBatch { sequence, items, buffer: std::mem::take(&mut buffers.contents) }
}

fn read_item(item: PlannedItem, buffers: &mut BatchBuffers, tools: &ChunkTools) -> ReadItem {
    let PlannedItem { entry, task, leaf } = item;
    match task {
        Task::None => ReadItem { entry, outcome: Outcome::Unchanged(leaf), problem: None },
        Task::SameFile(source) => ReadItem { entry, outcome: Outcome::SameFile(source), problem: None },
        Task::Metadata(source) => again::read(entry, source, read_metadata, |entry, source| {
            read_anything(entry, source, buffers, tools)
        }),
        // Both ways to read write to the buffers, one after the other.
        Task::Content(source) => {
            let buffers = std::cell::RefCell::new(buffers);
            again::read(
                entry,
                source,
                |entry, source| read_small_file(entry, source, &mut buffers.borrow_mut(), tools),
                |entry, source| read_anything(entry, source, &mut buffers.borrow_mut(), tools),
            )
        }
    }
}

/// Reads an object of any kind that has replaced another one.
fn read_anything(
    entry: Entry,
    source: &WalkEntry,
    buffers: &mut BatchBuffers,
    tools: &ChunkTools,
) -> ReadItem {
    if entry.kind == EntryKind::File {
        read_small_file(entry, source, buffers, tools)
    } else {
        again::came_too_late(read_metadata(entry, source))
    }
}

/// Reads a file that fits into memory, again if it changes meanwhile.
fn read_small_file(
    mut entry: Entry,
    source: &WalkEntry,
    buffers: &mut BatchBuffers,
    tools: &ChunkTools,
) -> ReadItem {
    let start = buffers.contents.len();
    for attempt in 1.. {
        buffers.contents.truncate(start);
        let file = match source.open() {
            Ok(file) => file,
            Err(error) => return ReadItem::failed(entry, error),
        };
        let read = match read_whole(&file, buffers) {
            Ok(Some(read)) => read,
            Ok(None) => {
                buffers.contents.truncate(start);
                return ReadItem { entry, outcome: Outcome::Grown(source.clone()), problem: None };
            }
            Err(error) => {
                buffers.contents.truncate(start);
                return ReadItem::failed(entry, source.error("read", error));
            }
        };
        if !read.steady && attempt < READ_ATTEMPTS {
            continue;
        }
        let problem = read.complete(&mut entry, source, &file);
        let chunks = tools.cut_all(&buffers.contents[start..]);
        return ReadItem { entry, outcome: Outcome::Chunks { start, chunks }, problem };
    }
    again::changing(entry)
}

/// Reads a file to its end; returns none if it is too long for this.
fn read_whole(file: &SourceFile, buffers: &mut BatchBuffers) -> io::Result<Option<FileRead>> {
    let opened = *file.opened_metadata();
    if opened.size > GROWN_FILE_BYTES_MAX {
        return Ok(None);
    }
    let BatchBuffers { contents, piece } = buffers;
    let mut extents = file.data_extents(opened.size)?;
    let mut reached = opened.size;
    let mut ended = false;
    for (number, (offset, length)) in extents.clone().into_iter().enumerate() {
        let start = contents.len();
        contents.resize(start + length as usize, 0);
        let read = read_fully(file, &mut contents[start..], offset)?;
        if (read as u64) < length {
            // The end comes before the size: the file has become shorter, or its size was never right.
            contents.truncate(start + read);
            extents.truncate(number + 1);
            extents[number].1 = read as u64;
            reached = offset + read as u64;
            ended = true;
            break;
        }
    }
    extents.retain(|(_, length)| *length > 0);
    if !ended {
        let start = contents.len();
        let end = tail::read_tail(file, piece, &mut |bytes| {
            contents.extend_from_slice(bytes);
            let beyond = (contents.len() - start) as u64;
            opened.size + beyond <= GROWN_FILE_BYTES_MAX && contents.len() <= BATCH_BUFFER_BYTES_MAX
        })?;
        if end == TailEnd::Stopped {
            return Ok(None);
        }
        let beyond = (contents.len() - start) as u64;
        if beyond > 0 {
            extents.push((opened.size, beyond));
        }
        reached += beyond;
    }
    FileRead::end(file, reached, holes_between(&extents, reached)).map(Some)
}

/// Returns the holes between extents of data, up to `size`.
fn holes_between(extents: &[(u64, u64)], size: u64) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut end = 0;
    for (offset, length) in extents.iter().copied().chain([(size, 0)]) {
        if offset > end {
            holes.push(Hole { offset: end, length: offset - end });
        }
        end = offset + length;
    }
    holes
}
