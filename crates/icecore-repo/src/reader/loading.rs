//! Loads blocks: neighbouring ones are fetched in one request, then each is opened and kept.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use icecore_catalog::BlockCache;
use icecore_format::{
    directory::{BlockInfo, ChunkInfo},
    error::FormatError,
    ids::PackName,
    pack::BlockOpener,
    seal::{ObjectKey, ObjectKind},
};
use icecore_store::error::StoreError;
use rayon::prelude::*;

use super::{ChunkReader, cache::BlockText, neighbours::Neighbours};
use crate::{
    error::{RepoError, RepoResult},
    index::{BlockNumber, ChunkIndex},
};

/// All workers open the blocks of a request if it has at least this many stored bytes.
const SHARED_BYTES_MIN: u64 = 8 << 20;

/// A block to be fetched, with everything that is needed after the index is unlocked.
pub(super) struct Wanted {
    pub number: BlockNumber,
    pub ordinal: u64,
    pub block: BlockInfo,
    pub chunks: Vec<ChunkInfo>,
    pub pack: u32,
}

/// Everything that is needed to fetch and open blocks of a pack.
pub(super) struct PackAccess {
    pub name: PackName,
    pub kind: ObjectKind,
    pub object: String,
    pub key: ObjectKey,
}

impl ChunkReader {
    /// Groups blocks that are close together in one pack.
    pub(super) fn runs(&self, blocks: &[BlockNumber]) -> Vec<Vec<Wanted>> {
        let (index, sizes) = (self.read_index(), self.repository.fetch_sizes());
        let mut runs: Vec<Vec<Wanted>> = Vec::new();
        let mut neighbours: Option<Neighbours> = None;
        for number in blocks {
            let Ok(wanted) = index.wanted(*number) else {
                self.release([*number]);
                continue;
            };
            let (pack, range) = (wanted.pack, wanted.range());
            match (runs.last_mut(), &mut neighbours) {
                (Some(run), Some(neighbours)) if neighbours.allow(&sizes, pack, &range) => {
                    neighbours.add(&range);
                    run.push(wanted);
                }
                _ => {
                    neighbours = Some(Neighbours::of(pack, range));
                    runs.push(vec![wanted]);
                }
            }
        }
        runs
    }

    /// Fetches a run of claimed blocks in one request, opens them and puts them into the cache; returns the
    /// first one.
    ///
    /// Releases the claims of blocks that do not open: readers of these blocks find out why.
    pub(super) fn load_run(&self, run: &[Wanted]) -> RepoResult<BlockText> {
        let (access, bytes) = self.fetch_run(run).inspect_err(|_| {
            self.release(run.iter().map(|wanted| wanted.number));
        })?;
        let start = run[0].block.offset;
        let open = |wanted: &Wanted| {
            let from = (wanted.block.offset - start) as usize;
            let stored = bytes.get(from..from + wanted.block.stored_bytes as usize).unwrap_or_default();
            let text = self.open(&access, wanted, stored).inspect_err(|_| self.release([wanted.number]))?;
            if let Some(cache) = self.block_cache(&access) {
                cache.put(access.name, wanted.number.ordinal(), stored);
            }
            self.keep(wanted.number, &text);
            Ok(text)
        };
        // All of them, including those after one that fails: other threads may be waiting for the claimed
        // ones.
        let mut texts: Vec<RepoResult<BlockText>> = if bytes.len() as u64 >= SHARED_BYTES_MIN {
            self.repository.environment().workers.install(|| run.par_iter().map(open).collect())
        } else {
            run.iter().map(open).collect()
        };
        texts.swap_remove(0)
    }

    pub(super) fn keep(&self, number: BlockNumber, text: &BlockText) {
        self.lock_cache().insert(number, Arc::clone(text), self.cache_bytes_max, &self.texts);
        self.loaded.notify_all();
    }

    pub(super) fn access(&self, wanted: &Wanted) -> RepoResult<PackAccess> {
        let (pack, _) = self.read_index().block(wanted.number)?;
        let (object, key) = (pack.object_key(), pack.seal_key().clone());
        Ok(PackAccess { name: pack.name, kind: pack.kind, object, key })
    }

    /// Releases claims, and lets the waiting threads try.
    pub(super) fn release(&self, numbers: impl IntoIterator<Item = BlockNumber>) {
        let mut cache = self.lock_cache();
        numbers.into_iter().for_each(|number| cache.release(number));
        self.loaded.notify_all();
    }

    fn fetch_run(&self, run: &[Wanted]) -> RepoResult<(PackAccess, Bytes)> {
        let access = self.access(&run[0])?;
        if let Some(archived) = self.answers.enter(run[0].pack) {
            return Err(archived.into());
        }
        let (start, end) = (run[0].block.offset, run[run.len() - 1].range().end);
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
                let source = FormatError::Truncated { what: "pack", found: size, needed: end };
                Err(RepoError::Object { key, source })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn open(&self, access: &PackAccess, wanted: &Wanted, stored: &[u8]) -> RepoResult<BlockText> {
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

    /// Returns the local cache, if it keeps blocks of this pack.
    pub(super) fn block_cache(&self, access: &PackAccess) -> Option<&BlockCache> {
        self.repository.block_cache().filter(|_| access.kind == ObjectKind::Manifest)
    }
}

impl Wanted {
    pub(super) fn range(&self) -> Range<u64> {
        self.block.offset..self.block.offset + u64::from(self.block.stored_bytes)
    }
}

impl ChunkIndex {
    pub(super) fn wanted(&self, number: BlockNumber) -> RepoResult<Wanted> {
        let (_, block) = self.block(number)?;
        let chunks = self.block_chunks(number)?;
        Ok(Wanted { number, ordinal: number.ordinal().into(), block, chunks, pack: number.pack() })
    }
}
