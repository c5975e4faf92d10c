use icecore_format::{
    chunk_list::ChunkListBuilder,
    entry::{ChunkListRef, ChunkRef, Content},
    ids::ChunkId,
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
    // An inner node that promises another sum than its leaf has, one that refers to a leaf as to an inner node.
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
