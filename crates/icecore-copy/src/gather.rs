//! Reads a snapshot in windows: entries in the order of the manifest, with the chunks that the destination
//! may lack.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use crossbeam_channel::Sender;
use icecore_format::{
    entry::{ChunkRef, Entry},
    ids::ChunkId,
    keys::Keys,
};
use icecore_repo::{
    error::RepoError,
    manifest::{ChunkListReader, ManifestCursor, ManifestRoot},
    reader::{BlockPlan, ChunkContent, ChunkReader, SharedIndex},
};
use rayon::prelude::*;

use crate::{
    error::{CopyError, CopyResult},
    known::KnownChunks,
    similar::Similar,
};

/// A window is read when its blocks have this many bytes of plaintext; one block can add 32 MiB.
const WINDOW_BYTES: u64 = 32 << 20;
/// Maximum number of entries and chunks of one window.
const WINDOW_ITEMS_MAX: usize = 1 << 15;
/// Opened blocks that the reader must keep so that a window is read from the store only once, in bytes.
pub(crate) const READER_CACHE_BYTES: usize = 2 * WINDOW_BYTES as usize;

/// Several consecutive entries.
#[derive(Debug)]
pub(crate) struct Window {
    pub pieces: Vec<Piece>,
    /// Chunks that were read for it, and their bytes.
    pub chunks_read: u64,
    pub bytes_read: u64,
}

/// Several consecutive chunks of one file, and its entry if they are the last ones.
#[derive(Debug)]
pub(crate) struct Piece {
    pub chunks: Vec<CopiedChunk>,
    pub end: Option<Box<EntryEnd>>,
}

/// A chunk under its name in the destination.
#[derive(Debug)]
pub(crate) enum CopiedChunk {
    /// The destination has it.
    Stored(ChunkRef),
    /// The destination may lack it.
    Read(ChunkRef, ChunkContent),
}

/// An unchanged entry, with the names of its owners.
#[derive(Debug)]
pub(crate) struct EntryEnd {
    pub entry: Entry,
    pub user: Option<Vec<u8>>,
    pub group: Option<Vec<u8>>,
}

/// A piece whose chunks have not been read yet.
#[derive(Debug, Default)]
struct Pending {
    chunks: Vec<PendingChunk>,
    end: Option<Box<EntryEnd>>,
}

#[derive(Debug)]
enum PendingChunk {
    Stored(ChunkRef),
    /// Under its name in the source repository.
    Wanted(ChunkRef),
}

/// The snapshot that is read, and what is known about the destination.
pub(crate) struct Gatherer<'a> {
    pub source: &'a ChunkReader,
    /// Keys of the destination.
    pub keys: Arc<Keys>,
    /// Chunks that the destination has.
    pub index: SharedIndex,
    pub known: &'a mut KnownChunks,
    pub similar: Option<Similar<'a>>,
    pub fetch_concurrency: usize,
    pub windows: Sender<Window>,
    /// Why the snapshot cannot be copied yet: the rest is only searched for archived packs.
    pub archived: Option<RepoError>,
}

/// The window that is being filled.
#[derive(Debug, Default)]
struct Filling {
    pieces: Vec<Pending>,
    current: Pending,
    items: usize,
    /// Blocks to fetch.
    plan: BlockPlan,
}

impl<'a> Gatherer<'a> {
    /// Reads a whole manifest and all chunks that it refers to.
    pub fn run(mut self, root: &ManifestRoot) -> CopyResult<()> {
        let mut cursor = ManifestCursor::new(self.source, root);
        let mut filling = Filling::default();
        while let Some(entry) = cursor.next().map_err(CopyError::Source)? {
            let (user, group) = cursor.owner_names(entry.user_id, entry.group_id);
            let (user, group) = (user.map(<[u8]>::to_vec), group.map(<[u8]>::to_vec));
            self.add_content(&mut filling, &entry)?;
            filling.end_entry(EntryEnd { entry, user, group });
            self.flush_if_full(&mut filling)?;
        }
        self.flush(&mut filling)?;
        self.archived.map_or(Ok(()), |error| Err(CopyError::Source(error)))
    }

    fn add_content(&mut self, filling: &mut Filling, entry: &Entry) -> CopyResult<()> {
        if entry.content.bytes() == 0 {
            return Ok(());
        }
        let mut copies = self.copies_of(entry);
        let mut chunks = ChunkListReader::new(self.source, &entry.content);
        while let Some(chunk) = chunks.next().map_err(CopyError::Source)? {
            let copy = match copies.as_mut().map(ChunkListReader::next) {
                Some(Ok(Some(copy))) if copy.length == chunk.length => Some(copy.id),
                Some(_) => {
                    copies = None;
                    None
                }
                None => None,
            };
            self.add_chunk(filling, chunk, copy)?;
            self.flush_if_full(filling)?;
        }
        Ok(())
    }

