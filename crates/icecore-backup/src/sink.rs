//! The end of the pipeline: chunks go into the session, entries into the manifest, numbers into the report.

mod entries;

use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use icecore_format::{
    entry::{ChunkRef, Content, Entry},
    limits::INLINE_CHUNKS_MAX,
    seal::ObjectKind,
};
use icecore_fs::walk::{Suspects, WalkEntry};
use icecore_repo::{
    manifest::{ChunkListWriter, write_chunk_list},
    session::WriteSession,
};

pub(crate) use self::entries::AllEntries;
use self::entries::EntryWriter;
use crate::{
    error::{BackupError, BackupResult},
    events::{BackupEvents, SourceProblem},
    links::Links,
    reading::{
        again,
        chunk_tools::ChunkTools,
        job::{LongFileEnd, Outcome, PlannedItem, ReadBatch, ReadItem, SEGMENTS_AHEAD, Segment},
        long_files,
    },
    tally::Tally,
};

/// Takes planned and read objects, in the order of the manifest.
pub(crate) struct Sink<'a, 'c> {
    pub links: Links,
    entries: EntryWriter<'a, 'c>,
    tools: Arc<ChunkTools>,
    /// Directories from which names vanished.
    suspects: Suspects,
}

impl<'a, 'c> Sink<'a, 'c> {
    /// Begins an empty manifest in a session.
    pub fn new(
        session: &'a mut WriteSession<'c>,
        events: &'a dyn BackupEvents,
        tools: Arc<ChunkTools>,
    ) -> Self {
        Self {
            links: Links::default(),
            entries: EntryWriter::new(session, events),
            tools,
            suspects: Suspects::default(),
        }
    }

