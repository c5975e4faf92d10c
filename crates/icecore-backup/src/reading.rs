//! Reader threads: small objects in batches.

use std::io;

use crossbeam_channel::{Receiver, Sender};
use icecore_format::entry::{Entry, EntryKind, Marks};
use icecore_fs::{entry::Metadata, error::FsError, source_file::SourceFile, walk::WalkEntry};

use crate::{
    again, capture,
    job::{
        ChunkTools, GROWN_FILE_BYTES_MAX, Item, Job, Outcome, ReadBatch, ReadItem, SMALL_FILE_BYTES_MAX,
        Task, holes_between,
    },
    request::SourceProblem,
    streaming,
    tail::{self, TailEnd},
};

/// A file that changes while it is read is read this many times in all.
pub(crate) const READ_ATTEMPTS: u32 = 3;
/// A file is not read into a batch that has this many bytes already, should it turn out to be longer than it said.
const BATCH_BUFFER_BYTES_MAX: usize = 16 << 20;

/// Where the content of small files is read to.
struct Buffers {
    /// Contents of a batch, one after the other.
    contents: Vec<u8>,
    /// What lies beyond the size of a file.
    piece: Vec<u8>,
}

/// Works until there are no more jobs, or nobody wants results any more.
pub(crate) fn run_reader(jobs: &Receiver<Job>, results: &Sender<ReadBatch>, tools: &ChunkTools) {
    let mut buffers = Buffers { contents: Vec::new(), piece: vec![0; tail::PIECE_BYTES] };
    for job in jobs {
        match job {
            Job::Batch { sequence, items } => {
                if results.send(read_batch(sequence, items, &mut buffers, tools)).is_err() {
                    return;
                }
            }
            Job::Stream { source, entry, segments } => {
                streaming::read_file(&source, &entry, &segments, tools);
            }
        }
    }
}

fn read_batch(sequence: u64, items: Vec<Item>, buffers: &mut Buffers, tools: &ChunkTools) -> ReadBatch {
    let bytes: u64 = items
        .iter()
        .filter(|item| matches!(item.task, Task::Content(_)))
        .map(|item| item.entry.size.min(SMALL_FILE_BYTES_MAX) + 1)
        .sum();
    buffers.contents = Vec::with_capacity(bytes as usize);
    let items = items.into_iter().map(|item| read_item(item, buffers, tools)).collect();
    ReadBatch { sequence, items, buffer: std::mem::take(&mut buffers.contents) }
}

fn read_item(item: Item, buffers: &mut Buffers, tools: &ChunkTools) -> ReadItem {
    let Item { entry, task, leaf } = item;
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

/// Reads an object that has come in the place of another one, whatever it is.
fn read_anything(entry: Entry, source: &WalkEntry, buffers: &mut Buffers, tools: &ChunkTools) -> ReadItem {
    if entry.kind == EntryKind::File {
        read_small_file(entry, source, buffers, tools)
    } else {
        again::came_too_late(read_metadata(entry, source))
    }
}

fn failed(entry: Entry, error: FsError) -> ReadItem {
    ReadItem { entry, outcome: Outcome::Failed(error), problem: None }
}

/// Reads extended attributes, and the target of a symbolic link.
pub(crate) fn read_metadata(mut entry: Entry, source: &WalkEntry) -> ReadItem {
    if entry.kind == EntryKind::Symlink {
        match source.read_link() {
            Ok(target) => entry.target = target,
            Err(error) => return failed(entry, error),
        }
    }
    let problem = match source.extended_attributes() {
        Ok(read) => attribute_problem(&mut entry, read),
        Err(error) if error.is_gone() => return failed(entry, error),
        Err(error) => {
            entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
            Some(SourceProblem::Unreadable(error))
        }
    };
    // It was read by its name, which another object may have taken meanwhile.
    if source.is_unchanged().is_ok_and(|unchanged| !unchanged) {
        let error = io::Error::from(io::ErrorKind::NotFound);
        return failed(entry, source.error("read the metadata of", error));
    }
    ReadItem { entry, outcome: Outcome::Complete, problem }
}

pub(crate) fn attribute_problem(
    entry: &mut Entry,
    mut read: icecore_fs::xattr::AttributesRead,
) -> Option<SourceProblem> {
    let first = if read.unreadable.is_empty() { None } else { Some(read.unreadable.remove(0)) };
    let complete = first.is_none();
    if capture::set_attributes(entry, read) && complete {
        return None;
    }
    entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
    let source = first.map_or_else(
        || {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the extended attributes are larger than a snapshot can hold",
            )
        },
        |attribute| attribute.source,
    );
    Some(SourceProblem::Unreadable(FsError::new(
        "read all extended attributes of",
        entry.path.clone(),
        source,
    )))
}