    /// Returns the copies of all chunks of a file if it is the same as in the similar snapshot; if it
    /// differs, learns the chunks of the similar one.
    fn copies_of(&mut self, entry: &Entry) -> Option<ChunkListReader<'a>> {
        let similar = self.similar.as_mut()?;
        let found = similar.find(&entry.path).and_then(|found| match found {
            Some(counterpart) if counterpart.original == entry.content => {
                Ok(Some(similar.copied_chunks(&counterpart.copy)))
            }
            Some(counterpart) => similar.learn(&counterpart, self.known).map(|()| None),
            None => Ok(None),
        });
        found.unwrap_or_else(|error| {
            // It would only have saved some reading.
            tracing::info!(%error, "an earlier copy cannot be read and is not used");
            self.similar = None;
            None
        })
    }

    /// Adds a chunk; `copy` is its other name, if known.
    fn add_chunk(&self, filling: &mut Filling, chunk: ChunkRef, copy: Option<ChunkId>) -> CopyResult<()> {
        filling.items += 1;
        if chunk.is_hole() {
            filling.current.chunks.push(PendingChunk::Stored(chunk));
            return Ok(());
        }
        let copy = copy.or_else(|| self.known.get(&chunk.id));
        if let Some(id) = copy.filter(|id| self.has(id)) {
            filling.current.chunks.push(PendingChunk::Stored(ChunkRef { id, length: chunk.length }));
            return Ok(());
        }
        filling.plan.add(self.source, &chunk).map_err(CopyError::Source)?;
        filling.current.chunks.push(PendingChunk::Wanted(chunk));
        Ok(())
    }

    fn has(&self, id: &ChunkId) -> bool {
        self.index.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    fn flush_if_full(&mut self, filling: &mut Filling) -> CopyResult<()> {
        if filling.plan.bytes() >= WINDOW_BYTES || filling.items >= WINDOW_ITEMS_MAX {
            self.flush(filling)?;
        }
        Ok(())
    }

    /// Reads the wanted chunks of the window, each block once and in the order of the packs, and passes the
    /// window on.
    fn flush(&mut self, filling: &mut Filling) -> CopyResult<()> {
        self.source.repository().environment().proceed().map_err(CopyError::Source)?;
        let Filling { mut pieces, current, plan, .. } = std::mem::take(filling);
        pieces.push(current);
        if self.archived.is_some() {
            self.probe(&pieces);
            return Ok(());
        }
        plan.fetch(self.source, self.fetch_concurrency);
        let read = match self.read(&pieces) {
            Err(error) if error.is_archived() => {
                self.archived = Some(error);
                self.probe(&pieces);
                return Ok(());
            }
            read => read.map_err(CopyError::Source)?,
        };
        let (chunks_read, bytes_read) =
            (read.len() as u64, read.values().map(|(_, content)| content.len() as u64).sum());
        for (id, (copy, _)) in &read {
            self.known.insert(*id, copy.id);
        }
        let pieces = pieces.into_iter().map(|piece| piece.with(&read)).collect::<CopyResult<_>>()?;
        self.windows
            .send(Window { pieces, chunks_read, bytes_read })
            .map_err(|_| CopyError::StageLost { stage: "write" })
    }

    /// Finds out which archived packs hold the wanted chunks.
    fn probe(&self, pieces: &[Pending]) {
        for chunk in pieces.iter().flat_map(|piece| &piece.chunks) {
            if let PendingChunk::Wanted(chunk) = chunk {
                self.source.probe(chunk);
            }
        }
    }

    /// Returns contents and new names of all wanted chunks, by their old names.
    fn read(&self, pieces: &[Pending]) -> Result<HashMap<ChunkId, (ChunkRef, ChunkContent)>, RepoError> {
        let mut contents = HashMap::new();
        for chunk in pieces.iter().flat_map(|piece| &piece.chunks) {
            if let PendingChunk::Wanted(chunk) = chunk
                && !contents.contains_key(&chunk.id)
            {
                contents.insert(chunk.id, self.source.read(chunk)?);
            }
        }
        let name = |(id, content): (ChunkId, ChunkContent)| {
            let copy = ChunkRef { id: self.keys.chunk_id(&content), length: content.len() as u32 };
            (id, (copy, content))
        };
        let workers = &self.source.repository().environment().workers;
        Ok(workers.install(|| contents.into_par_iter().map(name).collect()))
    }
}

impl Filling {
    fn end_entry(&mut self, end: EntryEnd) {
        self.items += 1;
        let chunks = std::mem::take(&mut self.current.chunks);
        self.pieces.push(Pending { chunks, end: Some(Box::new(end)) });
    }
}

impl Pending {
    fn with(self, read: &HashMap<ChunkId, (ChunkRef, ChunkContent)>) -> CopyResult<Piece> {
        let found = |chunk| match chunk {
            PendingChunk::Stored(copy) => Ok(CopiedChunk::Stored(copy)),
            PendingChunk::Wanted(chunk) => match read.get(&chunk.id) {
                Some((copy, content)) => Ok(CopiedChunk::Read(*copy, content.clone())),
                None => Err(CopyError::Source(RepoError::MissingChunk { id: chunk.id })),
            },
        };
        let chunks = self.chunks.into_iter().map(found).collect::<CopyResult<_>>()?;
        Ok(Piece { chunks, end: self.end })
    }
}
