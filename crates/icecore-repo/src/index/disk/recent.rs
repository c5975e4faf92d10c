//! Directories of the recently used packs, with a table of their chunks.

use std::{collections::HashMap, sync::Arc};

use hashbrown::HashTable;
use icecore_catalog::ChunkPlace;
use icecore_format::{
    directory::{BlockInfo, ChunkInfo},
    ids::ChunkId,
};

use crate::index::{IndexedPack, hash_of};

/// Approximate bytes of a chunk in the table of locations.
const PLACE_BYTES: usize = 16;

#[derive(Debug)]
pub(crate) struct RecentPacks {
    bytes_max: usize,
    bytes: usize,
    clock: u64,
    packs: HashMap<u32, Recent>,
    places: HashTable<ChunkPlace>,
    last_hit: Option<u32>,
}

#[derive(Debug)]
struct Recent {
    pack: Arc<IndexedPack>,
    used: u64,
}

impl RecentPacks {
    pub fn new(bytes_max: usize) -> Self {
        let (packs, places) = (HashMap::new(), HashTable::new());
        Self { bytes_max, bytes: 0, clock: 0, packs, places, last_hit: None }
    }

    pub fn get(&mut self, number: u32) -> Option<Arc<IndexedPack>> {
        self.clock += 1;
        let recent = self.packs.get_mut(&number)?;
        recent.used = self.clock;
        Some(Arc::clone(&recent.pack))
    }

    /// Returns a location of a chunk in these packs.
    pub fn find(&mut self, id: &ChunkId) -> Option<ChunkPlace> {
        let place = *self.places.find(hash_of(id), |place| id_at(&self.packs, *place) == Some(*id))?;
        self.clock += 1;
        if let Some(recent) = self.packs.get_mut(&place.pack) {
            recent.used = self.clock;
        }
        Some(place)
    }

    /// Notes that a chunk was found on disk in a pack; returns whether the previous one was in the same pack.
    pub fn is_hit_again(&mut self, number: u32) -> bool {
        self.last_hit.replace(number) == Some(number)
    }

    pub fn insert(&mut self, number: u32, pack: &Arc<IndexedPack>) {
        if self.packs.contains_key(&number) {
            return;
        }
        self.clock += 1;
        self.bytes += bytes_of(pack);
        self.packs.insert(number, Recent { pack: Arc::clone(pack), used: self.clock });
        let Self { packs, places, .. } = self;
        for (chunk, position) in pack.directory.chunks.iter().zip(0..) {
            let place = ChunkPlace { pack: number, position };
            places.insert_unique(hash_of(&chunk.id), place, |place| {
                id_at(packs, *place).map_or(0, |id| hash_of(&id))
            });
        }
        while self.bytes > self.bytes_max && self.remove_oldest(number) {}
    }

    /// Drops the least recently used pack other than `keep`; returns whether there was one.
    fn remove_oldest(&mut self, keep: u32) -> bool {
        let others = self.packs.iter().filter(|(number, _)| **number != keep);
        let Some((_, number)) = others.map(|(number, recent)| (recent.used, *number)).min() else {
            return false;
        };
        let Some(recent) = self.packs.remove(&number) else { return false };
        self.bytes -= bytes_of(&recent.pack);
        for (chunk, position) in recent.pack.directory.chunks.iter().zip(0..) {
            let place = ChunkPlace { pack: number, position };
            if let Ok(entry) = self.places.find_entry(hash_of(&chunk.id), |other| *other == place) {
                entry.remove();
            }
        }
        true
    }
}

fn id_at(packs: &HashMap<u32, Recent>, place: ChunkPlace) -> Option<ChunkId> {
    Some(packs.get(&place.pack)?.pack.directory.chunks.get(place.position as usize)?.id)
}

fn bytes_of(pack: &IndexedPack) -> usize {
    pack.directory.chunks.len() * (size_of::<ChunkInfo>() + PLACE_BYTES)
        + pack.directory.blocks.len() * size_of::<BlockInfo>()
        + size_of::<IndexedPack>()
}

#[cfg(test)]
mod tests;
