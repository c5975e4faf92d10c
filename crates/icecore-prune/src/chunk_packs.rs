//! Which packs hold which chunks: all copies of a chunk count.

use std::ops::Range;

use icecore_catalog::{Catalog, DirectoryRow};
use icecore_format::ids::{ChunkId, PackName};
use rayon::slice::ParallelSliceMut;

use crate::{
    error::{PruneError, PruneResult},
    packs::{ListedPack, PackTable},
};

/// The packs of each chunk, in 8 bytes a copy: the beginning of the chunk's id, then the number of the pack.
///
/// Two chunks whose ids begin alike share their packs, so that a pack may count as needed although it is not:
/// with 4 million chunks in 16,000 packs, that happens once in 100 million look-ups.
#[derive(Debug)]
pub struct ChunkPacks {
    /// Sorted.
    copies: Vec<u64>,
    /// Bits that the number of a pack takes.
    pack_bits: u32,
}

impl ChunkPacks {
    /// Reads the directories of all packs that can be used: the catalogue has the directory, and the store
    /// lists the pack with the length that the directory gives.
    ///
    /// Fails with [`PruneError::Directories`] if a listed directory is not in the catalogue: the caller
    /// brings the catalogue up to date first.
    pub fn read(catalog: &mut Catalog, packs: &PackTable) -> PruneResult<Self> {
        let pack_bits = usize::BITS - packs.len().leading_zeros();
        let mut copies = Vec::new();
        let mut seen = vec![false; packs.len()];
        let report = catalog.for_each_directory(|row| {
            let Some(number) = packs.number(row.pack()) else { return };
            seen[number as usize] = true;
            if is_usable(packs.get(number), &row) {
                copies.extend(row.chunk_ids().map(|id| copy_of(id, number, pack_bits)));
            }
        })?;
        let unseen =
            packs.iter().filter(|(number, pack)| pack.directory.is_some() && !seen[*number as usize]);
        let unread: Vec<PackName> = unseen.map(|(_, pack)| pack.name).collect();
        if !unread.is_empty() || !report.missing.is_empty() {
            return Err(PruneError::Directories { packs: unread });
        }
        copies.par_sort_unstable();
        copies.dedup();
        copies.shrink_to_fit();
        Ok(Self { copies, pack_bits })
    }

    /// Returns the number of copies of all chunks.
    pub fn len(&self) -> usize {
        self.copies.len()
    }

    /// Returns the positions of the copies of a chunk among all copies.
    pub fn positions(&self, id: &ChunkId) -> Range<usize> {
        let first = copy_of(&id.0, 0, self.pack_bits);
        let mask = self.mask();
        let before = self.copies.partition_point(|copy| *copy < first);
        let copies = self.copies[before..].iter().take_while(|copy| **copy & !mask == first);
        before..before + copies.count()
    }

    /// Returns the position of the copy of a chunk in a pack.
    pub fn position(&self, id: &[u8; ChunkId::BYTES], pack: u32) -> Option<usize> {
        self.copies.binary_search(&copy_of(id, pack, self.pack_bits)).ok()
    }

    /// Returns the number of the pack of the copy at a position.
    pub fn pack_at(&self, position: usize) -> u32 {
        (self.copies[position] & self.mask()) as u32
    }

    /// Returns the numbers of all packs that hold a copy of a chunk.
    pub fn packs_of(&self, id: &ChunkId) -> impl Iterator<Item = u32> {
        self.copies[self.positions(id)].iter().map(|copy| (copy & self.mask()) as u32)
    }

    /// Adds the numbers of all packs that hold a copy of a chunk to `packs`; says whether there is one.
    pub fn add_packs_of(&self, id: &ChunkId, packs: &mut Vec<u32>) -> bool {
        let found = packs.len();
        packs.extend(self.packs_of(id));
        packs.len() > found
    }

    fn mask(&self) -> u64 {
        (1 << self.pack_bits) - 1
    }
}

/// Says whether the pack of a directory is there as the directory describes it.
fn is_usable(listed: &ListedPack, row: &DirectoryRow<'_>) -> bool {
    let Some((place, object)) = &listed.pack else { return false };
    let fits = row.checksum().is_none_or(|checksum| checksum.bytes == object.size);
    fits && *place == icecore_format::layout::PackPlace::of(row.kind(), row.group())
}

fn copy_of(id: &[u8; ChunkId::BYTES], number: u32, pack_bits: u32) -> u64 {
    // Ids are keyed hashes: their first bytes are as good as any.
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id[..8]);
    u64::from_be_bytes(bytes) >> pack_bits << pack_bits | u64::from(number)
}

#[cfg(test)]
mod tests;
