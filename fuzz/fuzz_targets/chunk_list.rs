//! A node of a chunk list, against a reference that is as hostile.

#![no_main]

use icecore_format::{chunk_list::ChunkListNode, entry::ChunkListRef, ids::ChunkId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u64, u64, &[u8])| {
    let (level, chunks, bytes, raw) = input;
    let list = ChunkListRef { id: ChunkId([0; ChunkId::BYTES]), level, chunks, bytes };
    if let Ok(ChunkListNode::Leaf(found)) = ChunkListNode::decode(raw, &list) {
        assert_eq!(found.len() as u64, chunks);
        assert_eq!(found.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>(), bytes);
    }
});
