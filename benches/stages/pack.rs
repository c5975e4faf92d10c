//! Building a pack of compressed blocks, and verifying it (opening every block, with the ids of all chunks),
//! compared with the bare libraries: ChaCha20-Poly1305 and BLAKE3 of the pack; ChaCha20-Poly1305, zstd and
//! BLAKE3 of the chunks.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::hint::black_box;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use criterion::{Criterion, Throughput};
use icecore_benches::{
    bed::{self, RUN},
    data::source,
};
use icecore_format::{
    compression::{Codec, Compressor},
    directory::ChunkInfo,
    ids::PackName,
    keys::Keys,
    pack::{BlockOpener, FinishedPack, PackBuilder},
    seal::ObjectKind,
};

const BLOCK_BYTES: usize = 1 << 20;
const BLOCKS: usize = 32;
const CHUNK_BYTES: usize = 16 << 10;

struct Block {
    codec: Codec,
    body: Vec<u8>,
    chunks: Vec<ChunkInfo>,
}

fn blocks(keys: &Keys, content: &[u8]) -> Vec<Block> {
    let mut compressor = Compressor::new(3).unwrap();
    let block = |plain: &[u8]| {
        let chunk = |chunk: &[u8]| ChunkInfo { id: keys.chunk_id(chunk), length: chunk.len() as u32 };
        let mut body = Vec::new();
        let codec = compressor.compress(plain, &mut body).unwrap();
        if codec == Codec::Raw {
            body = plain.to_vec();
        }
        Block { codec, body, chunks: plain.chunks(CHUNK_BYTES).map(chunk).collect() }
    };
    content.chunks(BLOCK_BYTES).map(block).collect()
}

fn build(keys: &Keys, blocks: &[Block], buffer: Vec<u8>) -> FinishedPack {
    let name = PackName { run: RUN, number: 0 };
    let mut builder = PackBuilder::new(keys, name, ObjectKind::Data, RUN, [8; 32], buffer).unwrap();
    for block in blocks {
        builder.push(block.codec, &block.body, BLOCK_BYTES as u32, &block.chunks);
    }
    for block in builder.blocks_to_seal() {
        block.seal().unwrap();
    }
    builder.finish().unwrap()
}

fn cipher() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).unwrap())
}

/// Returns the nonce of everything here: nothing that is sealed here is kept.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn bench_build(criterion: &mut Criterion, keys: &Keys, blocks: &[Block]) {
    let stored: usize = blocks.iter().map(|block| block.body.len()).sum();
    let mut group = criterion.benchmark_group("pack/build");
    group.throughput(Throughput::Bytes(stored as u64)).sample_size(20);
    let mut buffer = Vec::new();
    group.bench_function("icecore", |bench| {
        bench.iter(|| buffer = build(keys, black_box(blocks), std::mem::take(&mut buffer)).bytes);
    });
    let cipher = cipher();
    let mut bare: Vec<u8> = blocks.iter().flat_map(|block| block.body.clone()).collect();
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            let _ = cipher.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut bare).unwrap();
            blake3::hash(black_box(&bare))
        });
    });
    group.finish();
}

fn bench_verify(criterion: &mut Criterion, keys: &Keys, blocks: &[Block]) {
    let pack = build(keys, blocks, Vec::new());
    let key = pack.directory.object_key(keys).unwrap();
    let mut opener = BlockOpener::new().unwrap();
    let mut plain = Vec::new();
    let mut group = criterion.benchmark_group("pack/verify");
    group.throughput(Throughput::Bytes((BLOCK_BYTES * blocks.len()) as u64)).sample_size(20);
    group.bench_function("icecore", |bench| {
        bench.iter(|| {
            for (ordinal, block) in pack.directory.blocks.iter().enumerate() {
                let stored = &pack.bytes[block.offset as usize..][..block.stored_bytes as usize];
                opener.open(keys, &key, &pack.directory, ordinal, stored, &mut plain).unwrap();
            }
        });
    });
    let cipher = cipher();
    let mut decompressor = zstd::bulk::Decompressor::new().unwrap();
    let mut sealed: Vec<Vec<u8>> = blocks.iter().map(|block| block.body.clone()).collect();
    plain.reserve(BLOCK_BYTES);
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            for (body, block) in sealed.iter_mut().zip(blocks) {
                // Encrypting costs the same as decrypting, and needs no preparation.
                let _ = cipher.seal_in_place_separate_tag(nonce(), Aad::empty(), body).unwrap();
                plain.clear();
                if block.codec == Codec::Zstd {
                    decompressor.decompress_to_buffer(&block.body, &mut plain).unwrap();
                } else {
                    plain.extend_from_slice(&block.body);
                }
                for chunk in plain.chunks(CHUNK_BYTES) {
                    black_box(blake3::keyed_hash(&[5; 32], chunk));
                }
            }
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let keys = bed::keys();
    let blocks = blocks(&keys, &source(BLOCK_BYTES * BLOCKS));
    bench_build(&mut criterion, &keys, &blocks);
    bench_verify(&mut criterion, &keys, &blocks);
    criterion.final_summary();
}
