//! Which chunk of the one repository is which of the other, as far as that was found out.

use std::collections::HashMap;

use icecore_format::ids::ChunkId;

/// Pairs that are kept: some tens of megabytes of memory.
const PAIRS_MAX: usize = 1 << 19;

/// Names of chunks in the repository that is copied to, by their names in the one that is copied from.
///
/// Ids are keyed hashes, so that the one cannot be found from the other without the content. Kept from one
/// snapshot to the next; a pair that was forgotten, or was never known, costs a read and nothing else.
#[derive(Debug, Default)]
pub struct KnownChunks {
    pairs: HashMap<ChunkId, ChunkId>,
}

impl KnownChunks {
    /// Returns the other name of a chunk. Whether the other repository still has it is another question.
    pub(crate) fn get(&self, id: &ChunkId) -> Option<ChunkId> {
        self.pairs.get(id).copied()
    }

    /// Notes the other name of a chunk.
    pub(crate) fn insert(&mut self, id: ChunkId, copy: ChunkId) {
        if self.is_full() {
            // What comes next is more likely to be needed again than what was long ago.
            self.pairs.clear();
        }
        self.pairs.insert(id, copy);
    }

    /// Says whether another pair would make room for itself.
    pub(crate) fn is_full(&self) -> bool {
        self.pairs.len() >= PAIRS_MAX
    }
}
