use proptest::prelude::*;

use super::*;
use crate::fixtures::{assert_golden, keys, noise_array};

fn chunk(number: u32) -> ChunkRef {
    ChunkRef { id: ChunkId(noise_array(&number.to_string())), length: number % 1000 + 1 }
}

fn leaf(chunks: &[ChunkRef]) -> EncodedListNode {
    let mut builder = ChunkListBuilder::new(0);
    for chunk in chunks {
        builder.push_chunk(*chunk);
    }
    builder.finish(&keys()).unwrap()
}

fn inner(nodes: &[ChunkListRef]) -> EncodedListNode {
    let mut builder = ChunkListBuilder::new(nodes[0].level + 1);
    for node in nodes {
        builder.push_node(node);
    }
    builder.finish(&keys()).unwrap()
}

/// Builds a whole tree as a writer does; returns its root and all nodes.
fn tree(chunks: &[ChunkRef]) -> (ChunkListRef, Vec<EncodedListNode>) {
    let mut all = Vec::new();
    let mut builder = ChunkListBuilder::new(0);
    let mut level = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        if builder.push_chunk(*chunk) || index + 1 == chunks.len() {
            level.push(builder.finish(&keys()).unwrap());
        }
    }
    while level.len() > 1 {
        let mut builder = ChunkListBuilder::new(level[0].list.level + 1);
        let mut above = Vec::new();
        for (index, node) in level.iter().enumerate() {
            if builder.push_node(&node.list) || index + 1 == level.len() {
                above.push(builder.finish(&keys()).unwrap());
            }
        }
        all.append(&mut level);
        level = above;
    }
    let root = level[0].list;
    all.append(&mut level);
    (root, all)
}

fn read(list: &ChunkListRef, nodes: &[EncodedListNode]) -> Vec<ChunkRef> {
    let node = nodes.iter().find(|node| node.list.id == list.id).unwrap();
    match ChunkListNode::decode(&node.raw, list).unwrap() {
        ChunkListNode::Leaf(chunks) => chunks,
        ChunkListNode::Inner(below) => below.iter().flat_map(|list| read(list, nodes)).collect(),
    }
}

#[test]
fn chunk_list_bytes_are_pinned() {
    let one = leaf(&[chunk(1), chunk(2)]);
    assert_golden("list-leaf", &one.raw);
    assert_golden("list-leaf-id", &one.list.id.0);
    assert_golden("list-inner", &inner(&[one.list, leaf(&[chunk(3)]).list]).raw);
    let chunks: Vec<ChunkRef> = (0..5000).map(chunk).collect();
    assert_golden("list-root-of-5000", &tree(&chunks).0.id.0);
}

#[test]
fn nodes_come_back() {
    let chunks = vec![chunk(1), chunk(2), chunk(1)];
    let EncodedListNode { raw, list } = leaf(&chunks);
    assert_eq!((list.level, list.chunks, list.bytes), (0, 3, 2 + 3 + 2));
    assert_eq!(list.id, keys().node_id(&raw));
    assert_eq!(ChunkListNode::decode(&raw, &list), Ok(ChunkListNode::Leaf(chunks)));
    let below = vec![list, leaf(&[chunk(9)]).list];
    let above = inner(&below);
    assert_eq!((above.list.level, above.list.chunks, above.list.bytes), (1, 4, 17));
    assert_eq!(ChunkListNode::decode(&above.raw, &above.list), Ok(ChunkListNode::Inner(below)));
}

#[test]
fn trees_come_back() {
    for count in [1, 9, 300, 5000] {
        let chunks: Vec<ChunkRef> = (0..count).map(chunk).collect();
        let (root, nodes) = tree(&chunks);
        assert_eq!(root.chunks, u64::from(count));
        assert_eq!(read(&root, &nodes), chunks);
    }
}

