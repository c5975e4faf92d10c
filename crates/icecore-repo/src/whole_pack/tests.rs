use icecore_format::{
    compression::{Codec, Compressor},
    directory::ChunkInfo,
    ids::{ChunkId, RunId},
    pack::{FinishedPack, PackBuilder},
    seal::ObjectKind,
};

use super::*;
use crate::bed::{Bed, noises};

/// Returns a sealed pack of two blocks, one compressed and one raw.
fn finished(keys: &Keys, kind: ObjectKind) -> FinishedPack {
    let pack = PackName { run: RunId([1; 16]), number: 0 };
    let mut builder = PackBuilder::new(keys, pack, kind, RunId([1; 16]), [5; 32], Vec::new()).unwrap();
    let mut compressor = Compressor::new(3).unwrap();
    for contents in [noises(3, 2_000, 1), vec![vec![b'a'; 5_000], b"b".repeat(9)]] {
        let plain = contents.concat();
        let chunks: Vec<ChunkInfo> = contents
            .iter()
            .map(|content| ChunkInfo { id: keys.id_for_kind(kind, content), length: content.len() as u32 })
            .collect();
        let mut body = Vec::new();
        let codec = compressor.compress(&plain, &mut body).unwrap();
        let body = if codec == Codec::Raw { &plain } else { &body };
        builder.push(codec, body, plain.len() as u32, &chunks);
    }
    builder.blocks_to_seal().into_iter().for_each(|block| block.seal().unwrap());
    builder.finish().unwrap()
}

#[test]
fn an_intact_pack_passes_verification() {
    let bed = Bed::new();
    for kind in [ObjectKind::Data, ObjectKind::Manifest] {
        let pack = finished(bed.repository.keys(), kind);
        assert_eq!(pack.directory.blocks.len(), 2);
        verify(bed.repository.keys(), &pack.directory, &pack.bytes).unwrap();
    }
}

#[test]
fn verification_notices_every_flipped_byte_of_a_block() {
    let bed = Bed::new();
    let keys = bed.repository.keys();
    let mut pack = finished(keys, ObjectKind::Data);
    for block in pack.directory.blocks.clone() {
        let end = block.offset + u64::from(block.stored_bytes);
        for position in (block.offset..end).step_by(37).chain([end - 1]) {
            pack.bytes[position as usize] ^= 0x40;
            assert!(verify(keys, &pack.directory, &pack.bytes).is_err(), "byte {position}");
            pack.bytes[position as usize] ^= 0x40;
        }
    }
    verify(keys, &pack.directory, &pack.bytes).unwrap();
}

#[test]
fn verification_notices_a_directory_that_does_not_fit_its_pack() {
    let bed = Bed::new();
    let keys = bed.repository.keys();
    let pack = finished(keys, ObjectKind::Data);
    let changes: [fn(&mut FinishedPack); 7] = [
        |pack| pack.directory.chunks[0].id = ChunkId([0; ChunkId::BYTES]),
        |pack| pack.directory.chunks.swap(0, 1),
        |pack| pack.directory.chunks[4].length -= 1,
        |pack| pack.directory.blocks[1].offset += 1,
        |pack| pack.directory.blocks[0].codec = Codec::Zstd,
        |pack| pack.directory.salt[0] ^= 1,
        |pack| pack.bytes.truncate(3_000),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = pack.clone();
        change(&mut changed);
        assert!(verify(keys, &changed.directory, &changed.bytes).is_err(), "change {number}");
    }
}
