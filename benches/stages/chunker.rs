//! The gear scan: finding the borders of chunks, compared with `fastcdc::v2020::cut_gear` with the same
//! table.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use fastcdc::v2020::{Normalization, cut_gear, select_masks};
use icecore_benches::{
    bed,
    data::{noise, source},
};
use icecore_format::chunker::{Chunker, ChunkerParameters};

const BYTES: usize = 16 << 20;

fn cut_all(content: &[u8], cut: impl Fn(&[u8]) -> usize) -> usize {
    let (mut rest, mut chunks) = (content, 0);
    while !rest.is_empty() {
        rest = &rest[cut(rest)..];
        chunks += 1;
    }
    chunks
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let keys = bed::keys();
    let parameters = ChunkerParameters::default();
    let chunker = Chunker::new(&keys, parameters).unwrap();
    let (minimum, average, maximum) =
        (parameters.minimum as usize, parameters.average as usize, parameters.maximum as usize);
    let (strict, relaxed) = select_masks(average, Normalization::Level2);
    let gear = *keys.gear();
    let shifted = gear.map(|word| word << 1);
    for (name, content) in [("source", source(BYTES)), ("random", noise(BYTES, 1))] {
        let mut group = criterion.benchmark_group(format!("chunker/{name}"));
        group.throughput(Throughput::Bytes(BYTES as u64));
        group.bench_function("icecore", |bench| {
            bench.iter(|| cut_all(black_box(&content), |rest| chunker.cut(rest)));
        });
        group.bench_function("bare", |bench| {
            bench.iter(|| {
                cut_all(black_box(&content), |rest| {
                    let masks = (strict, relaxed, strict << 1, relaxed << 1);
                    cut_gear(
                        rest, minimum, average, maximum, masks.0, masks.1, masks.2, masks.3, &gear, &shifted,
                    )
                    .1
                })
            });
        });
        group.finish();
    }
    criterion.final_summary();
}
