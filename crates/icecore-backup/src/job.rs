//! Work for the reader threads, and what comes back.

use std::sync::Arc;

use crossbeam_channel::Sender;
use icecore_format::{
    chunker::Chunker,
    entry::{ChunkRef, Entry, Hole},
    keys::Keys,
};
use icecore_fs::{Directory, error::FsError, walk::WalkEntry};
use icecore_repo::{buffers::Buffers, manifest::LeafIdentity};

use crate::request::SourceProblem;

/// Files up to this many bytes are read whole and travel in batches; longer ones are streamed.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;
/// A file that has grown up to this many bytes since the walk is still read whole.
pub(crate) const GROWN_FILE_BYTES_MAX: u64 = 4 << 20;

/// One object on its way through the pipeline.
#[derive(Debug)]
pub(crate) struct Item {
    /// Entry, complete or not.
    pub entry: Entry,
    /// What has to be done with it.
    pub task: Task,
    /// Leaf of the base that holds this very entry, and the entry's number in it.
    pub leaf: Option<(Arc<LeafIdentity>, usize)>,
}

/// What has to be done with an object before it goes into the manifest.
#[derive(Debug)]
pub(crate) enum Task {
    /// Nothing.
    None,
    /// Reading attributes (and the target of a link).
    Metadata(WalkEntry),
    /// Reading a small file.
    Content(WalkEntry),
    /// It is another name of a file that is read before it.
    SameFile(WalkEntry),
}

/// Work for a reader thread.
#[derive(Debug)]
pub(crate) enum Job {
    /// Several small objects.
    Batch {
        /// Place in the order of the manifest.
        sequence: u64,
        /// Objects, in the order of the manifest.
        items: Vec<Item>,
    },
    /// One long file.
    Stream {
        /// The file.
        source: WalkEntry,
        /// Entry without content.
        entry: Box<Entry>,
        /// Where its segments go.
        segments: Sender<Segment>,
    },
}

/// A batch whose objects have been read.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    /// Place in the order of the manifest.
    pub sequence: u64,
    /// Objects, in the order of the manifest.
    pub items: Vec<ReadItem>,
    /// Contents of the files, one after the other.
    pub buffer: Vec<u8>,
}

/// An object that has been dealt with by a reader.
#[derive(Debug)]
pub(crate) struct ReadItem {
    /// Entry; without the chunks that were read.
    pub entry: Entry,
    /// What came of reading it.
    pub outcome: Outcome,
    /// What is not as it should be.
    pub problem: Option<SourceProblem>,
}

/// What came of reading an object.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The entry is complete.
    Complete,
    /// The entry is as in the base, in this leaf.
    Unchanged(Option<(Arc<LeafIdentity>, usize)>),
    /// These chunks are the content; they lie one after the other in the buffer, from this offset on.
    Chunks {
        /// Offset of the first chunk in the buffer, in bytes.
        start: usize,
        /// Chunks in the order of the content.
        chunks: Vec<ChunkRef>,
    },
    /// It is another name of a file that was read before it.
    SameFile(WalkEntry),
    /// It has become so long since the walk that it has to be streamed.
    Grown(WalkEntry),
    /// It is gone from this directory.
    Vanished(Arc<Directory>),
    /// It could not be read as what the walk saw. Never leaves the readers.
    Failed(FsError),
}

/// A piece of a streamed file.
#[derive(Debug)]
pub(crate) enum Segment {
    /// Chunks that lie one after the other in the buffer, from its start, and holes between them, which it does not have.
    Data {
        /// Content.
        buffer: Vec<u8>,
        /// Chunks and holes in the order of the content.
        chunks: Vec<ChunkRef>,
    },
    /// The file changed; everything that came before is void and it is read again.
    Restart,
    /// The end.
    End(Box<StreamEnd>),
}

/// How the reading of a long file ended.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// All of it was read.
    Read {
        /// Entry without the chunks.
        entry: Entry,
        /// What is not as it should be.
        problem: Option<SourceProblem>,
    },
    /// It is no file any more, or cannot be read: this is what became of it.
    Other(ReadItem),
    /// It could not be read as what the walk saw. Never leaves the readers.
    Failed {
        /// Entry as the walk found it.
        entry: Entry,
        /// What the operating system said.
        error: FsError,
    },
}

/// What readers need to turn bytes into chunks.
#[derive(Debug)]
pub(crate) struct ChunkTools {
    /// Keys, for ids.
    pub keys: Arc<Keys>,
    /// Chunker.
    pub chunker: Chunker,
    /// Buffers for the segments of long files.
    pub segment_buffers: Buffers,
}

impl ChunkTools {
    /// Cuts a whole content into chunks.
    pub fn cut_all(&self, content: &[u8]) -> Vec<ChunkRef> {
        let mut chunks = Vec::new();
        let mut rest = content;
        while !rest.is_empty() {
            let (chunk, remaining) = rest.split_at(self.chunker.cut(rest));
            chunks.push(ChunkRef { id: self.keys.chunk_id(chunk), length: chunk.len() as u32 });
            rest = remaining;
        }
        chunks
    }
}

/// Returns the holes between extents of data, up to `size`.
pub(crate) fn holes_between(extents: &[(u64, u64)], size: u64) -> Vec<Hole> {
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
