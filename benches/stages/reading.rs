//! Reading small files as a backup does (open, metadata, content, metadata, extended attributes), compared
//! with `std::fs::read`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::{fs, path::PathBuf};

use criterion::{Criterion, Throughput};
use icecore_benches::tree::{make_tree, temporary_directory};
use icecore_fs::{
    entry::EntryKind,
    walk::{Walk, WalkEntry, WalkItem, WalkOptions},
};

const FILES: usize = 10_000;
const FILE_BYTES: usize = 4 << 10;

fn read(entry: &WalkEntry, buffer: &mut [u8]) -> usize {
    let file = entry.open().unwrap();
    let length = file.read_at(buffer, 0).unwrap();
    assert!(file.metadata().unwrap().size == length as u64, "the file is read in one call");
    length + file.extended_attributes().unwrap().attributes.len()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let place = temporary_directory();
    make_tree(place.path(), FILES, FILE_BYTES);
    let files = Walk::start(place.path(), WalkOptions::default()).unwrap().flatten();
    let files: Vec<WalkEntry> = files
        .filter_map(|item| match item {
            WalkItem::Entry(entry) if entry.metadata.kind == EntryKind::File => Some(entry),
            _ => None,
        })
        .collect();
    let paths: Vec<PathBuf> =
        files.iter().map(|file| place.path().join(str::from_utf8(&file.path).unwrap())).collect();
    let mut buffer = vec![0; FILE_BYTES * 2];
    let mut group = criterion.benchmark_group("small files/read");
    group.throughput(Throughput::Elements(files.len() as u64)).sample_size(20);
    group.bench_function("icecore", |bench| {
        bench.iter(|| files.iter().map(|file| read(file, &mut buffer)).sum::<usize>());
    });
    group.bench_function("bare", |bench| {
        bench.iter(|| paths.iter().map(|path| fs::read(path).unwrap().len()).sum::<usize>());
    });
    group.finish();
    criterion.final_summary();
}
