//! Which chunks of the two repositories correspond, as far as it is known.

use std::collections::HashMap;

use icecore_format::ids::ChunkId;

/// Maximum number of kept pairs: some tens of megabytes of memory.
const PAIRS_MAX: usize = 1 << 19;

/// Names of chunks in the destination, by their names in the source repository.
///
/// Ids are keyed hashes, so one name cannot be computed from the other without the content. Kept from one
/// snapshot to the next; a missing pair only costs a read.
#[derive(Debug, Default)]
pub struct KnownChunks {
    pairs: HashMap<ChunkId, ChunkId>,
}

impl KnownChunks {
    /// Returns the other name of a chunk. The destination may no longer have it.
    pub(crate) fn get(&self, id: &ChunkId) -> Option<ChunkId> {
        self.pairs.get(id).copied()
    }

    /// Notes the other name of a chunk.
    pub(crate) fn insert(&mut self, id: ChunkId, copy: ChunkId) {
        if self.is_full() {
            // New pairs are more likely to be needed again than old ones.
            self.pairs.clear();
        }
        self.pairs.insert(id, copy);
    }

    /// Returns whether the next pair would clear the others.
    pub(crate) fn is_full(&self) -> bool {
        self.pairs.len() >= PAIRS_MAX
    }
}