#[test]
fn borders_are_decided_by_ids() {
    let mut ends = ChunkRef { id: ChunkId([0; ChunkId::BYTES]), length: 1 };
    ends.id.0[1] = 1;
    let mut builder = ChunkListBuilder::new(0);
    assert!(builder.push_chunk(ends));
    ends.id.0[0] = 1;
    assert!(!builder.push_chunk(ends));
    builder.finish(&keys()).unwrap();
    assert!(builder.is_empty());
    let count = (1..=2 * ITEMS_SOFT_MAX).find(|_| builder.push_chunk(ends));
    assert_eq!(count, Some(ITEMS_SOFT_MAX));
}

#[test]
fn holes_come_back_and_end_no_node() {
    let items =
        [chunk(1), ChunkRef::hole(1), chunk(2), ChunkRef::hole(u32::MAX), ChunkRef::hole(u32::MAX), chunk(3)];
    let EncodedListNode { raw, list } = leaf(&items);
    assert_eq!((list.chunks, list.bytes), (6, 2 + 1 + 3 + 2 * u64::from(u32::MAX) + 4));
    assert_eq!(ChunkListNode::decode(&raw, &list), Ok(ChunkListNode::Leaf(items.to_vec())));
    let mut builder = ChunkListBuilder::new(0);
    assert!(!builder.push_chunk(ChunkRef::hole(1)));
    for (id, length, fits) in [
        (ChunkId::HOLE, u64::from(u32::MAX), true),
        (ChunkId::HOLE, u64::from(u32::MAX) + 1, false),
        (ChunkId::HOLE, 0, false),
        (ChunkId([1; ChunkId::BYTES]), u64::from(CHUNK_BYTES_MAX), true),
        (ChunkId([1; ChunkId::BYTES]), u64::from(CHUNK_BYTES_MAX) + 1, false),
    ] {
        assert_eq!(item(id, length).is_ok(), fits, "{id} {length}");
    }
}

#[test]
fn a_change_leaves_most_nodes_as_they_are() {
    let mut chunks: Vec<ChunkRef> = (0..20_000).map(chunk).collect();
    let before = tree(&chunks).1;
    chunks.insert(5000, chunk(1_000_000));
    let after = tree(&chunks).1;
    let new = after.iter().filter(|node| !before.contains(node)).count();
    assert!(new <= 4, "{new} of {} nodes are new", after.len());
}

#[test]
fn nodes_that_differ_from_their_reference_are_refused() {
    let EncodedListNode { raw, list } = leaf(&[chunk(1), chunk(2)]);
    for wrong in [
        ChunkListRef { level: 1, ..list },
        ChunkListRef { chunks: 1, ..list },
        ChunkListRef { chunks: 3, ..list },
        ChunkListRef { bytes: 4, ..list },
        ChunkListRef { bytes: u64::MAX, ..list },
    ] {
        assert!(ChunkListNode::decode(&raw, &wrong).is_err(), "{wrong:?}");
    }
    let above = inner(&[list]);
    assert!(ChunkListNode::decode(&above.raw, &list).is_err());
    assert!(ChunkListNode::decode(&above.raw, &ChunkListRef { chunks: 1, ..above.list }).is_err());
}

fn crafted(level: u8, ids: usize, lengths: &[u8], counts: Option<&[u8]>) -> Vec<u8> {
    let mut raw = vec![LIST_TYPE, 0xa3 + u8::from(counts.is_some()), 0, level, 1, 0x58, ids as u8];
    raw.resize(raw.len() + ids, 7);
    raw.push(2);
    raw.extend_from_slice(lengths);
    if let Some(counts) = counts {
        raw.push(3);
        raw.extend_from_slice(counts);
    }
    raw
}

