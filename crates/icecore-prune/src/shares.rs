//! What owners hold alone: the chunks that only they refer to, and the packs that only they need.
//!
//! The two differ. Forgetting a snapshot makes the chunks useless that only it refers to, but `prune` removes
//! whole packs: a pack stays as long as any snapshot needs one of its chunks.

mod walk;

use std::{
    ops::AddAssign,
    sync::{Arc, RwLock},
};

use icecore_catalog::{Catalog, DirectoryRow};
use icecore_format::{
    ids::{ChunkId, RunId},
    seal::ObjectKind,
    snapshot::Snapshot,
};
use icecore_repo::{index::load_index, reader::ChunkReader, repository::Repository};

use self::walk::OwnerWalk;
use crate::{
    chunk_packs::ChunkPacks,
    error::{PruneError, PruneResult},
    marks::{CACHE_BYTES, NeededPacks, groups},
    owners::{Owner, OwnerTree},
    packs::PackTable,
};

/// A number of chunks and their bytes. Chunks that are stored several times count as often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkSums {
    /// Number of chunks.
    pub chunks: u64,
    /// Their bytes before compression.
    pub plain_bytes: u64,
    /// Their share of the stored blocks in bytes, in proportion to their length.
    pub stored_bytes: u64,
}

impl ChunkSums {
    fn without(self, others: Self) -> Self {
        Self {
            chunks: self.chunks.saturating_sub(others.chunks),
            plain_bytes: self.plain_bytes.saturating_sub(others.plain_bytes),
            stored_bytes: self.stored_bytes.saturating_sub(others.stored_bytes),
        }
    }
}

impl AddAssign for ChunkSums {
    fn add_assign(&mut self, other: Self) {
        self.chunks += other.chunks;
        self.plain_bytes += other.plain_bytes;
        self.stored_bytes += other.stored_bytes;
    }
}

/// Chunks by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldChunks {
    /// Contents of files.
    pub data: ChunkSums,
    /// Nodes of manifests and of lists of chunks.
    pub nodes: ChunkSums,
}

impl HeldChunks {
    /// Returns the stored bytes of both kinds.
    pub fn stored_bytes(&self) -> u64 {
        self.data.stored_bytes + self.nodes.stored_bytes
    }

    /// Returns the chunks without others that are a part of them.
    #[must_use]
    pub fn without(&self, others: Self) -> Self {
        Self { data: self.data.without(others.data), nodes: self.nodes.without(others.nodes) }
    }
}

impl AddAssign for HeldChunks {
    fn add_assign(&mut self, other: Self) {
        self.data += other.data;
        self.nodes += other.nodes;
    }
}

/// A number of packs, and their bytes with their directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackSums {
    /// Number of packs.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl AddAssign for PackSums {
    fn add_assign(&mut self, other: Self) {
        self.packs += other.packs;
        self.bytes += other.bytes;
    }
}

impl PackSums {
    /// Returns the sums of packs that are given by their numbers.
    pub fn of(table: &PackTable, numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut sums = Self::default();
        for number in numbers {
            sums += Self { packs: 1, bytes: table.get(number).stored_bytes() };
        }
        sums
    }
}

/// Returns the owner of each pack, by number. `owner_of` returns the owner of each snapshot.
pub fn pack_owners(
    tree: &OwnerTree,
    owner_of: impl Fn(RunId) -> Option<Owner>,
    needed: &NeededPacks,
    packs: &PackTable,
) -> Vec<Owner> {
    let mut of_packs = vec![Owner::NOBODY; packs.len()];
    for (run, set) in &needed.needed {
        let Some(owner) = owner_of(*run) else { continue };
        for number in set.iter() {
            let of_pack = &mut of_packs[number as usize];
            *of_pack = tree.join(*of_pack, owner);
        }
    }
    of_packs
}

