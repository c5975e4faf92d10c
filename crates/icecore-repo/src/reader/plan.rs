//! Chooses the blocks that are needed next, and the groups in which they are fetched.

use std::collections::BTreeMap;

use icecore_format::entry::ChunkRef;

use super::{ChunkReader, neighbours::Neighbours};
use crate::{error::RepoResult, index::BlockNumber};

/// The blocks that hold some chunks, to be fetched before they are needed.
#[derive(Debug, Default)]
pub struct BlockPlan {
    /// With the lengths of their plaintexts in bytes.
    blocks: BTreeMap<BlockNumber, u32>,
    bytes: u64,
}

/// The group that is being filled.
struct Filling {
    blocks: Vec<BlockNumber>,
    neighbours: Neighbours,
    plain_bytes: u64,
}

impl BlockPlan {
    /// Adds the block of a chunk; fails if the repository does not have it. A hole has no block.
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

    /// Returns the blocks in groups, each of which is fetched in one request.
    pub fn into_groups(self, reader: &ChunkReader) -> Vec<Vec<BlockNumber>> {
        let (index, sizes) = (reader.read_index(), reader.repository.fetch_sizes());
        let mut groups = Vec::new();
        let mut filling: Option<Filling> = None;
        for (number, plain_bytes) in self.blocks {
            // The reader of the block finds out why it cannot be looked up.
            let Ok((_, block)) = index.block(number) else { continue };
            let range = block.offset..block.offset + u64::from(block.stored_bytes);
            let plain_bytes = u64::from(plain_bytes);
            match &mut filling {
                Some(group)
                    if group.plain_bytes + plain_bytes <= sizes.plain_bytes_max
                        && group.neighbours.allow(&sizes, number.pack(), &range) =>
                {
                    group.blocks.push(number);
                    group.neighbours.add(&range);
                    group.plain_bytes += plain_bytes;
                }
                _ => {
                    let neighbours = Neighbours::of(number.pack(), range);
                    let full = filling.replace(Filling { blocks: vec![number], neighbours, plain_bytes });
                    groups.extend(full.map(|group| group.blocks));
                }
            }
        }
        groups.extend(filling.map(|group| group.blocks));
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