#[test]
fn malformed_nodes_are_refused() {
    let list = |level, chunks, bytes| ChunkListRef { id: ChunkId([0; ChunkId::BYTES]), level, chunks, bytes };
    assert!(ChunkListNode::decode(&crafted(0, 24, &[0x81, 5], None), &list(0, 1, 5)).is_ok());
    assert!(ChunkListNode::decode(&crafted(1, 24, &[0x81, 5], Some(&[0x81, 2])), &list(1, 2, 5)).is_ok());
    let huge = [0x82, 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 6];
    let too_long = [0x81, 0x1a, 1, 0, 0, 1];
    let bad = [
        (vec![], list(0, 0, 0)),
        (vec![1, 0xa0], list(0, 0, 0)),
        (vec![LIST_TYPE, 0xa0], list(0, 0, 0)),
        (crafted(0, 0, &[0x80], None), list(0, 0, 0)),
        (crafted(0, 23, &[0x81, 5], None), list(0, 1, 5)),
        (crafted(0, 25, &[0x81, 5], None), list(0, 1, 5)),
        (crafted(0, 32, &[0x81, 5], None), list(0, 1, 5)),
        (crafted(0, 48, &[0x81, 5], None), list(0, 1, 5)),
        (crafted(0, 24, &[0x82, 5, 5], None), list(0, 2, 10)),
        (crafted(0, 24, &[0x81, 0], None), list(0, 1, 0)),
        (crafted(0, 24, &too_long, None), list(0, 1, (16 << 20) + 1)),
        // Sums that overflow.
        (crafted(1, 48, &huge, Some(&[0x82, 1, 1])), list(1, 2, 5)),
        (crafted(1, 48, &[0x82, 1, 1], Some(&huge)), list(1, 5, 2)),
        // An inner node without counts, or with too few counts.
        (crafted(1, 24, &[0x81, 5], None), list(1, 1, 5)),
        (crafted(1, 48, &[0x82, 5, 5], Some(&[0x81, 2])), list(1, 2, 10)),
        (crafted(16, 24, &[0x81, 5], Some(&[0x81, 2])), list(16, 2, 5)),
        (crafted(0, 24, &[0x9b, 0, 0, 1, 0, 0, 0, 0, 0], None), list(0, 1, 5)),
        (crafted(0, 24, &[0x9f, 5, 0xff], None), list(0, 1, 5)),
        ([&crafted(0, 24, &[0x81, 5], None)[..], &[0]].concat(), list(0, 1, 5)),
    ];
    for (raw, list) in bad {
        assert!(ChunkListNode::decode(&raw, &list).is_err(), "{raw:?}");
    }
    let EncodedListNode { raw, list } = leaf(&[chunk(1), chunk(2)]);
    for length in 0..raw.len() {
        assert!(ChunkListNode::decode(&raw[..length], &list).is_err());
    }
}

#[test]
fn unknown_fields_are_skipped() {
    let mut raw = crafted(0, 24, &[0x81, 5], None);
    raw[1] += 1;
    raw.extend_from_slice(&[0x18, 50, 0x80]);
    let list = ChunkListRef { id: ChunkId([0; ChunkId::BYTES]), level: 0, chunks: 1, bytes: 5 };
    assert!(ChunkListNode::decode(&raw, &list).is_ok());
}

#[test]
#[should_panic(expected = "chunks belong into leaves")]
fn chunks_do_not_belong_into_inner_nodes() {
    ChunkListBuilder::new(1).push_chunk(chunk(1));
}

#[test]
#[should_panic(expected = "nodes belong one level below")]
fn levels_are_not_skipped() {
    ChunkListBuilder::new(2).push_node(&leaf(&[chunk(1)]).list);
}

proptest! {
    #[test]
    fn lists_round_trip(chunks in prop::collection::vec((any::<[u8; ChunkId::BYTES]>(), 1..=CHUNK_BYTES_MAX), 1..200)) {
        let chunks: Vec<ChunkRef> =
            chunks.into_iter().map(|(id, length)| ChunkRef { id: ChunkId(id), length }).collect();
        let (root, nodes) = tree(&chunks);
        prop_assert_eq!(root.bytes, chunks.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>());
        prop_assert_eq!(read(&root, &nodes), chunks);
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), level in 0u8..3, sums in any::<[u8; 2]>()) {
        let list = ChunkListRef { id: ChunkId([0; ChunkId::BYTES]), level, chunks: sums[0].into(), bytes: sums[1].into() };
        if let Ok(ChunkListNode::Leaf(chunks)) = ChunkListNode::decode(&[&[LIST_TYPE], bytes.as_slice()].concat(), &list) {
            prop_assert_eq!(chunks.len() as u64, list.chunks);
        }
    }
}
