//! Reads chunks: fetches, opens and keeps blocks, each block once for all threads that need it.

use std::{
    ops::{Deref, Range},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use icecore_format::{
    entry::ChunkRef,
    ids::{ChunkId, GroupId},
    pack::BlockOpener,
};

pub use self::{archived::ArchivedPack, plan::BlockPlan};
use self::{
    archived::PackAnswers,
    cache::{BlockText, Cache},
    relisting::Relisting,
};
pub use crate::fetch_sizes::FetchSizes;
use crate::{
    buffers::Buffers,
    error::{RepoError, RepoResult},
    index::{BlockNumber, ChunkIndex, ChunkLocation},
    repository::Repository,
};

mod archived;
mod cache;
mod loading;
mod manifest_blocks;
mod neighbours;
mod plan;
mod relisting;

/// An index that a writer may extend while readers look things up.
pub type SharedIndex = Arc<RwLock<ChunkIndex>>;

/// Reads chunks by their ids; shared by all threads of a restore.
#[derive(Debug)]
pub struct ChunkReader {
    repository: Repository,
    index: SharedIndex,
    cache_bytes_max: usize,
    cache: Mutex<Cache>,
    loaded: Condvar,
    openers: Mutex<Vec<BlockOpener>>,
    /// Buffers of blocks that were dropped from the cache.
    texts: Buffers,
    bytes_fetched: AtomicU64,
    answers: PackAnswers,
    relisting: Option<Relisting>,
}

/// A chunk's content, shared with its block.
#[derive(Clone, Debug)]
pub struct ChunkContent {
    text: BlockText,
    range: Range<usize>,
}

impl Deref for ChunkContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text[self.range.clone()]
    }
}

impl ChunkReader {
    /// Makes a reader that keeps up to `cache_bytes_max` bytes of opened blocks.
    pub fn new(repository: Repository, index: SharedIndex, cache_bytes_max: usize) -> Self {
        Self {
            repository,
            index,
            cache_bytes_max,
            cache: Mutex::default(),
            loaded: Condvar::new(),
            openers: Mutex::default(),
            texts: Buffers::default(),
            bytes_fetched: AtomicU64::new(0),
            answers: PackAnswers::default(),
            relisting: None,
        }
    }

    /// Makes the reader list the pack directories again when a pack or chunk is missing: another program may
    /// have stored the data in another pack and removed this one since the index was loaded. With a group,
    /// only its packs are used.
    ///
    /// Not for the index of a writer: it must not refer to packs that are about to be removed.
    #[must_use]
    pub fn that_looks_again(mut self, group: Option<GroupId>) -> Self {
        self.relisting = Some(Relisting::new(group));
        self
    }

    /// Returns the repository that is read.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the maximum number of bytes of opened blocks that are kept.
    pub fn cache_bytes_max(&self) -> usize {
        self.cache_bytes_max
    }

    /// Returns how many bytes have been fetched from the store so far.
    pub fn bytes_fetched(&self) -> u64 {
        self.bytes_fetched.load(Ordering::Relaxed)
    }

    /// Returns the archived packs that prevented some chunk from being read so far, in the order of their
    /// keys.
    pub fn archived_packs(&self) -> Vec<ArchivedPack> {
        self.answers.needed()
    }

    /// Finds out whether a chunk is in an archived pack, for callers that cannot use the chunk but must list
    /// all packs to be thawed. Does not read packs that have been read before.
    pub fn probe(&self, chunk: &ChunkRef) {
        let Ok(location) = self.locate(chunk) else { return };
        if !self.answers.is_readable(location.block.pack()) {
            // Damage does not matter here.
            drop(self.content(chunk.id, location));
        }
    }

    /// Returns the location of a chunk, after comparing its length with the reference.
    pub fn locate(&self, chunk: &ChunkRef) -> RepoResult<ChunkLocation> {
        let location = self.find(chunk.id)?;
        if location.length != chunk.length {
            let (id, found, expected) = (chunk.id, location.length, chunk.length);
            return Err(RepoError::ChunkLength { id, found, expected });
        }
        Ok(location)
    }