    /// Returns the session.
    pub fn session(&self) -> &WriteSession<'c> {
        self.entries.session
    }

    /// Refreshes the pending snapshot, a sign that the run is alive, if it is due.
    pub fn refresh_if_due(&mut self) -> BackupResult<()> {
        Ok(self.entries.session.refresh_if_due()?)
    }

    /// Returns the counts and the report.
    pub fn tally(&mut self) -> &mut Tally<'a> {
        &mut self.entries.tally
    }

    /// Returns the tools that turn bytes into chunks.
    pub fn tools(&self) -> &Arc<ChunkTools> {
        &self.tools
    }

    /// Takes objects that did not have to be read.
    pub fn take_unread(&mut self, items: Vec<PlannedItem>) -> BackupResult<()> {
        items.into_iter().try_for_each(|item| self.entries.push_unchanged(item.entry, item.leaf))
    }

    /// Takes the result of a reader for a batch.
    pub fn take_batch(&mut self, batch: ReadBatch) -> BackupResult<()> {
        batch.items.into_iter().try_for_each(|item| self.take_item(item, &batch.buffer))
    }

    /// Takes the segments of a long file until its end.
    pub fn take_long_file(&mut self, segments: &Receiver<Segment>) -> BackupResult<()> {
        let mut list = ChunkListWriter::default();
        loop {
            match segments.recv() {
                Ok(Segment::Data { buffer, chunks }) => self.take_segment(buffer, &chunks, &mut list)?,
                Ok(Segment::Restart) => list = ChunkListWriter::default(),
                Ok(Segment::End(end)) => return self.end_long_file(*end, list),
                Err(_) => return Err(BackupError::StageLost { stage: "read" }),
            }
        }
    }

    /// Takes the segments of a stream until there are no more.
    pub fn take_stream(&mut self, segments: &Receiver<Segment>) -> BackupResult<ChunkListWriter> {
        let mut list = ChunkListWriter::default();
        for segment in segments {
            if let Segment::Data { buffer, chunks } = segment {
                let bytes = buffer.len() as u64;
                self.take_segment(buffer, &chunks, &mut list)?;
                self.entries.tally.count_bytes(bytes, self.entries.session);
            }
        }
        Ok(list)
    }

    /// Adds the only entry of a stream to the manifest.
    pub fn push_stream(&mut self, mut entry: Entry, list: ChunkListWriter) -> BackupResult<()> {
        entry.size = list.bytes();
        self.entries.tally.counts.files_new += 1;
        let content = list.finish(self.entries.session)?;
        self.push_read(entry, content)
    }

    /// Ends the manifest; also returns the directories from which names vanished.
    pub fn end(self) -> BackupResult<(AllEntries<'a, 'c>, Suspects)> {
        Ok((self.entries.end()?, self.suspects))
    }

    fn take_item(&mut self, item: ReadItem, buffer: &[u8]) -> BackupResult<()> {
        let ReadItem { mut entry, outcome, problem } = item;
        if let Some(problem) = problem {
            self.entries.tally.problem(problem);
        }
        match outcome {
            Outcome::Complete => {}
            Outcome::Unchanged(leaf) => return self.entries.push_unchanged(entry, leaf),
            Outcome::Vanished(directory) => {
                self.entries.tally.counts.vanished += 1;
                self.suspects.add(&directory);
                return Ok(());
            }
            Outcome::Failed(error) => {
                self.entries.tally.problem(SourceProblem::Unreadable(error));
                entry = again::strip(entry);
            }
            Outcome::Grown(source) => return self.read_now(&source, entry),
            Outcome::SameFile(source) => {
                if !self.links.complete(&mut entry) {
                    return self.read_now(&source, entry);
                }
            }
            Outcome::Chunks { start, chunks } => {
                self.add_chunks(&buffer[start..], &chunks)?;
                let content = self.content(chunks)?;
                return self.push_read(entry, content);
            }
        }
        self.entries.push(&entry)
    }

    /// Adds the entry of a file whose content was read to the manifest.
    fn push_read(&mut self, mut entry: Entry, content: Content) -> BackupResult<()> {
        self.entries.tally.counts.files_read += 1;
        entry.content = content;
        self.links.remember(&entry);
        self.entries.push(&entry)
    }

    /// Reads a file out of order, on a separate thread: the readers may all be waiting for this thread.
    fn read_now(&mut self, source: &WalkEntry, entry: Entry) -> BackupResult<()> {
        let (sender, segments) = bounded(SEGMENTS_AHEAD);
        let tools = Arc::clone(&self.tools);
        std::thread::scope(|scope| {
            scope.spawn(move || long_files::read_file(source, &entry, &sender, &tools));
            let taken = self.take_long_file(&segments);
            // After a failure, the reader would wait for ever for room.
            drop(segments);
            taken
        })
    }

    fn end_long_file(&mut self, end: LongFileEnd, list: ChunkListWriter) -> BackupResult<()> {
        match end {
            LongFileEnd::Read { entry, problem } => {
                if let Some(problem) = problem {
                    self.entries.tally.problem(problem);
                }
                let content = list.finish(self.entries.session)?;
                self.push_read(entry, content)
            }
            LongFileEnd::Other(item) => self.take_item(item, &[]),
        }
    }

    fn take_segment(
        &mut self,
        buffer: Vec<u8>,
        chunks: &[ChunkRef],
        list: &mut ChunkListWriter,
    ) -> BackupResult<()> {
        self.add_chunks(&buffer, chunks)?;
        self.tools.segment_buffers.give_back(buffer);
        for chunk in chunks {
            list.push(self.entries.session, *chunk)?;
        }
        self.refresh_if_due()
    }

    /// Adds chunks that follow each other in `buffer`, which does not contain the holes between them.
    fn add_chunks(&mut self, buffer: &[u8], chunks: &[ChunkRef]) -> BackupResult<()> {
        let mut rest = buffer;
        for chunk in chunks.iter().filter(|chunk| !chunk.is_hole()) {
            let (content, remaining) = rest.split_at(chunk.length as usize);
            self.entries.session.add_chunk(ObjectKind::Data, chunk.id, content)?;
            rest = remaining;
            self.entries.tally.counts.chunks_read += 1;
        }
        self.entries.tally.counts.bytes_read += (buffer.len() - rest.len()) as u64;
        Ok(())
    }

    fn content(&mut self, chunks: Vec<ChunkRef>) -> BackupResult<Content> {
        if chunks.len() <= INLINE_CHUNKS_MAX {
            Ok(Content::Inline(chunks))
        } else {
            Ok(Content::List(write_chunk_list(self.entries.session, &chunks)?))
        }
    }
}
