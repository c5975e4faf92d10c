use std::sync::Arc;

use icecore_format::{
    chunk_list::ChunkListBuilder,
    entry::{ChunkListRef, ChunkRef, Content},
    ids::ChunkId,
    keys::Keys,
    seal::ObjectKind,
};

use super::*;
use crate::{bed::noise, session::WriteSession};

fn chunks(count: u64) -> Vec<ChunkRef> {
    (0..count)
        .map(|number| {
            let mut id = [0; ChunkId::BYTES];
            id.copy_from_slice(&noise(ChunkId::BYTES, number));
            ChunkRef { id: ChunkId(id), length: number as u32 % 1_000 + 1 }
        })
        .collect()
}

fn finish(session: WriteSession) {
    let mut session = session;
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap();
}

fn listed(bed: &Bed, list: ChunkListRef) -> RepoResult<Vec<ChunkRef>> {
    ChunkListReader::collect(&bed.reader(), &Content::List(list))
}

#[test]
fn chunk_lists_come_back_in_order() {
    let bed = Bed::new();
    for count in [1, 33, 256, 5_000, 30_000] {
        let chunks = chunks(count);
        let mut session = bed.session();
        let list = write_chunk_list(&mut session, &chunks).unwrap();
        finish(session);
        assert_eq!(list.chunks, count);
        assert_eq!(list.bytes, chunks.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>());
        assert!(listed(&bed, list).unwrap() == chunks, "{count} chunks");
        assert!(count < 5_000 || list.level > 0);
    }
}

/// The tree as the format describes it: level by level.
fn level_by_level(keys: &Keys, chunks: &[ChunkRef]) -> ChunkListRef {
    let mut builder = ChunkListBuilder::new(0);
    let mut nodes = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        if builder.push_chunk(*chunk) || number + 1 == chunks.len() {
            nodes.push(builder.finish(keys).unwrap().list);
        }
    }
    while nodes.len() > 1 {
        let children = std::mem::take(&mut nodes);
        let mut builder = ChunkListBuilder::new(children[0].level + 1);
        for (number, child) in children.iter().enumerate() {
            if builder.push_node(child) || number + 1 == children.len() {
                nodes.push(builder.finish(keys).unwrap().list);
            }
        }
    }
    nodes[0]
}

fn written(session: &mut WriteSession, chunks: &[ChunkRef]) -> Content {
    let mut writer = ChunkListWriter::default();
    for chunk in chunks {
        writer.push(session, *chunk).unwrap();
    }
    assert_eq!(writer.bytes(), chunks.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>());
    writer.finish(session).unwrap()
}

#[test]
fn a_list_that_is_written_bit_by_bit_is_that_of_the_format() {
    let bed = Bed::new();
    let mut session = bed.session();
    let keys = Arc::clone(session.repository().keys());
    for count in [9, 10, 200, 255, 256, 257, 600, 2_047, 5_000, 70_000] {
        let chunks = chunks(count);
        let content = written(&mut session, &chunks);
        assert_eq!(content, Content::List(level_by_level(&keys, &chunks)), "{count} chunks");
    }
    for count in [0, 1, 8] {
        let chunks = chunks(count);
        assert_eq!(written(&mut session, &chunks), Content::Inline(chunks));
    }
}

#[test]
fn holes_are_items_of_lists_and_of_nothing_else() {
    let bed = Bed::new();
    let mut session = bed.session();
    let short = [chunks(1)[0], ChunkRef::hole(5)];
    let holes = vec![ChunkRef::hole(u32::MAX); 5_000];
    let mixed: Vec<ChunkRef> =
        chunks(9_000).into_iter().flat_map(|chunk| [chunk, ChunkRef::hole(4096)]).collect();
    let lists = [&short[..], &holes, &mixed].map(|items| (items, written(&mut session, items)));
    finish(session);
    for (items, content) in lists {
        assert!(matches!(content, Content::List(_)));
        assert!(ChunkListReader::collect(&bed.reader(), &content).unwrap() == items);
    }
}

#[test]
fn inline_chunks_need_no_store() {
    let bed = Bed::new();
    let (reader, meter) = bed.metered(CACHE_BYTES);
    for count in [0, 1, 32] {
        let chunks = chunks(count);
        assert_eq!(ChunkListReader::collect(&reader, &Content::Inline(chunks.clone())).unwrap(), chunks);
    }
    assert_eq!(gets(&meter), 0);
}

#[test]
fn one_changed_chunk_of_a_long_list_adds_few_nodes() {
    let bed = Bed::new();
    let mut chunks = chunks(30_000);
    let mut session = bed.session();
    let list = write_chunk_list(&mut session, &chunks).unwrap();
    finish(session);
    let before = bed.index().chunk_rows();
    chunks[15_000].id = ChunkId([9; ChunkId::BYTES]);
    let mut session = bed.session();
    write_chunk_list(&mut session, &chunks).unwrap();
    finish(session);
    assert!(bed.index().chunk_rows() - before <= 2 * (usize::from(list.level) + 1));
}

#[test]
fn a_list_that_is_not_what_its_reference_says_is_an_error() {
    let bed = Bed::new();
    let mut session = bed.session();
    let list = write_chunk_list(&mut session, &chunks(5_000)).unwrap();
    let leaf = write_chunk_list(&mut session, &chunks(10)).unwrap();
    // An inner node with another sum than its leaf has, and one that refers to a leaf as an inner node.
    let mut inner = |node: ChunkListRef| {
        let mut builder = ChunkListBuilder::new(node.level + 1);
        builder.push_node(&node);
        let node = builder.finish(bed.repository.keys()).unwrap();
        session.add_chunk(ObjectKind::Manifest, node.list.id, &node.raw).unwrap();
        node.list
    };
    let hostile = [
        ChunkListRef { chunks: list.chunks + 1, ..list },
        ChunkListRef { bytes: list.bytes - 1, ..list },
        ChunkListRef { level: list.level + 1, ..list },
        ChunkListRef { level: 0, ..list },
        inner(ChunkListRef { bytes: leaf.bytes + 1, ..leaf }),
        inner(ChunkListRef { chunks: u64::MAX, ..leaf }),
        inner(ChunkListRef { level: 1, ..leaf }),
    ];
    finish(session);
    for list in hostile {
        assert!(matches!(listed(&bed, list), Err(RepoError::Object { .. })), "{list:?}");
    }
    let missing = ChunkListRef { id: ChunkId([1; ChunkId::BYTES]), ..leaf };
    assert!(matches!(listed(&bed, missing), Err(RepoError::MissingChunk { .. })));
}
