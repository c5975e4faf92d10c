//! Where what was read ends up: chunks in the session, entries in the manifest, numbers in the report.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::{Receiver, bounded};
use icecore_format::{
    entry::{ChunkRef, Content, Entry},
    limits::INLINE_CHUNKS_MAX,
    seal::ObjectKind,
};
use icecore_fs::{
    names::{GroupNames, UserNames},
    walk::{Suspects, WalkEntry},
};
use icecore_repo::{
    manifest::{ChunkListWriter, ManifestWriter, write_chunk_list},
    session::WriteSession,
};

use crate::{
    again,
    entries::{Refused, UnchangedLeaf},
    error::{BackupError, BackupResult},
    granularity::Granularity,
    job::{ChunkTools, Outcome, ReadItem, Segment, StreamEnd},
    links::Links,
    problems::Problems,
    request::{BackupCounts, BackupEvents, BackupProgress, SourceProblem},
    streaming::{self, SEGMENTS_AHEAD},
};

/// Progress is reported at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Where content and entries go, and what is counted on the way.
pub(crate) struct Sink<'a, 'c> {
    pub session: &'a mut WriteSession<'c>,
    pub manifest: ManifestWriter,
    pub events: &'a dyn BackupEvents,
    pub users: UserNames,
    pub groups: GroupNames,
    pub counts: BackupCounts,
    pub problems: Problems,
    pub progress: BackupProgress,
    pub reported: Duration,
    pub tools: Arc<ChunkTools>,
    pub links: Links,
    pub granularity: Granularity,
    pub leaf: Option<UnchangedLeaf>,
    pub refused: Option<Refused>,
    /// Directories in which names vanished.
    pub suspects: Suspects,
}

impl Sink<'_, '_> {
    pub fn problem(&mut self, problem: SourceProblem) {
        self.problems.add(problem, self.events);
    }

    pub fn report(&mut self, path: &[u8]) {
        let now = self.session.repository().environment().monotonic();
        if now.saturating_sub(self.reported) >= PROGRESS_EVERY {
            self.reported = now;
            self.progress.path = path.to_vec();
            self.progress.bytes_stored = self.session.statistics().bytes_stored;
            self.events.progress(&self.progress);
        }
    }

    /// Adds chunks that lie one after the other in `buffer`, which does not have the holes between them.
    fn add_chunks(&mut self, buffer: &[u8], chunks: &[ChunkRef]) -> BackupResult<()> {
        let mut rest = buffer;
        for chunk in chunks.iter().filter(|chunk| !chunk.is_hole()) {
            let (content, remaining) = rest.split_at(chunk.length as usize);
            self.session.add_chunk(ObjectKind::Data, chunk.id, content)?;
            rest = remaining;
            self.counts.chunks_read += 1;
        }
        self.counts.bytes_read += (buffer.len() - rest.len()) as u64;
        Ok(())
    }

    fn content(&mut self, chunks: Vec<ChunkRef>) -> BackupResult<Content> {
        if chunks.len() <= INLINE_CHUNKS_MAX {
            Ok(Content::Inline(chunks))
        } else {
            Ok(Content::List(write_chunk_list(self.session, &chunks)?))
        }
    }

    /// Takes what a reader made of an object.
    pub fn take_item(&mut self, item: ReadItem, buffer: &[u8]) -> BackupResult<()> {
        let ReadItem { mut entry, outcome, problem } = item;
        if let Some(problem) = problem {
            self.problem(problem);
        }
        match outcome {
            Outcome::Complete => {}
            Outcome::Unchanged(leaf) => return self.push_unchanged(entry, leaf),
            Outcome::Vanished(directory) => {
                self.counts.vanished += 1;
                self.suspects.add(&directory);
                return Ok(());
            }
            Outcome::Failed(error) => {
                self.problem(SourceProblem::Unreadable(error));
                entry = again::strip(entry);
            }
            Outcome::Grown(source) => return self.read_now(&source, entry),
            Outcome::SameFile(source) => {
                if !self.links.complete(&mut entry) {
                    return self.read_now(&source, entry);
                }
            }
            Outcome::Chunks { start, chunks } => {
                self.counts.files_read += 1;
                self.add_chunks(&buffer[start..], &chunks)?;
                entry.content = self.content(chunks)?;
                self.links.remember(&entry);
            }
        }
        self.push(&entry)
    }

    /// Reads a file out of turn, on a thread of its own: the readers may all be waiting for this thread.
    fn read_now(&mut self, source: &WalkEntry, entry: Entry) -> BackupResult<()> {
        let (sender, segments) = bounded(SEGMENTS_AHEAD);
        let tools = Arc::clone(&self.tools);
        std::thread::scope(|scope| {
            scope.spawn(move || streaming::read_file(source, &entry, &sender, &tools));
            let taken = self.take_stream(&segments);
            // Where that failed, the reader would wait for ever for room.
            drop(segments);
            taken
        })
    }

    /// Takes the segments of a long file until its end.
    pub fn take_stream(&mut self, segments: &Receiver<Segment>) -> BackupResult<()> {
        let mut list = ChunkListWriter::default();
        loop {
            match segments.recv() {
                Ok(Segment::Data { buffer, chunks }) => {
                    self.add_chunks(&buffer, &chunks)?;
                    self.tools.segment_buffers.give_back(buffer);
                    self.add_to_list(&mut list, &chunks)?;
                    self.session.refresh_if_due()?;
                }
                Ok(Segment::Restart) => list = ChunkListWriter::default(),
                Ok(Segment::End(end)) => return self.end_stream(*end, list),
                Err(_) => return Err(BackupError::StageLost { stage: "read" }),
            }
        }
    }

    fn add_to_list(&mut self, list: &mut ChunkListWriter, chunks: &[ChunkRef]) -> BackupResult<()> {
        chunks.iter().try_for_each(|chunk| Ok(list.push(self.session, *chunk)?))
    }

    fn end_stream(&mut self, end: StreamEnd, list: ChunkListWriter) -> BackupResult<()> {
        match end {
            StreamEnd::Read { mut entry, problem } => {
                if let Some(problem) = problem {
                    self.problem(problem);
                }
                self.counts.files_read += 1;
                entry.content = list.finish(self.session)?;
                self.links.remember(&entry);
                self.push(&entry)
            }
            StreamEnd::Other(item) => self.take_item(item, &[]),
            StreamEnd::Failed { entry, error } => {
                self.problem(SourceProblem::Unreadable(error));
                self.push(&again::strip(entry))
            }
        }
    }

    /// Takes a stream that is not a file: everything it gives becomes the content of `entry`.
    pub fn take_input(&mut self, segments: &Receiver<Segment>) -> BackupResult<ChunkListWriter> {
        let mut list = ChunkListWriter::default();
        for segment in segments {
            if let Segment::Data { buffer, chunks } = segment {
                self.add_chunks(&buffer, &chunks)?;
                self.add_to_list(&mut list, &chunks)?;
                self.progress.bytes += buffer.len() as u64;
                self.tools.segment_buffers.give_back(buffer);
                self.report(&[]);
                self.session.refresh_if_due()?;
            }
        }
        Ok(list)
    }

    /// Puts the only entry of a stream into the manifest.
    pub fn push_input(&mut self, mut entry: Entry, list: ChunkListWriter) -> BackupResult<()> {
        entry.size = list.bytes();
        entry.content = list.finish(self.session)?;
        self.counts.files_new += 1;
        self.counts.files_read += 1;
        self.push(&entry)
    }
}