/// Reads a file that fits into memory, again if it changes meanwhile.
fn read_small_file(
    mut entry: Entry,
    source: &WalkEntry,
    buffers: &mut Buffers,
    tools: &ChunkTools,
) -> ReadItem {
    let start = buffers.contents.len();
    for attempt in 1.. {
        buffers.contents.truncate(start);
        let file = match source.open() {
            Ok(file) => file,
            Err(error) => return failed(entry, error),
        };
        let read = match read_whole(&file, buffers) {
            Ok(Some(read)) => read,
            Ok(None) => {
                buffers.contents.truncate(start);
                return ReadItem { entry, outcome: Outcome::Grown(source.clone()), problem: None };
            }
            Err(error) => {
                buffers.contents.truncate(start);
                return failed(entry, source.error("read", error));
            }
        };
        if !read.steady && attempt < READ_ATTEMPTS {
            continue;
        }
        capture::set_metadata_read(&mut entry, &read.metadata);
        entry.size = read.size;
        entry.holes = holes_between(&read.extents, read.size);
        let problem = read_attributes(&mut entry, source, &file, read.steady);
        let chunks = tools.cut_all(&buffers.contents[start..]);
        return ReadItem { entry, outcome: Outcome::Chunks { start, chunks }, problem };
    }
    again::changing(entry)
}

/// Completes the entry of a file whose content was read, and returns what is not as it should be.
pub(crate) fn read_attributes(
    entry: &mut Entry,
    source: &WalkEntry,
    file: &SourceFile,
    steady: bool,
) -> Option<SourceProblem> {
    let problem = match file.extended_attributes() {
        Ok(attributes) => attribute_problem(entry, attributes),
        Err(error) => {
            entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
            Some(SourceProblem::Unreadable(source.error("list the extended attributes of", error)))
        }
    };
    if steady {
        return problem;
    }
    entry.marks = entry.marks.with(Marks::CHANGED_WHILE_READ);
    Some(SourceProblem::Changing { path: entry.path.clone() })
}

/// What was read of a file in one go.
struct WholeRead {
    metadata: Metadata,
    /// Length that the content stands for, with holes.
    size: u64,
    extents: Vec<(u64, u64)>,
    /// Nothing changed between opening and the end.
    steady: bool,
}

/// Reads a file to its end; returns nothing if it is too long to be read like this.
fn read_whole(file: &SourceFile, buffers: &mut Buffers) -> io::Result<Option<WholeRead>> {
    let opened = *file.opened_metadata();
    if opened.size > GROWN_FILE_BYTES_MAX {
        return Ok(None);
    }
    let Buffers { contents, piece } = buffers;
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
    let metadata = file.metadata()?;
    let steady = same_state(&opened, &metadata);
    Ok(Some(WholeRead { metadata, size: reached, extents, steady }))
}

/// Says whether nothing was written between two looks at a file.
pub(crate) fn same_state(before: &Metadata, after: &Metadata) -> bool {
    before.size == after.size && before.modified == after.modified && before.changed == after.changed
}

/// Reads until the buffer is full or the file ends; returns how many bytes.
pub(crate) fn read_fully(file: &SourceFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
