//! The catalogue and the chunk index with a million chunks: storing pack directories, loading the index from
//! them, looking up chunks; compared with a bare `hashbrown::HashTable`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use hashbrown::HashTable;
use icecore_benches::{
    bed::{Bed, RUN},
    data::Numbers,
    tree::temporary_directory,
};
use icecore_catalog::Catalog;
use icecore_format::{
    compression::Codec,
    directory::{BlockInfo, ChunkInfo, PackChecksum, PackDirectory},
    ids::{ChunkId, PackName},
    layout::directory_key,
    seal::{ObjectKind, SEAL_HEADER_BYTES},
};
use icecore_repo::index::load_index;
use icecore_store::store::StoreExt;

const PACKS: u32 = 500;
const PACK_BLOCKS: usize = 125;
const BLOCK_CHUNKS: usize = 16;
const CHUNKS: usize = PACKS as usize * PACK_BLOCKS * BLOCK_CHUNKS;
const LOOK_UPS: usize = 100_000;

fn id(numbers: &mut Numbers) -> ChunkId {
    let mut id = [0; ChunkId::BYTES];
    id.as_chunks_mut().0.iter_mut().for_each(|part| *part = numbers.draw().to_le_bytes());
    ChunkId(id)
}

fn directory(number: u32, numbers: &mut Numbers) -> PackDirectory {
    let count = PACK_BLOCKS * BLOCK_CHUNKS;
    let length = |numbers: &mut Numbers| 1 + numbers.below(60_000) as u32;
    let chunks: Vec<ChunkInfo> =
        (0..count).map(|_| ChunkInfo { id: id(numbers), length: length(numbers) }).collect();
    let (mut blocks, mut offset) = (Vec::new(), SEAL_HEADER_BYTES as u64);
    for (position, members) in chunks.chunks(BLOCK_CHUNKS).enumerate() {
        let plain_bytes: u32 = members.iter().map(|chunk| chunk.length).sum();
        let stored_bytes = plain_bytes / 5 + 16;
        let (first_chunk, chunks) = ((position * BLOCK_CHUNKS) as u32, members.len() as u32);
        blocks.push(BlockInfo { offset, stored_bytes, codec: Codec::Zstd, plain_bytes, first_chunk, chunks });
        offset += u64::from(stored_bytes);
    }
    PackDirectory {
        version: 1,
        pack: PackName { run: RUN, number },
        kind: ObjectKind::Data,
        group: RUN,
        epoch: 0,
        salt: [number as u8; 32],
        checksum: Some(PackChecksum { bytes: offset + 4096, hash: [9; 32] }),
        blocks,
        chunks,
    }
}

fn table(ids: &[ChunkId]) -> HashTable<u32> {
    let mut table = HashTable::new();
    for (number, id) in ids.iter().enumerate() {
        table.insert_unique(hash(id), number as u32, |other| hash(&ids[*other as usize]));
    }
    table
}

fn hash(id: &ChunkId) -> u64 {
    u64::from_le_bytes(id.0[..8].try_into().unwrap())
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut numbers = Numbers::new(1);
    let directories: Vec<PackDirectory> = (0..PACKS).map(|number| directory(number, &mut numbers)).collect();
    let ids: Vec<ChunkId> =
        directories.iter().flat_map(|directory| directory.chunks.iter().map(|chunk| chunk.id)).collect();
    let bed = Bed::new(1);
    for directory in &directories {
        let object = directory.seal(bed.repository.keys(), &[directory.pack.number as u8; 32]).unwrap();
        bed.wait(bed.repository.store().create(&directory_key(directory.pack), object.into())).unwrap();
    }
    let place = temporary_directory();
    let open = |name: &str| Catalog::open(&place.path().join(name), bed.repository.id()).unwrap().0;

    let mut group = criterion.benchmark_group("catalog/1 million chunks");
    group.throughput(Throughput::Elements(CHUNKS as u64)).sample_size(10);
    let mut number = 0;
    // Only the last one is kept: a catalogue of a million chunks has 30 MB.
    let mut empty = || {
        drop(std::fs::remove_dir_all(place.path().join(number.to_string())));
        number += 1;
        open(&number.to_string())
    };
    group.bench_function("store directories", |bench| {
        bench.iter_batched(
            &mut empty,
            |mut catalog| catalog.add_directories(&directories).unwrap(),
            BatchSize::PerIteration,
        );
    });
    let mut catalog = open("full");
    group.bench_function("fetch, open and store directories, load the index", |bench| {
        let setup = || Catalog::in_memory(bed.repository.id()).unwrap();
        let load = |mut catalog: Catalog| load_index(&bed.repository, &mut catalog, None).unwrap();
        bench.iter_batched(setup, load, BatchSize::PerIteration);
    });
    drop(load_index(&bed.repository, &mut catalog, None).unwrap());
    group.bench_function("load the index", |bench| {
        bench.iter_with_large_drop(|| load_index(&bed.repository, &mut catalog, None).unwrap());
    });
    group.bench_function("bare", |bench| bench.iter_with_large_drop(|| table(black_box(&ids))));
    group.finish();

    let index = load_index(&bed.repository, &mut catalog, None).unwrap().index;
    let table = table(&ids);
    for (name, wanted) in [
        ("known", (0..LOOK_UPS).map(|_| ids[numbers.below(ids.len())]).collect::<Vec<_>>()),
        ("new", (0..LOOK_UPS).map(|_| id(&mut numbers)).collect()),
    ] {
        let mut group = criterion.benchmark_group(format!("index/look up {name} chunks"));
        group.throughput(Throughput::Elements(LOOK_UPS as u64));
        group.bench_function("icecore", |bench| {
            bench.iter(|| black_box(&wanted).iter().filter(|id| index.contains(id)).count());
        });
        group.bench_function("bare", |bench| {
            let find = |id: &&ChunkId| table.find(hash(id), |other| ids[*other as usize] == **id).is_some();
            bench.iter(|| black_box(&wanted).iter().filter(find).count());
        });
        group.finish();
    }
    criterion.final_summary();
}
