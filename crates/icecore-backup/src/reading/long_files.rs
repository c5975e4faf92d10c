//! Cuts long files into chunks while reading them.

use std::io;

use crossbeam_channel::Sender;
use icecore_format::{
    entry::{Entry, EntryKind, Hole},
    limits::HOLES_MAX,
};
use icecore_fs::{error::FsError, source_file::SourceFile, walk::WalkEntry};

use super::{
    again::{self, READ_ATTEMPTS},
    attributes::read_metadata,
    chunk_tools::ChunkTools,
    cutter::{ConsumerGone, SegmentCutter},
    file::{FileRead, read_fully},
    job::{LongFileEnd, Outcome, ReadItem, Segment},
    tail,
};
use crate::events::SourceProblem;

/// Result of one attempt to read a long file.
enum Attempt {
    /// All of it was read.
    Read { entry: Entry, problem: Option<SourceProblem> },
    /// It changed meanwhile, and must be read again.
    Changed,
    /// It could not be read as the walk saw it.
    Failed { entry: Entry, error: FsError },
}

/// Reads a long file, again if it changes meanwhile, and sends its segments and its end.
pub(crate) fn read_file(source: &WalkEntry, entry: &Entry, segments: &Sender<Segment>, tools: &ChunkTools) {
    let (mut entry, mut source) = (entry.clone(), source.clone());
    for attempt in 1..=READ_ATTEMPTS {
        if attempt > 1 && segments.send(Segment::Restart).is_err() {
            return;
        }
        let last_attempt = attempt == READ_ATTEMPTS;
        let end = match read_once(&source, entry.clone(), segments, tools, last_attempt) {
            Ok(Attempt::Read { entry, problem }) => LongFileEnd::Read { entry, problem },
            Ok(Attempt::Changed) => continue,
            Ok(Attempt::Failed { entry: failed, error }) => match again::look(failed, &source, error) {
                again::Next::Done(item) => LongFileEnd::Other(*item),
                again::Next::Retry(found) if found.0.kind == EntryKind::File && !last_attempt => {
                    (entry, source) = *found;
                    continue;
                }
                again::Next::Retry(found) => LongFileEnd::Other(read_other(found.0, &found.1)),
            },
            Err(ConsumerGone) => return,
        };
        // A consumer that has ended needs no end.
        segments.send(Segment::End(Box::new(end))).unwrap_or_default();
        return;
    }
}

/// Reads the object that replaced a file, unless files keep replacing each other.
fn read_other(entry: Entry, source: &WalkEntry) -> ReadItem {
    let file = entry.kind == EntryKind::File;
    let item = if file { again::changing(entry) } else { again::came_too_late(read_metadata(entry, source)) };
    match item.outcome {
        Outcome::Failed(_) => again::changing(item.entry),
        _ => item,
    }
}

/// Reads a file once.
fn read_once(
    source: &WalkEntry,
    mut entry: Entry,
    segments: &Sender<Segment>,
    tools: &ChunkTools,
    last_attempt: bool,
) -> Result<Attempt, ConsumerGone> {
    let file = match source.open() {
        Ok(file) => file,
        Err(error) => return Ok(Attempt::Failed { entry, error }),
    };
    let read = match read_content(&file, SegmentCutter::new(tools, segments))? {
        Ok(read) => read,
        Err(error) => return Ok(Attempt::Failed { entry, error: source.error("read", error) }),
    };
    if !read.steady && !last_attempt {
        return Ok(Attempt::Changed);
    }
    let problem = read.complete(&mut entry, source, &file);
    Ok(Attempt::Read { entry, problem })
}

/// Reads a file to its end. A file with more holes than an entry can have gets them as items between its
/// chunks.
fn read_content(
    file: &SourceFile,
    mut cutter: SegmentCutter<'_>,
) -> Result<io::Result<FileRead>, ConsumerGone> {
    let size = file.opened_metadata().size;
    let known = match known_extents(file, size) {
        Ok(known) => known,
        Err(error) => return Ok(Err(error)),
    };
    let mut content = ContentReader { file, cutter: &mut cutter, position: 0, holes: Vec::new() };
    let read = match known {
        Some(extents) => content.read_extents(extents.into_iter().map(Ok), size, false)?,
        None => content.read_extents(file.extents(size), size, true)?,
    };
    let read = match read {
        Ok(ended) if ended => Ok(()),
        Ok(_) => content.read_tail()?,
        Err(error) => Err(error),
    };
    let ContentReader { position: size, holes, .. } = content;
    cutter.finish()?;
    Ok(read.and_then(|()| FileRead::end(file, size, holes)))
}

/// Returns the data extents of a file; none if it has more holes than an entry can have.
fn known_extents(file: &SourceFile, size: u64) -> io::Result<Option<Vec<(u64, u64)>>> {
    let (mut extents, mut holes, mut end) = (Vec::new(), 0, 0);
    for extent in file.extents(size) {
        let (offset, length) = extent?;
        holes += usize::from(offset > end);
        if holes > HOLES_MAX {
            return Ok(None);
        }
        end = offset + length;
        extents.push((offset, length));
    }
    holes += usize::from(size > end);
    Ok((holes <= HOLES_MAX).then_some(extents))
}

/// Reads the data of a file into a cutter and notes the holes.
struct ContentReader<'a, 'b> {
    file: &'a SourceFile,
    cutter: &'a mut SegmentCutter<'b>,
    position: u64,
    holes: Vec<Hole>,
}

impl ContentReader<'_, '_> {
    /// Reads all extents; returns whether the end of the file came before `size`.
    fn read_extents(
        &mut self,
        extents: impl Iterator<Item = io::Result<(u64, u64)>>,
        size: u64,
        as_items: bool,
    ) -> Result<io::Result<bool>, ConsumerGone> {
        for extent in extents {
            let (offset, length) = match extent {
                Ok(extent) => extent,
                Err(error) => return Ok(Err(error)),
            };
            self.hole_up_to(offset, as_items)?;
            match self.read_data(offset + length)? {
                Ok(false) => {}
                ended => return Ok(ended),
            }
        }
        self.hole_up_to(size, as_items)?;
        Ok(Ok(false))
    }

    fn hole_up_to(&mut self, end: u64, as_item: bool) -> Result<(), ConsumerGone> {
        let Some(length) = end.checked_sub(self.position).filter(|length| *length > 0) else { return Ok(()) };
        if as_item {
            self.cutter.hole(length)?;
        } else {
            self.holes.push(Hole { offset: self.position, length });
        }
        self.position = end;
        Ok(())
    }

    /// Reads up to `end`; returns whether the file ends before it.
    fn read_data(&mut self, end: u64) -> Result<io::Result<bool>, ConsumerGone> {
        while self.position < end {
            let room = self.cutter.room();
            let wanted = room.len().min(usize::try_from(end - self.position).unwrap_or(usize::MAX));
            let read = match read_fully(self.file, &mut room[..wanted], self.position) {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            self.cutter.advance(read)?;
            self.position += read as u64;
            if read < wanted {
                return Ok(Ok(true));
            }
        }
        Ok(Ok(false))
    }

    /// Reads the content beyond the size.
    fn read_tail(&mut self) -> Result<io::Result<()>, ConsumerGone> {
        let mut taken = Ok(());
        let mut piece = vec![0; tail::PIECE_BYTES];
        let end = tail::read_tail(self.file, &mut piece, &mut |bytes| {
            self.position += bytes.len() as u64;
            taken = self.cutter.add(bytes);
            taken.is_ok()
        });
        taken.map(|()| end.map(|_| ()))
    }
}
