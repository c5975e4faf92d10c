//! Compression of blocks of 1 MiB, compared with `zstd::bulk` with a reused context.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use icecore_benches::data::{noise, source};
use icecore_format::compression::{Compressor, Decompressor};

const BLOCK_BYTES: usize = 1 << 20;
const BLOCKS: usize = 8;

fn compress(criterion: &mut Criterion, name: &str, level: i32, blocks: &[u8]) {
    let mut group = criterion.benchmark_group(format!("compress/level {level}/{name}"));
    group.throughput(Throughput::Bytes(blocks.len() as u64)).sample_size(20);
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(BLOCK_BYTES));
    let mut compressor = Compressor::new(level).unwrap();
    group.bench_function("icecore", |bench| {
        bench.iter(|| {
            for block in black_box(blocks).chunks(BLOCK_BYTES) {
                compressor.compress(block, &mut out).unwrap();
            }
        });
    });
    let mut bare = zstd::bulk::Compressor::new(level).unwrap();
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            for block in black_box(blocks).chunks(BLOCK_BYTES) {
                bare.compress_to_buffer(block, &mut out).unwrap();
            }
        });
    });
    group.finish();
}

fn decompress(criterion: &mut Criterion, blocks: &[u8]) {
    let mut compressor = Compressor::new(3).unwrap();
    let mut stored = Vec::new();
    for block in blocks.chunks(BLOCK_BYTES) {
        let mut out = Vec::new();
        let codec = compressor.compress(block, &mut out).unwrap();
        stored.push((codec, out, block.len()));
    }
    let mut group = criterion.benchmark_group("decompress/level 3/source");
    group.throughput(Throughput::Bytes(blocks.len() as u64));
    let mut plain = Vec::with_capacity(BLOCK_BYTES);
    let mut decompressor = Decompressor::new().unwrap();
    group.bench_function("icecore", |bench| {
        bench.iter(|| {
            for (codec, block, length) in &stored {
                decompressor.decompress(*codec, black_box(block), *length, &mut plain).unwrap();
            }
        });
    });
    let mut bare = zstd::bulk::Decompressor::new().unwrap();
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            for (_, block, _) in &stored {
                plain.clear();
                bare.decompress_to_buffer(black_box(block), &mut plain).unwrap();
            }
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (code, random) = (source(BLOCK_BYTES * BLOCKS), noise(BLOCK_BYTES * BLOCKS, 1));
    for level in [1, 3, 6] {
        compress(&mut criterion, "source", level, &code);
    }
    // Data that does not compress should cost little more than finding that out.
    compress(&mut criterion, "random", 3, &random);
    decompress(&mut criterion, &code);
    criterion.final_summary();
}
