//! The manifest of 100,000 entries: building it (with all work that storing it needs), streaming it, looking
//! up paths; compared with a `BTreeMap` in memory, which stores nothing.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::{Arc, RwLock},
};

use criterion::{Criterion, Throughput};
use icecore_benches::{bed::Bed, data::Numbers};
use icecore_format::{
    entry::{ChunkRef, Content, Entry, EntryKind},
    ids::ChunkId,
    path,
};
use icecore_repo::{
    index::load_index,
    manifest::{ManifestCursor, ManifestRoot, ManifestWriter},
    reader::ChunkReader,
    session::WriteSession,
};

const ENTRIES: usize = 100_000;
const LOOK_UPS: usize = 100;
const CACHE_BYTES: usize = 64 << 20;

/// Makes directories with 19 files each, like a tree of source code.
fn entries() -> Vec<Entry> {
    let mut numbers = Numbers::new(1);
    let mut entries: Vec<Entry> = (0..ENTRIES)
        .map(|number| {
            let directory = format!("drivers/net/d{:05}", number / 20);
            if number % 20 == 0 {
                return Entry::new(directory.into_bytes(), EntryKind::Directory);
            }
            let name = format!("{directory}/file_{:04x}_{number}.c", numbers.below(1 << 16));
            let mut entry = Entry::new(name.into_bytes(), EntryKind::File);
            let mut id = [0; ChunkId::BYTES];
            id.as_chunks_mut().0.iter_mut().for_each(|part| *part = numbers.draw().to_le_bytes());
            entry.size = 1 + numbers.below(40_000) as u64;
            entry.content = Content::Inline(vec![ChunkRef { id: ChunkId(id), length: entry.size as u32 }]);
            (entry.mode, entry.user_id, entry.group_id, entry.inode) = (0o644, 1000, 1000, number as u64);
            entry.modified.seconds = 1_700_000_000 + numbers.below(10_000_000).cast_signed() as i64;
            entry.changed = entry.modified;
            entry.changed.nanoseconds = numbers.below(1_000_000_000) as u32;
            entry
        })
        .collect();
    let above = ["drivers", "drivers/net"];
    entries.extend(above.map(|path| Entry::new(path.as_bytes().to_vec(), EntryKind::Directory)));
    entries.sort_by(|left, right| path::compare(&left.path, &right.path));
    entries
}

fn write(bed: &Bed, session: &mut WriteSession<'_>, entries: &[Entry]) -> ManifestRoot {
    let mut writer = ManifestWriter::new(bed.repository.header().parameters.node_items);
    for entry in entries {
        writer.push(session, entry, Some(b"user"), Some(b"group")).unwrap();
    }
    writer.finish(session).unwrap()
}

fn bench_build(criterion: &mut Criterion, entries: &[Entry]) {
    let mut group = criterion.benchmark_group("manifest/build");
    group.throughput(Throughput::Elements(ENTRIES as u64)).sample_size(10);
    group.bench_function("icecore", |bench| {
        bench.iter(|| {
            // One thread, so that the figure is per core; a new repository, so that every node is new.
            let bed = Bed::new(1);
            let mut catalog = bed.catalog();
            let mut session = bed.session(&mut catalog);
            let root = write(&bed, &mut session, entries);
            bed.commit(session, &root);
            catalog
        });
    });
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            black_box(entries)
                .iter()
                .map(|entry| (entry.path.clone(), entry.clone()))
                .collect::<BTreeMap<_, _>>()
        });
    });
    group.finish();
}

fn bench_read(criterion: &mut Criterion, entries: &[Entry]) {
    let bed = Bed::new(1);
    let mut catalog = bed.catalog();
    let mut session = bed.session(&mut catalog);
    let root = write(&bed, &mut session, entries);
    bed.commit(session, &root);
    let index = Arc::new(RwLock::new(load_index(&bed.repository, &mut catalog, None).unwrap().index));
    let reader = |cache| ChunkReader::new(bed.repository.clone(), Arc::clone(&index), cache);
    let map: BTreeMap<&[u8], &Entry> = entries.iter().map(|entry| (entry.path.as_slice(), entry)).collect();

    let mut group = criterion.benchmark_group("manifest/stream");
    group.throughput(Throughput::Elements(ENTRIES as u64)).sample_size(10);
    group.bench_function("icecore", |bench| {
        bench.iter(|| {
            let reader = reader(CACHE_BYTES);
            let mut cursor = ManifestCursor::new(&reader, &root);
            let mut count = 0;
            while let Some(entry) = cursor.next().unwrap() {
                count += black_box(entry).path.len();
            }
            count
        });
    });
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            black_box(&map).values().map(|entry| black_box((*entry).clone()).path.len()).sum::<usize>()
        });
    });
    group.finish();

    let mut numbers = Numbers::new(2);
    let paths: Vec<&[u8]> =
        (0..LOOK_UPS).map(|_| entries[numbers.below(entries.len())].path.as_slice()).collect();
    let mut group = criterion.benchmark_group("manifest/look up");
    group.throughput(Throughput::Elements(LOOK_UPS as u64)).sample_size(10);
    let warm = reader(CACHE_BYTES);
    group.bench_function("icecore, opened blocks cached", |bench| {
        bench.iter(|| {
            for path in &paths {
                black_box(ManifestCursor::new(&warm, &root).find(path).unwrap().unwrap());
            }
        });
    });
    group.bench_function("icecore, from sealed packs", |bench| {
        bench.iter(|| {
            let reader = reader(CACHE_BYTES);
            for path in &paths {
                black_box(ManifestCursor::new(&reader, &root).find(path).unwrap().unwrap());
            }
        });
    });
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            for path in &paths {
                black_box(map[path].clone());
            }
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let entries = entries();
    bench_build(&mut criterion, &entries);
    bench_read(&mut criterion, &entries);
    criterion.final_summary();
}
