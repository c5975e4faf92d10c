use super::*;
use crate::bed::Bed;

fn node(byte: u8) -> ChunkId {
    ChunkId([byte; ChunkId::BYTES])
}

#[test]
fn a_set_is_void_when_one_of_its_packs_is_gone() {
    let bed = Bed::new();
    bed.snapshot(&[("a", 1)]);
    let (mut catalog, packs) = (bed.catalog(), bed.packs());
    let all: PackSet = packs.iter().map(|(number, _)| number).collect();
    put(&mut catalog, &packs, [(&node(1), &all)]).unwrap();
    assert_eq!(get(&catalog, &packs, &node(1)).unwrap(), Some(all));
    let (_, object) = packs.get(0).pack.clone().unwrap();
    bed.remove(&object.key);
    assert_eq!(get(&catalog, &bed.packs(), &node(1)).unwrap(), None);
}

#[test]
fn sets_are_renewed_when_there_are_too_many() {
    let bed = Bed::new();
    let (mut catalog, packs) = (bed.catalog(), bed.packs());
    assert!(prepare(&mut catalog, KeptSetsUse::Use).unwrap());
    note_renewal(&mut catalog, &packs).unwrap();
    assert!(!prepare(&mut catalog, KeptSetsUse::Use).unwrap());
    let rows: Vec<_> = (0..=SURPLUS_MAX as u64 + 2)
        .map(|number| {
            let mut id = node(7);
            id.0[..8].copy_from_slice(&number.to_le_bytes());
            NodePacks { node: id, packs: Vec::new() }
        })
        .collect();
    catalog.put_packs_of_nodes(&rows).unwrap();
    assert!(prepare(&mut catalog, KeptSetsUse::Use).unwrap());
    assert_eq!(catalog.noted_node_count().unwrap(), 0);
}

#[test]
fn a_pack_that_a_listing_lacked_counts_as_added_when_it_comes_back() {
    let bed = Bed::new();
    bed.snapshot(&[("a", 1)]);
    let (mut catalog, packs) = (bed.catalog(), bed.packs());
    let missing = packs.get(0).name;
    let key = packs.get(0).pack.clone().unwrap().1.key;
    let object = bed.get(&key);
    bed.remove(&key);
    let short = bed.packs();
    assert_eq!(short.get(0).name, missing, "its directory is still listed");
    note_renewal(&mut catalog, &short).unwrap();
    assert!(!packs_at_renewal(&catalog).unwrap().contains(&missing));
    note_renewal(&mut catalog, &packs).unwrap();
    assert!(packs_at_renewal(&catalog).unwrap().contains(&missing));
    note_missing(&mut catalog, &short).unwrap();
    bed.set(&key, object);
    note_missing(&mut catalog, &bed.packs()).unwrap();
    assert!(!packs_at_renewal(&catalog).unwrap().contains(&missing));
}