/// Returns for each owner the packs that only it, or an owner below it, needs: `prune` would remove them if
/// the snapshots of the owner were forgotten.
pub fn packs_alone(tree: &OwnerTree, of_packs: &[Owner], packs: &PackTable) -> Vec<PackSums> {
    let mut sums = vec![PackSums::default(); tree.count()];
    for (number, owner) in (0..).zip(of_packs) {
        sums[owner.index()] += PackSums::of(packs, [number]);
    }
    tree.add_upwards(&mut sums);
    sums
}

/// The chunks that owners refer to.
#[derive(Debug, Default)]
pub struct ChunkShares {
    /// For each owner the chunks that only it, or an owner below it, refers to; for nobody, all others.
    pub alone: Vec<HeldChunks>,
    /// Unused chunks in packs that are needed.
    pub unused_in_needed_packs: HeldChunks,
    /// Number of nodes that cannot be read and of chunks that are missing. What is below them counts as
    /// unused.
    pub unreadable_count: u64,
    /// Why the first of them cannot be read, with a snapshot that refers to it.
    pub unreadable: Option<(RunId, PruneError)>,
}

/// Finds the owner of each chunk from the manifests of all complete snapshots, which are given with their
/// owners.
///
/// The catalogue must have the directories that `packs` lists. Each distinct node is read once. Takes 12
/// bytes of memory for each chunk beside the index, and about 100 for each node of the largest level.
pub fn chunk_shares(
    repository: &Repository,
    catalog: &mut Catalog,
    packs: &PackTable,
    (tree, of_packs): (&OwnerTree, &[Owner]),
    snapshots: &[(&Snapshot, Owner)],
) -> PruneResult<ChunkShares> {
    let chunks = ChunkPacks::read(catalog, packs)?;
    let groups = groups(catalog, packs)?;
    let index = load_index(repository, catalog, None)?.index;
    let reader = ChunkReader::new(repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
    let walk = OwnerWalk::new(&reader, &chunks, &groups, tree);
    walk.run(snapshots)?;
    let walked = walk.finish();

    let mut shares = ChunkShares {
        alone: vec![HeldChunks::default(); tree.count()],
        unreadable_count: walked.unreadable_count,
        unreadable: walked.unreadable,
        ..ChunkShares::default()
    };
    catalog.for_each_directory(|row| {
        let Some(number) = packs.number(row.pack()) else { return };
        let is_needed = of_packs[number as usize] != Owner::NOBODY;
        for_each_chunk(&row, |id, chunk| {
            // A pack that cannot be used has no position.
            let Some(position) = chunks.position(id, number) else { return };
            let owner = walked.owners[position];
            shares.alone[owner.index()] += chunk;
            if owner == Owner::NOBODY && is_needed {
                shares.unused_in_needed_packs += chunk;
            }
        });
    })?;
    tree.add_upwards(&mut shares.alone);
    Ok(shares)
}

/// Visits the chunks of a pack with their share of its blocks. The shares add up to the lengths of the
/// blocks.
fn for_each_chunk(row: &DirectoryRow<'_>, mut visit: impl FnMut(&[u8; ChunkId::BYTES], HeldChunks)) {
    let mut chunks = row.chunk_ids().zip(row.chunk_lengths());
    for block in row.blocks() {
        let stored = u64::from(block.stored_bytes);
        let (mut plain_until, mut stored_until) = (0, 0);
        for (id, length) in chunks.by_ref().take(block.chunks as usize) {
            plain_until += u64::from(length);
            let until = (stored * plain_until / u64::from(block.plain_bytes).max(1)).min(stored);
            let sums = ChunkSums {
                chunks: 1,
                plain_bytes: length.into(),
                stored_bytes: until.saturating_sub(stored_until),
            };
            stored_until = until;
            let held = match row.kind() {
                ObjectKind::Manifest => HeldChunks { nodes: sums, ..HeldChunks::default() },
                _ => HeldChunks { data: sums, ..HeldChunks::default() },
            };
            visit(id, held);
        }
    }
}

#[cfg(test)]
mod tests;
