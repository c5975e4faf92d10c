//! Reads chunks: fetches, opens and keeps blocks, each block once for all threads that want it.

use std::{
    collections::{HashMap, hash_map},
    ops::{Deref, Range},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use icecore_format::{
    directory::{BlockInfo, ChunkInfo},
    entry::ChunkRef,
    ids::ChunkId,
    pack::BlockOpener,
    seal::ObjectKey,
};
use icecore_store::error::StoreError;

pub use self::archived::ArchivedPack;
use self::archived::PackAnswers;
use crate::{
    buffers::Buffers,
    error::{RepoError, RepoResult},
    index::{BlockNumber, ChunkIndex, ChunkLocation},
    repository::Repository,
};

mod archived;

/// Neighbouring blocks are fetched in one request up to this many bytes.
const FETCH_BYTES_MAX: u64 = 8 << 20;
/// A gap of this many bytes between two wanted blocks is fetched along rather than asked around.
const FETCH_GAP_BYTES: u64 = 256 << 10;

/// An index that a writer may extend while readers look things up.
pub type SharedIndex = Arc<RwLock<ChunkIndex>>;

/// Plaintext of a block, or the error that reading it ended with.
type BlockText = Arc<Vec<u8>>;

#[derive(Debug)]
enum CacheSlot {
    Loading,
    Ready { text: BlockText, used: u64 },
}

#[derive(Debug, Default)]
struct Cache {
    slots: HashMap<BlockNumber, CacheSlot>,
    bytes: usize,
    clock: u64,
}

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

/// A block that is to be fetched: everything that is needed once the index is unlocked again.
struct Wanted {
    number: BlockNumber,
    ordinal: u64,
    block: BlockInfo,
    chunks: Vec<ChunkInfo>,
    pack: u32,
}

struct PackAccess {
    object: String,
    key: ObjectKey,
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
        }
    }

    /// Returns the repository that is read.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns how many bytes of opened blocks are kept at most.
    pub fn cache_bytes_max(&self) -> usize {
        self.cache_bytes_max
    }

    /// Returns how many bytes have been fetched from the store so far.
    pub fn bytes_fetched(&self) -> u64 {
        self.bytes_fetched.load(Ordering::Relaxed)
    }

    /// Returns the archived packs without which some chunk could not be read so far, in the order of their keys.
    pub fn archived_packs(&self) -> Vec<ArchivedPack> {
        self.answers.needed()
    }

    /// Finds out whether a chunk is in an archived pack: for whoever cannot use it, but has to list all packs to be thawed.
    /// Reads nothing from packs that have been read before.
    pub fn probe(&self, chunk: &ChunkRef) {
        let Ok(location) = self.locate(chunk) else { return };
        if !self.answers.is_readable(location.block.pack()) {
            // Whether it is damaged is not asked here.
            drop(self.content(chunk.id, location));
        }
    }

    /// Returns where a chunk lies, after holding its length against the reference.
    pub fn locate(&self, chunk: &ChunkRef) -> RepoResult<ChunkLocation> {
        let Some(location) = self.read_index().locate(&chunk.id)? else {
            return Err(RepoError::MissingChunk { id: chunk.id });
        };
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
        let Some(location) = self.read_index().locate(&id)? else {
            return Err(RepoError::MissingChunk { id });
        };
        self.content(id, location)
    }

    fn content(&self, id: ChunkId, location: ChunkLocation) -> RepoResult<ChunkContent> {
        match self.content_at(location) {
            Err(error) if error.is_corruption() => self.other_copy(id, location).ok_or(error),
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

    /// Looks for a readable copy of a chunk in another pack: two hosts may have uploaded it at the same time, or a run in
    /// a group of its own.
    fn other_copy(&self, id: ChunkId, damaged: ChunkLocation) -> Option<ChunkContent> {
        let copies = self.read_index().copies(&id);
        copies
            .into_iter()
            .filter(|copy| copy.block != damaged.block && copy.length == damaged.length)
            .find_map(|copy| self.content_at(copy).ok())
    }

    /// Fetches those of `blocks` that are not in memory yet, neighbours in one request each; the cache must have room
    /// for them. A failure is left for the one who reads the block.
    pub fn prefetch(&self, blocks: &[BlockNumber]) {
        let mut wanted: Vec<BlockNumber> = {
            let mut cache = self.lock_cache();
            blocks.iter().copied().filter(|block| cache.claim(*block)).collect()
        };
        wanted.sort_unstable();
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
                // Somebody else is loading it; when that fails, the slot is gone and this thread tries.
                drop(self.loaded.wait(cache).unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            drop(cache);
            let wanted = self.read_index().wanted(number);
            let wanted = wanted.inspect_err(|_| self.release([number]))?;
            // Not looked up again: with a small cache it may have been evicted by others already.
            if let Some(text) = self.load_run(&[wanted])? {
                return Ok(text);
            }
        }
    }

    /// Groups blocks that lie near each other in one pack.
    fn runs(&self, blocks: &[BlockNumber]) -> Vec<Vec<Wanted>> {
        let index = self.read_index();
        let mut runs: Vec<Vec<Wanted>> = Vec::new();
        for number in blocks {
            let Ok(wanted) = index.wanted(*number) else {
                self.release([*number]);
                continue;
            };
            if let Some(run) = runs.last_mut()
                && let (Some(first), Some(last)) = (run.first(), run.last())
                && last.pack == wanted.pack
                && wanted.block.offset >= block_end(last)
                && wanted.block.offset - block_end(last) <= FETCH_GAP_BYTES
                && block_end(&wanted) - first.block.offset <= FETCH_BYTES_MAX
            {
                run.push(wanted);
            } else {
                runs.push(vec![wanted]);
            }
        }
        runs
    }

    /// Fetches a run of claimed blocks in one request, opens them and puts them into the cache; returns the last.
    fn load_run(&self, run: &[Wanted]) -> RepoResult<Option<BlockText>> {
        let mut opened = 0;
        let result = self.fetch_run(run).and_then(|(access, bytes)| {
            let start = run[0].block.offset;
            let mut last = None;
            for wanted in run {
                let from = (wanted.block.offset - start) as usize;
                let stored = bytes.get(from..from + wanted.block.stored_bytes as usize).unwrap_or_default();
                let text = self.open(&access, wanted, stored)?;
                self.lock_cache().insert(wanted.number, Arc::clone(&text), self.cache_bytes_max, &self.texts);
                last = Some(text);
                opened += 1;
            }
            Ok(last)
        });
        if result.is_err() {
            // Those that were opened are not claimed any more, or claimed by somebody else already.
            self.release(run[opened..].iter().map(|wanted| wanted.number));
        }
        self.loaded.notify_all();
        result
    }

    /// Takes back claims, and lets those try who wait for them.
    fn release(&self, numbers: impl IntoIterator<Item = BlockNumber>) {
        let mut cache = self.lock_cache();
        numbers.into_iter().for_each(|number| cache.release(number));
        self.loaded.notify_all();
    }

    fn fetch_run(&self, run: &[Wanted]) -> RepoResult<(PackAccess, Bytes)> {
        let access = {
            let (pack, _) = self.read_index().block(run[0].number)?;
            PackAccess { object: pack.object_key(), key: pack.seal_key().clone() }
        };
        if let Some(archived) = self.answers.enter(run[0].pack) {
            return Err(archived.into());
        }
        let (start, end) = (run[0].block.offset, block_end(&run[run.len() - 1]));
        let fetch = self.repository.store().get(&access.object, Some(start..end));
        let fetched = self.repository.environment().runtime.block_on(fetch);
        self.answers.leave(run[0].pack, &fetched);
        match fetched {
            Ok(bytes) => {
                self.bytes_fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok((access, bytes))
            }
            // The pack is shorter than its directory says: damage, not a mistake of the caller.
            Err(StoreError::InvalidRange { key, size, .. }) => {
                let source =
                    icecore_format::error::FormatError::Truncated { what: "pack", found: size, needed: end };
                Err(RepoError::Object { key, source })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, access: &PackAccess, wanted: &Wanted, stored: &[u8]) -> RepoResult<BlockText> {
        let pooled = self.lock_openers().pop();
        let mut opener = pooled.map_or_else(BlockOpener::new, Ok)?;
        let mut text = self.texts.take();
        let keys = self.repository.keys();
        let chunks = wanted.chunks.iter().copied();
        opener
            .open_block(keys, &access.key, wanted.ordinal, &wanted.block, chunks, stored, &mut text)
            .map_err(RepoError::object(access.object.clone()))?;
        self.lock_openers().push(opener);
        Ok(Arc::new(text))
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

fn block_end(wanted: &Wanted) -> u64 {
    wanted.block.offset + u64::from(wanted.block.stored_bytes)
}

impl ChunkIndex {
    fn wanted(&self, number: BlockNumber) -> RepoResult<Wanted> {
        let (_, block) = self.block(number)?;
        let chunks = self.block_chunks(number)?;
        Ok(Wanted { number, ordinal: number.ordinal().into(), block, chunks, pack: number.pack() })
    }
}

impl Cache {
    fn ready(&mut self, number: BlockNumber) -> Option<BlockText> {
        self.clock += 1;
        match self.slots.get_mut(&number) {
            Some(CacheSlot::Ready { text, used }) => {
                *used = self.clock;
                Some(Arc::clone(text))
            }
            _ => None,
        }
    }

    /// Marks a block as being loaded by the caller; says no if it is there or somebody else loads it.
    fn claim(&mut self, number: BlockNumber) -> bool {
        match self.slots.entry(number) {
            hash_map::Entry::Vacant(slot) => {
                slot.insert(CacheSlot::Loading);
                true
            }
            hash_map::Entry::Occupied(_) => false,
        }
    }

    /// Takes back a claim whose loading failed.
    fn release(&mut self, number: BlockNumber) {
        if matches!(self.slots.get(&number), Some(CacheSlot::Loading)) {
            self.slots.remove(&number);
        }
    }

    /// Adds a block; the buffers of those that have to go for it, and that nobody reads any more, are given to `spare`.
    fn insert(&mut self, number: BlockNumber, text: BlockText, bytes_max: usize, spare: &Buffers) {
        self.clock += 1;
        self.bytes += text.len();
        self.slots.insert(number, CacheSlot::Ready { text, used: self.clock });
        while self.bytes > bytes_max && self.evict_oldest(number, spare) {}
    }

    /// Drops the block that was not used for longest, other than `keep`; says whether there was one.
    fn evict_oldest(&mut self, keep: BlockNumber, spare: &Buffers) -> bool {
        let oldest = self
            .slots
            .iter()
            .filter_map(|(number, slot)| match slot {
                CacheSlot::Ready { used, .. } if *number != keep => Some((*used, *number)),
                _ => None,
            })
            .min();
        let Some((_, number)) = oldest else { return false };
        if let Some(CacheSlot::Ready { text, .. }) = self.slots.remove(&number) {
            self.bytes -= text.len();
            if let Some(buffer) = Arc::into_inner(text) {
                spare.give_back(buffer);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
