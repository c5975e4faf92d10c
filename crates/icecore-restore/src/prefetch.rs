//! Which blocks are needed next, fetched by several threads before somebody waits for them.

use std::collections::BTreeMap;

use icecore_format::entry::ChunkRef;
use icecore_repo::{error::RepoResult, index::BlockNumber, reader::ChunkReader};

/// Neighbouring blocks up to this many bytes of plaintext are fetched by one thread.
const GROUP_BYTES: u64 = 4 << 20;

/// The blocks that hold some chunks.
#[derive(Debug, Default)]
pub(crate) struct BlockPlan {
    /// With their lengths in bytes.
    blocks: BTreeMap<BlockNumber, u32>,
    bytes: u64,
}

impl BlockPlan {
    /// Adds the block of a chunk; fails if the repository does not have it. A hole is in no block.
    pub fn add(&mut self, reader: &ChunkReader, chunk: &ChunkRef) -> RepoResult<()> {
        if chunk.is_hole() {
            return Ok(());
        }
        let location = reader.locate(chunk)?;
        if self.blocks.insert(location.block, location.block_bytes).is_none() {
            self.bytes += u64::from(location.block_bytes);
        }
        Ok(())
    }

    /// Returns the memory that all blocks need, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the blocks in groups of neighbours.
    pub fn into_groups(self) -> Vec<Vec<BlockNumber>> {
        let mut groups: Vec<Vec<BlockNumber>> = Vec::new();
        let mut group_bytes = 0;
        for (block, bytes) in self.blocks {
            let bytes = u64::from(bytes);
            match groups.last_mut() {
                Some(group)
                    if group_bytes + bytes <= GROUP_BYTES
                        && group.last().is_some_and(|last| last.is_followed_by(block)) =>
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
        let groups = self.into_groups();
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