    /// Returns the content of a data chunk.
    pub fn read(&self, chunk: &ChunkRef) -> RepoResult<ChunkContent> {
        let location = self.locate(chunk)?;
        self.content(chunk.id, location)
    }

    /// Returns the raw bytes of a manifest or chunk-list node.
    pub fn read_node(&self, id: ChunkId) -> RepoResult<ChunkContent> {
        let location = self.find(id)?;
        self.content(id, location)
    }

    /// Returns the location of a chunk; if there is none, looks for it in packs that appeared meanwhile.
    fn find(&self, id: ChunkId) -> RepoResult<ChunkLocation> {
        let found = self.read_index().locate(&id)?;
        if let Some(location) = found {
            return Ok(location);
        }
        let found = if self.looks_again() { self.read_index().locate(&id)? } else { None };
        found.ok_or(RepoError::MissingChunk { id })
    }

    /// Lists the pack directories again, if that is allowed and useful; returns whether the index may have
    /// more chunks now.
    fn looks_again(&self) -> bool {
        self.relisting.as_ref().is_some_and(|relisting| relisting.look(&self.repository, &self.index))
    }

    fn content(&self, id: ChunkId, location: ChunkLocation) -> RepoResult<ChunkContent> {
        match self.content_at(location) {
            Err(error) if error.is_corruption() => {
                let copy = self.other_copy(id, location);
                copy.or_else(|| self.later_copy(id, location, &error)).ok_or(error)
            }
            Err(error) if error.is_archived() => self.other_copy(id, location).ok_or_else(|| {
                self.answers.need(location.block.pack());
                error
            }),
            other => other,
        }
    }

    fn content_at(&self, location: ChunkLocation) -> RepoResult<ChunkContent> {
        let text = self.block(location.block)?;
        let start = location.offset as usize;
        Ok(ChunkContent { text, range: start..start + location.length as usize })
    }

    /// Looks for a readable copy of a chunk in another pack: two hosts, or a run with its own group, may have
    /// uploaded it too.
    fn other_copy(&self, id: ChunkId, damaged: ChunkLocation) -> Option<ChunkContent> {
        let copies = self.read_index().copies(&id);
        copies
            .into_iter()
            .filter(|copy| copy.block != damaged.block && copy.length == damaged.length)
            .find_map(|copy| self.content_at(copy).ok())
    }

    /// Looks for a copy of a chunk, whose pack is gone, in packs that appeared meanwhile.
    fn later_copy(&self, id: ChunkId, gone: ChunkLocation, error: &RepoError) -> Option<ChunkContent> {
        if error.is_missing() && self.looks_again() { self.other_copy(id, gone) } else { None }
    }

    /// Fetches those of `blocks` that are not in memory yet, neighbours in one request each; the cache must
    /// have room for them. Failures are ignored here: the thread that reads the block gets them.
    pub fn prefetch(&self, blocks: &[BlockNumber]) {
        let mut wanted: Vec<BlockNumber> = {
            let mut cache = self.lock_cache();
            blocks.iter().copied().filter(|block| cache.claim(*block)).collect()
        };
        wanted.sort_unstable();
        wanted.retain(|block| !self.load_local(*block));
        for run in self.runs(&wanted) {
            if let Err(error) = self.load_run(&run) {
                tracing::debug!(%error, "prefetch failed");
            }
        }
    }

    /// Returns the plaintext of a block.
    fn block(&self, number: BlockNumber) -> RepoResult<BlockText> {
        loop {
            let mut cache = self.lock_cache();
            if let Some(text) = cache.ready(number) {
                return Ok(text);
            }
            if !cache.claim(number) {
                // Another thread is loading it; if that fails, the slot is free and this thread tries.
                drop(self.loaded.wait(cache).unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            drop(cache);
            let wanted = self.read_index().wanted(number);
            let wanted = wanted.inspect_err(|_| self.release([number]))?;
            if let Some(text) = self.open_local(&wanted) {
                return Ok(text);
            }
            // Not looked up again: other threads may already have evicted it from a small cache.
            return self.load_run(&self.with_followers(wanted));
        }
    }

    fn read_index(&self) -> RwLockReadGuard<'_, ChunkIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_openers(&self) -> MutexGuard<'_, Vec<BlockOpener>> {
        self.openers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
