//! Writing small files as a restore does (temporary name, content, owner, mode, times, rename), compared with
//! `std::fs::write`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::{fs, path::PathBuf};

use criterion::{BatchSize, Criterion, Throughput};
use icecore_benches::{
    data::text,
    tree::{make_tree, temporary_directory},
};
use icecore_fs::{
    entry::EntryKind,
    target::{ApplyOptions, TargetTree},
    walk::{Walk, WalkItem, WalkOptions},
};

const FILES: usize = 2_000;
const FILE_BYTES: usize = 4 << 10;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let place = temporary_directory();
    let content = text(FILE_BYTES, 1);
    // The metadata of some real file.
    let sample = place.path().join("sample");
    make_tree(&sample, 1, FILE_BYTES);
    let mut items = Walk::start(&sample, WalkOptions::default()).unwrap().flatten();
    let metadata = items
        .find_map(|item| match item {
            WalkItem::Entry(entry) if entry.metadata.kind == EntryKind::File => Some(entry.metadata),
            _ => None,
        })
        .unwrap();
    let names: Vec<String> = (0..FILES).map(|number| format!("d{:02}/file-{number}", number % 50)).collect();
    let mut number = 0;
    let mut target = || -> PathBuf {
        drop(fs::remove_dir_all(place.path().join(number.to_string())));
        number += 1;
        let target = place.path().join(number.to_string());
        (0..50).for_each(|name| fs::create_dir_all(target.join(format!("d{name:02}"))).unwrap());
        target
    };
    let mut group = criterion.benchmark_group("small files/write");
    group.throughput(Throughput::Elements(FILES as u64)).sample_size(20);
    group.bench_function("icecore", |bench| {
        let write = |target: PathBuf| {
            let tree = TargetTree::open(&target).unwrap();
            for name in &names {
                let file = tree.create_file(name.as_bytes(), FILE_BYTES as u64).unwrap();
                file.write_at(0, &content).unwrap();
                let warnings = file.finish(&metadata, &Vec::new(), &ApplyOptions::default()).unwrap();
                assert!(warnings.is_empty(), "everything can be applied to an own file");
            }
        };
        bench.iter_batched(&mut target, write, BatchSize::PerIteration);
    });
    group.bench_function("bare", |bench| {
        let write = |target: PathBuf| {
            for name in &names {
                fs::write(target.join(name), &content).unwrap();
            }
        };
        bench.iter_batched(&mut target, write, BatchSize::PerIteration);
    });
    group.finish();
    criterion.final_summary();
}
