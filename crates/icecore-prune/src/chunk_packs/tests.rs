use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::bed::Bed;

/// Reads the directories chunk by chunk.
fn naive(catalog: &mut Catalog, packs: &PackTable) -> BTreeMap<ChunkId, BTreeSet<u32>> {
    let mut copies: BTreeMap<ChunkId, BTreeSet<u32>> = BTreeMap::new();
    for (number, pack) in packs.iter() {
        for chunk in catalog.directory(pack.name).unwrap().unwrap().chunks {
            copies.entry(chunk.id).or_default().insert(number);
        }
    }
    copies
}

fn packs_of(chunks: &ChunkPacks, id: &ChunkId) -> Vec<u32> {
    let mut packs = Vec::new();
    assert_eq!(chunks.add_packs_of(id, &mut packs), !packs.is_empty());
    packs
}

#[test]
fn all_copies_are_found() {
    let bed = Bed::new();
    bed.snapshot(&[("a", 1), ("b", 2), ("c", 100)]);
    bed.snapshot_with(&[("a", 1), ("d", 3)], |origin| {
        origin.dedup = icecore_format::snapshot::DedupScope::Group;
    });
    let (mut catalog, packs) = (bed.catalog(), bed.packs());
    let chunks = ChunkPacks::read(&mut catalog, &packs).unwrap();
    let expected = naive(&mut catalog, &packs);
    assert!(expected.values().any(|copies| copies.len() > 1));
    for (id, copies) in expected {
        assert_eq!(packs_of(&chunks, &id), copies.into_iter().collect::<Vec<_>>());
    }
    assert_eq!(packs_of(&chunks, &ChunkId([9; ChunkId::BYTES])), [0u32; 0]);
}

#[test]
fn packs_that_are_missing_or_have_another_length_do_not_count() {
    let bed = Bed::new();
    bed.snapshot(&[("a", 1)]);
    let mut catalog = bed.catalog();
    let packs = bed.packs();
    let full = ChunkPacks::read(&mut catalog, &packs).unwrap();
    let (_, pack) = packs.iter().next().unwrap();
    let id = catalog.directory(pack.name).unwrap().unwrap().chunks[0].id;
    assert_eq!(packs_of(&full, &id), [0]);
    let mut objects: Vec<_> = packs.iter().filter_map(|(_, pack)| pack.directory.clone()).collect();
    objects.extend(packs.iter().skip(1).filter_map(|(_, pack)| pack.pack.clone().map(|(_, object)| object)));
    let without = ChunkPacks::read(&mut catalog, &PackTable::of(&objects)).unwrap();
    assert_eq!(packs_of(&without, &id), [0u32; 0]);
    let (_, mut cut) = pack.pack.clone().unwrap();
    cut.size -= 1;
    objects.push(cut);
    let with_short = ChunkPacks::read(&mut catalog, &PackTable::of(&objects)).unwrap();
    assert_eq!(packs_of(&with_short, &id), [0u32; 0]);
}

#[test]
fn a_directory_that_is_not_in_the_catalogue_is_an_error() {
    let bed = Bed::new();
    bed.snapshot(&[("a", 1)]);
    let mut catalog = Catalog::in_memory(bed.repository.id()).unwrap();
    let result = ChunkPacks::read(&mut catalog, &bed.packs());
    assert!(matches!(result, Err(PruneError::Directories { packs }) if packs.len() == 2));
}
