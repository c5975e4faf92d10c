//! The id of a chunk, compared with `blake3::keyed_hash`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use icecore_benches::{bed, data::noise};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let keys = bed::keys();
    for (name, length) in
        [("256 KiB", 256 << 10), ("64 KiB", 64 << 10), ("8 KiB", 8 << 10), ("1 KiB", 1 << 10)]
    {
        let content = noise(length, 1);
        let mut group = criterion.benchmark_group(format!("chunk id/{name}"));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function("icecore", |bench| bench.iter(|| keys.chunk_id(black_box(&content))));
        group.bench_function("bare", |bench| {
            bench.iter(|| blake3::keyed_hash(&[5; 32], black_box(&content)));
        });
        group.finish();
    }
    criterion.final_summary();
}
