//! Blocks of manifests: kept on this machine, and fetched early when a manifest is read in order.

use icecore_format::seal::ObjectKind;

use super::{ChunkReader, cache::BlockText, loading::Wanted};
use crate::index::BlockNumber;

/// Blocks that are fetched early use at most this fraction (one divided by this) of the memory for blocks.
const FOLLOWERS_SHARE: usize = 4;

impl ChunkReader {
    /// If the blocks before a claimed block of a manifest were read, adds the next blocks and claims them.
    pub(super) fn with_followers(&self, first: Wanted) -> Vec<Wanted> {
        let (number, followers_max) = (first.number, self.repository.fetch_sizes().followers_max);
        let mut run = vec![first];
        let Ok((pack, _)) = self.read_index().block(number) else { return run };
        if pack.kind != ObjectKind::Manifest || followers_max == 0 {
            return run;
        }
        let before = {
            let cache = self.lock_cache();
            let read = |back: &u32| number.back(*back).is_some_and(|before| cache.is_there(before));
            (1..=followers_max).take_while(read).count()
        };
        let mut plain_bytes = 0;
        for next in (number.ordinal() + 1..pack.block_count() as u32).take(before) {
            let next = BlockNumber::new(number.pack(), next);
            if !self.lock_cache().claim(next) {
                break;
            }
            let wanted = self.read_index().wanted(next).inspect_err(|_| self.release([next]));
            let Ok(wanted) = wanted else { break };
            plain_bytes += wanted.block.plain_bytes as usize;
            if self.open_local(&wanted).is_some() {
                break;
            }
            if plain_bytes > self.cache_bytes_max / FOLLOWERS_SHARE {
                self.release([next]);
                break;
            }
            run.push(wanted);
        }
        run
    }

    /// Loads a claimed block from the local cache, if it is there.
    pub(super) fn load_local(&self, number: BlockNumber) -> bool {
        if self.repository.block_cache().is_none() {
            return false;
        }
        let wanted = self.read_index().wanted(number);
        wanted.is_ok_and(|wanted| self.open_local(&wanted).is_some())
    }

    /// Opens the stored form of a claimed block from the local cache; removes it there if it does not open.
    pub(super) fn open_local(&self, wanted: &Wanted) -> Option<BlockText> {
        let access = self.access(wanted).ok()?;
        let cache = self.block_cache(&access)?;
        let ordinal = wanted.number.ordinal();
        let stored = cache.get(access.name, ordinal, wanted.block.stored_bytes)?;
        match self.open(&access, wanted, &stored) {
            Ok(text) => {
                self.keep(wanted.number, &text);
                Some(text)
            }
            Err(error) => {
                tracing::info!(%error, "a damaged block is removed from the local cache");
                cache.remove(access.name, ordinal);
                None
            }
        }
    }
}
