//! Which blocks are needed next, fetched by several threads before somebody waits for them.

use std::collections::BTreeSet;

use icecore_format::entry::ChunkRef;
use icecore_repo::{error::RepoResult, index::BlockNumber, reader::ChunkReader};

/// Neighbouring blocks up to this many bytes of plaintext are fetched by one thread.
const GROUP_BYTES: u64 = 4 << 20;

/// The blocks that hold some chunks.
#[derive(Debug, Default)]
pub(crate) struct BlockPlan {
    blocks: BTreeSet<BlockNumber>,
    bytes: u64,
}

impl BlockPlan {
    /// Adds the block of a chunk; fails if the repository does not have it.
    pub fn add(&mut self, reader: &ChunkReader, chunk: &ChunkRef) -> RepoResult<()> {
        let block = reader.locate(chunk)?.block;
        if self.blocks.insert(block) {
            self.bytes += u64::from(reader.block_bytes(block));
        }
        Ok(())
    }

    /// Returns the memory that all blocks need, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the blocks in groups of neighbours.
    pub fn into_groups(self, reader: &ChunkReader) -> Vec<Vec<BlockNumber>> {
        let mut groups: Vec<Vec<BlockNumber>> = Vec::new();
        let mut group_bytes = 0;
        for block in self.blocks {
            let bytes = u64::from(reader.block_bytes(block));
            match groups.last_mut() {
                Some(group)
                    if group_bytes + bytes <= GROUP_BYTES
                        && group.last().is_some_and(|last| last.0 + 1 == block.0) =>
                {
                    group_bytes += bytes;
                    group.push(block);
                }
                _ => {
                    group_bytes = bytes;
                    groups.push(vec![block]);
                }
            }
        }
        groups
    }

    /// Fetches all blocks, in up to `threads` threads.
    pub fn fetch(self, reader: &ChunkReader, threads: usize) {
        let groups = self.into_groups(reader);
        let each = groups.len().div_ceil(threads.max(1)).max(1);
        std::thread::scope(|scope| {
            let mut parts = groups.chunks(each);
            let own = parts.next();
            for part in parts {
                scope.spawn(move || part.iter().for_each(|group| reader.prefetch(group)));
            }
            own.into_iter().flatten().for_each(|group| reader.prefetch(group));
        });
    }
}
