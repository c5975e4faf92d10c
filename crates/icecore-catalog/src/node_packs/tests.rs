use super::*;
use crate::samples::REPOSITORY;

fn node(byte: u8) -> ChunkId {
    ChunkId([byte; ChunkId::BYTES])
}

fn pack(run: u8, number: u32) -> PackName {
    PackName { run: RunId([run; 16]), number }
}

fn noted(rows: &[NodePacks]) -> Catalog {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    catalog.put_packs_of_nodes(rows).unwrap();
    catalog
}

#[test]
fn packs_are_kept_and_replaced() {
    let rows = [
        NodePacks { node: node(1), packs: vec![pack(1, 0), pack(1, 300), pack(2, u32::MAX)] },
        NodePacks { node: node(2), packs: Vec::new() },
    ];
    let mut catalog = noted(&rows);
    for row in &rows {
        assert_eq!(catalog.packs_of_node(&row.node).unwrap().as_ref(), Some(&row.packs));
    }
    assert_eq!(catalog.packs_of_node(&node(3)).unwrap(), None);
    catalog.put_packs_of_nodes(&[NodePacks { node: node(1), packs: vec![pack(9, 9)] }]).unwrap();
    assert_eq!(catalog.packs_of_node(&node(1)).unwrap(), Some(vec![pack(9, 9)]));
    assert_eq!(catalog.noted_node_count().unwrap(), 2);
    catalog.forget_packs_of_nodes().unwrap();
    assert_eq!(catalog.noted_node_count().unwrap(), 0);
    assert_eq!(catalog.packs_of_node(&node(1)).unwrap(), None);
}

#[test]
fn damaged_rows_count_as_absent() {
    for damage in ["packs = x''", "packs = x'00'", "checksum = x'00'", "node = x'020202'"] {
        let catalog = noted(&[NodePacks { node: node(1), packs: vec![pack(1, 1)] }]);
        catalog.connection().execute(&format!("UPDATE node_packs SET {damage}"), []).unwrap();
        assert_eq!(catalog.packs_of_node(&node(1)).unwrap(), None, "{damage}");
    }
}

#[test]
fn no_bytes_are_trusted() {
    let packs: Vec<_> =
        (0..3u8).flat_map(|run| (0..40).map(move |number| pack(run, number * 1_000_003))).collect();
    let encoded = encode(&packs);
    assert_eq!(decode(&encoded), Some(packs));
    for length in 1..encoded.len() {
        let cut = decode(&encoded[..length]);
        assert!(cut.is_none_or(|packs| packs.is_sorted() && packs.len() <= length), "{length}");
    }
    for position in 0..encoded.len() {
        let mut changed = encoded.clone();
        changed[position] ^= 0x95;
        assert!(decode(&changed).is_none_or(|packs| packs.is_sorted()), "{position}");
    }
}
