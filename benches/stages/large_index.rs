//! The index of a very large repository: opening it with an empty cache and then again, looking up chunks,
//! and a backup of a small tree into it; each with the peak memory.
//!
//! The repository is artificial: its store lists as many packs as requested, and generates their directories
//! when they are fetched. The first line's time includes this work. `ICECORE_BENCH_CHUNKS` sets the number of
//! chunks in the repository (4 million by default), `ICECORE_BENCH_DIRECTORY` the directory of the cache, and
//! `ICECORE_BENCH_MEMORY_CHUNKS` how many chunks the index keeps in memory. 100 million chunks use up to 12
//! GB in this directory.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]
#![expect(clippy::print_stdout, reason = "the output of a command-line program")]

use std::{
    fs,
    hint::black_box,
    ops::Range,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_backup::backup;
use icecore_benches::{
    backup::{Silent, request},
    bed::{Bed, RUN},
    data::Numbers,
    tree::{make_tree, temporary_directory},
};
use icecore_catalog::Catalog;
use icecore_format::{
    compression::Codec,
    directory::{BlockInfo, ChunkInfo, PackChecksum, PackDirectory},
    ids::{ChunkId, PackName},
    keys::Keys,
    layout::{DATA_PREFIX, PACKS_PREFIX, directory_key, pack_key, parse_directory_key},
    seal::{ObjectKind, SEAL_HEADER_BYTES},
};
use icecore_repo::index::{ChunkIndex, MEMORY_CHUNKS_MAX, load_index};
use icecore_store::{
    environment::{Clock, SystemClock},
    memory::MemoryStore,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};
use tempfile::TempDir;

/// Chunks of 64 MiB of large files: chunks of 256 KiB, blocks of 1 MiB.
const PACK_CHUNKS: usize = 256;
const BLOCK_CHUNKS: usize = 4;
const BLOCK_BYTES: u32 = 1 << 20;

fn id(numbers: &mut Numbers) -> ChunkId {
    let mut id = [0; ChunkId::BYTES];
    id.as_chunks_mut().0.iter_mut().for_each(|part| *part = numbers.draw().to_le_bytes());
    ChunkId(id)
}

/// Returns the ids of the chunks of a pack, the same each time.
fn ids(pack: u32) -> impl Iterator<Item = ChunkId> {
    let mut numbers = Numbers::new(u64::from(pack) + 1);
    (0..PACK_CHUNKS).map(move |_| id(&mut numbers))
}

fn directory(number: u32) -> PackDirectory {
    let chunks: Vec<ChunkInfo> =
        ids(number).map(|id| ChunkInfo { id, length: BLOCK_BYTES / BLOCK_CHUNKS as u32 }).collect();
    let (mut blocks, mut offset) = (Vec::new(), SEAL_HEADER_BYTES as u64);
    for first_chunk in (0..PACK_CHUNKS).step_by(BLOCK_CHUNKS) {
        blocks.push(BlockInfo {
            offset,
            stored_bytes: BLOCK_BYTES + 16,
            codec: Codec::Raw,
            plain_bytes: BLOCK_BYTES,
            first_chunk: first_chunk as u32,
            chunks: BLOCK_CHUNKS as u32,
        });
        offset += u64::from(BLOCK_BYTES) + 16;
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

/// A store in memory that claims to have many packs.
#[derive(Debug)]
struct LargeStore {
    inner: MemoryStore,
    packs: u32,
    keys: OnceLock<Arc<Keys>>,
}

#[async_trait]
impl Store for LargeStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        match (parse_directory_key(key), self.keys.get()) {
            (Ok(PackName { run: RUN, number }), Some(keys)) => {
                Ok(directory(number).seal(keys, &[number as u8; 32]).unwrap().into())
            }
            _ => self.inner.get(key, range).await,
        }
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.inner.get_versioned(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        self.inner.put(key, bytes, condition).await
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let mut objects = self.inner.list(prefix).await?;
        let size = directory(0).checksum.unwrap().bytes;
        let object = |key, size| {
            let version = Version(format!("{size:x}-{size:x}-{size:x}"));
            ObjectInfo { key, size, version, modified: SystemTime::UNIX_EPOCH }
        };
        let names = (0..self.packs).map(|number| PackName { run: RUN, number });
        match prefix {
            PACKS_PREFIX => objects.extend(names.map(|name| object(directory_key(name), 9_000))),
            DATA_PREFIX => {
                objects.extend(names.map(|name| object(pack_key(ObjectKind::Data, RUN, name), size)));
            }
            _ => {}
        }
        Ok(objects)
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        self.inner.delete(key, version).await
    }
}

#[expect(clippy::disallowed_methods, reason = "the variables steer the bench itself")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str, otherwise: usize) -> usize {
    variable(name).map_or(otherwise, |value| value.parse().unwrap())
}

/// Runs something and prints its time and the peak of memory meanwhile.
fn measured<T>(clock: &SystemClock, what: &str, action: impl FnOnce() -> T) -> (T, Duration) {
    // Without this permission, the peak is that of the whole process so far.
    drop(fs::write("/proc/self/clear_refs", "5"));
    let begin = clock.monotonic();
    let value = action();
    let time = clock.monotonic().saturating_sub(begin);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let peak_kilobytes: usize = peak.trim_end_matches("kB").trim().parse().unwrap();
    println!("| {what} | {:.2} | {} |", time.as_secs_f64(), peak_kilobytes >> 10);
    (value, time)
}

fn look_up(
    clock: &SystemClock,
    what: &str,
    wanted: &[ChunkId],
    find: impl Fn(&ChunkId) -> bool,
    expected: usize,
) {
    let (found, time) = measured(clock, what, || black_box(wanted).iter().filter(|id| find(id)).count());
    assert_eq!(found, expected, "{what}");
    println!("|   a second | {:.0} | |", wanted.len() as f64 / time.as_secs_f64());
}

fn look_ups(clock: &SystemClock, index: &ChunkIndex, packs: u32) {
    let mut numbers = Numbers::new(u64::MAX / 3);
    let mut scattered = |count: usize| -> Vec<ChunkId> {
        let mut one = || ids(numbers.below(packs as usize) as u32).nth(numbers.below(PACK_CHUNKS)).unwrap();
        (0..count).map(|_| one()).collect()
    };
    let contains = |id: &ChunkId| index.contains(id);
    let locate = |id: &ChunkId| index.locate(id).unwrap().is_some();
    let scattered = scattered(100_000);
    let in_order: Vec<ChunkId> = (packs / 2..packs).flat_map(ids).take(500_000).collect();
    let mut numbers = Numbers::new(u64::MAX / 5);
    let new: Vec<ChunkId> = (0..1_000_000).map(|_| id(&mut numbers)).collect();
    look_up(clock, "1,000,000 new chunks", &new, contains, 0);
    look_up(clock, "100,000 known chunks here and there", &scattered, contains, scattered.len());
    look_up(clock, "known chunks in the order of their packs", &in_order, contains, in_order.len());
    look_up(clock, "places of these", &in_order, locate, in_order.len());
    look_up(clock, "places of 20,000 chunks here and there", &scattered[..20_000], locate, 20_000);
}

fn main() {
    let packs = number("ICECORE_BENCH_CHUNKS", 4_000_000).div_ceil(PACK_CHUNKS) as u32;
    let cache = match variable("ICECORE_BENCH_DIRECTORY") {
        Some(directory) => TempDir::with_prefix_in("icecore-bench-", directory).unwrap(),
        None => TempDir::with_prefix("icecore-bench-").unwrap(),
    };
    let clock = SystemClock::new();
    let inner = MemoryStore::new(Arc::new(SystemClock::new()));
    let store = Arc::new(LargeStore { inner, packs, keys: OnceLock::new() });
    let mut bed = Bed::on(Arc::<LargeStore>::clone(&store), 2);
    store.keys.set(Arc::clone(bed.repository.keys())).unwrap();
    let memory_chunks = number("ICECORE_BENCH_MEMORY_CHUNKS", MEMORY_CHUNKS_MAX);
    bed.repository = bed.repository.clone().with_index_chunks_max(memory_chunks);
    let open = || Catalog::open(cache.path(), bed.repository.id()).unwrap().0;
    let load = || load_index(&bed.repository, &mut open(), None).unwrap().index;

    println!("{} chunks in {packs} packs\n", packs as usize * PACK_CHUNKS);
    println!("| what | seconds | peak MiB |\n|---|---|---|");
    drop(measured(&clock, "open with an empty cache", load));
    let (index, _) = measured(&clock, "open again", load);
    assert_eq!(index.chunk_rows(), packs as usize * PACK_CHUNKS);
    look_ups(&clock, &index, packs);
    drop(index);

    let tree = temporary_directory();
    make_tree(tree.path(), 2_000, 16 << 10);
    for what in ["first backup of 2,000 files of 16 KiB", "unchanged backup"] {
        let run = || backup(&bed.repository, &mut open(), request(tree.path().to_owned()), &Silent).unwrap();
        let (report, _) = measured(&clock, what, run);
        assert!(report.problems.is_empty() && report.snapshot.is_some());
    }
    let files: u64 = fs::read_dir(cache.path().join(bed.repository.id().to_string()))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    println!("\ncache: {} MB", files / 1_000_000);
}
