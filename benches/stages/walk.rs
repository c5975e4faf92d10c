//! The walk over 20,000 files (in memory where possible) with their metadata, compared with `walkdir` and
//! rayon over `read_dir`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::{fs, path::Path};

use criterion::{Criterion, Throughput};
use icecore_benches::tree::{make_tree, temporary_directory};
use icecore_fs::walk::{Walk, WalkOptions};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use walkdir::WalkDir;

const FILES: usize = 20_000;

fn walk(root: &Path, concurrency: usize) -> usize {
    let options = WalkOptions { concurrency, ..WalkOptions::default() };
    Walk::start(root, options).unwrap().map(|batch| batch.len()).sum()
}

fn walk_bare(root: &Path) -> usize {
    let entries: Vec<fs::DirEntry> = fs::read_dir(root).unwrap().map(Result::unwrap).collect();
    let count = |entry: &fs::DirEntry| {
        // `metadata` of an entry is one `statx` relative to the open directory.
        let is_directory = entry.metadata().unwrap().is_dir();
        if is_directory { 1 + walk_bare(&entry.path()) } else { 1 }
    };
    entries.par_iter().map(count).sum()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let place = temporary_directory();
    make_tree(place.path(), FILES, 64);
    let entries = walk(place.path(), 1);
    let mut group = criterion.benchmark_group("walk");
    group.throughput(Throughput::Elements(entries as u64)).sample_size(20);
    for threads in [1, 2, 4, 64] {
        group.bench_function(format!("icecore, {threads} threads"), |bench| {
            bench.iter(|| walk(place.path(), threads));
        });
    }
    group.bench_function("bare, walkdir", |bench| {
        bench.iter(|| {
            WalkDir::new(place.path())
                .into_iter()
                .filter(|entry| entry.as_ref().unwrap().metadata().is_ok())
                .count()
        });
    });
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        group.bench_function(format!("bare, rayon, {threads} threads"), |bench| {
            bench.iter(|| pool.install(|| walk_bare(place.path())));
        });
    }
    group.finish();
    criterion.final_summary();
}
