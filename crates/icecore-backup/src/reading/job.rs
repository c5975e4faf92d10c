//! Work for the reader threads, and its results.

use std::sync::Arc;

use crossbeam_channel::Sender;
use icecore_format::entry::{ChunkRef, Entry};
use icecore_fs::{Directory, error::FsError, walk::WalkEntry};
use icecore_repo::manifest::LeafIdentity;

use crate::events::SourceProblem;

/// Files up to this many bytes are read whole and travel in batches; longer ones are read in segments.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;
/// A file that has grown up to this many bytes since the walk is still read whole.
pub(crate) const GROWN_FILE_BYTES_MAX: u64 = 4 << 20;
/// Segments of one file that may wait for the consumer.
pub(crate) const SEGMENTS_AHEAD: usize = 2;

/// An object, and how to handle it.
#[derive(Debug)]
pub(crate) struct PlannedItem {
    /// Entry, complete or not.
    pub entry: Entry,
    /// How to handle it.
    pub task: Task,
    /// Leaf of the base with exactly this entry, and the entry's number in it.
    pub leaf: Option<(Arc<LeafIdentity>, usize)>,
}

/// Work on an object before it goes into the manifest.
#[derive(Debug)]
pub(crate) enum Task {
    /// Nothing.
    None,
    /// Reading attributes (and the target of a link).
    Metadata(WalkEntry),
    /// Reading a small file.
    Content(WalkEntry),
    /// Another name of a file that is read before it.
    SameFile(WalkEntry),
}

/// Work for a reader thread.
#[derive(Debug)]
pub(crate) enum Job {
    /// Several small objects.
    Batch {
        /// Position in the order of the manifest.
        sequence: u64,
        /// Objects, in the order of the manifest.
        items: Vec<PlannedItem>,
    },
    /// One long file.
    LongFile {
        /// The file.
        source: WalkEntry,
        /// Entry without content.
        entry: Box<Entry>,
        /// Receives its segments.
        segments: Sender<Segment>,
    },
}

/// A batch whose objects have been read.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    /// Position in the order of the manifest.
    pub sequence: u64,
    /// Objects, in the order of the manifest.
    pub items: Vec<ReadItem>,
    /// Contents of the files, one after the other.
    pub buffer: Vec<u8>,
}

/// An object that a reader has finished.
#[derive(Debug)]
pub(crate) struct ReadItem {
    /// Entry; without the chunks that were read.
    pub entry: Entry,
    /// Result of reading it.
    pub outcome: Outcome,
    /// Its problem, if any.
    pub problem: Option<SourceProblem>,
}

impl ReadItem {
    /// Returns an object that could not be read as the walk saw it.
    pub fn failed(entry: Entry, error: FsError) -> Self {
        Self { entry, outcome: Outcome::Failed(error), problem: None }
    }
}

/// Result of reading an object.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The entry is complete.
    Complete,
    /// The entry is the same as in the base, in this leaf.
    Unchanged(Option<(Arc<LeafIdentity>, usize)>),
    /// These chunks are the content; they follow each other in the buffer, from this offset on.
    Chunks {
        /// Offset of the first chunk in the buffer, in bytes.
        start: usize,
        /// Chunks in the order of the content.
        chunks: Vec<ChunkRef>,
    },
    /// Another name of a file that was read before it.
    SameFile(WalkEntry),
    /// It has grown so much since the walk that it must be read in segments.
    Grown(WalkEntry),
    /// It disappeared from this directory.
    Vanished(Arc<Directory>),
    /// It could not be read as the walk saw it. Never leaves the readers.
    Failed(FsError),
}

/// A part of a long file, or of a stream.
#[derive(Debug)]
pub(crate) enum Segment {
    /// Chunks that follow each other in the buffer, from its start, and the holes between them, which are not
    /// in the buffer.
    Data {
        /// Content.
        buffer: Vec<u8>,
        /// Chunks and holes in the order of the content.
        chunks: Vec<ChunkRef>,
    },
    /// The file changed; everything before is void, and it is read again.
    Restart,
    /// The end.
    End(Box<LongFileEnd>),
}

/// How the reading of a long file ended.
#[derive(Debug)]
pub(crate) enum LongFileEnd {
    /// All of it was read.
    Read {
        /// Entry without the chunks.
        entry: Entry,
        /// Its problem, if any.
        problem: Option<SourceProblem>,
    },
    /// It is no longer a file, or cannot be read: this is the result.
    Other(ReadItem),
}
