//! Opened blocks that are kept, and which blocks are being loaded.

use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
};

use crate::{buffers::Buffers, index::BlockNumber};

/// Plaintext of a block.
pub(super) type BlockText = Arc<Vec<u8>>;

#[derive(Debug)]
pub(super) enum CacheSlot {
    Loading,
    Ready { text: BlockText, used: u64 },
}

/// Opened blocks, and those that are being loaded.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) slots: HashMap<BlockNumber, CacheSlot>,
    pub(super) bytes: usize,
    clock: u64,
}

impl Cache {
    /// Returns a block if it is in the cache.
    pub(super) fn ready(&mut self, number: BlockNumber) -> Option<BlockText> {
        self.clock += 1;
        match self.slots.get_mut(&number) {
            Some(CacheSlot::Ready { text, used }) => {
                *used = self.clock;
                Some(Arc::clone(text))
            }
            _ => None,
        }
    }

    /// Returns whether a block is in the cache.
    pub(super) fn is_there(&self, number: BlockNumber) -> bool {
        matches!(self.slots.get(&number), Some(CacheSlot::Ready { .. }))
    }

    /// Claims a block for loading by the caller; returns false if it is in the cache or another thread is
    /// loading it.
    pub(super) fn claim(&mut self, number: BlockNumber) -> bool {
        match self.slots.entry(number) {
            hash_map::Entry::Vacant(slot) => {
                slot.insert(CacheSlot::Loading);
                true
            }
            hash_map::Entry::Occupied(_) => false,
        }
    }

    /// Takes back a claim whose loading failed.
    pub(super) fn release(&mut self, number: BlockNumber) {
        if matches!(self.slots.get(&number), Some(CacheSlot::Loading)) {
            self.slots.remove(&number);
        }
    }

    /// Adds a block. The buffers of evicted blocks that nobody reads any more are given to `spare`.
    pub(super) fn insert(&mut self, number: BlockNumber, text: BlockText, bytes_max: usize, spare: &Buffers) {
        self.clock += 1;
        self.bytes += text.len();
        self.slots.insert(number, CacheSlot::Ready { text, used: self.clock });
        while self.bytes > bytes_max && self.evict_oldest(number, spare) {}
    }

    /// Drops the least recently used block other than `keep`; returns whether there was one.
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
