use std::sync::atomic::AtomicUsize;

use icecore_catalog::BlockCache;
use icecore_format::{
    error::FormatError,
    layout::{DATA_PREFIX, MANIFEST_PREFIX},
    snapshot::DedupScope,
};
use icecore_store::{
    error::StoreError,
    fault::{Fault, FaultPlan, FaultWhen, InjectedError},
    meter::MeterStore,
    method::Method,
};

use super::*;
use crate::bed::{Bed, Gate, add, commit, file, gets, must_end, noises, read_manifest, write_manifest};

const CHUNK_BYTES: usize = 4 << 10;

/// Stores chunks that fill a block each, in one pack.
fn filled(bed: &Bed, count: usize) -> (Vec<Vec<u8>>, Vec<ChunkRef>) {
    let contents = noises(count, CHUNK_BYTES, 1);
    let mut session = bed.begin(&bed.repository, |_, options| options.pack_bytes = 64 << 20).unwrap();
    let chunks = contents.iter().map(|content| add(&mut session, content).unwrap().0).collect();
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap();
    assert_eq!(bed.keys_under(DATA_PREFIX).len(), 1);
    (contents, chunks)
}

fn pack_key(bed: &Bed) -> String {
    bed.keys_under(DATA_PREFIX).remove(0)
}

fn numbers(reader: &ChunkReader, chunks: &[ChunkRef]) -> Vec<BlockNumber> {
    chunks.iter().map(|chunk| reader.locate(chunk).unwrap().block).collect()
}

/// Returns the location of a chunk's block in its pack.
fn place(reader: &ChunkReader, chunk: &ChunkRef) -> Range<u64> {
    let number = reader.locate(chunk).unwrap().block;
    let (_, block) = reader.read_index().block(number).unwrap();
    block.offset..block.offset + u64::from(block.stored_bytes)
}

#[test]
fn chunks_come_back_from_cache_and_store() {
    let bed = Bed::new();
    let (contents, chunks) = filled(&bed, 20);
    let (reader, meter) = bed.metered(1 << 20);
    for round in 1..=2 {
        for (content, chunk) in contents.iter().zip(&chunks) {
            assert_eq!(*reader.read(chunk).unwrap(), **content);
        }
        assert_eq!(gets(&meter), 20, "round {round}");
    }
    assert_eq!(reader.bytes_fetched(), meter.usage().of_method(Method::Get).bytes_read);
    assert_eq!(reader.bytes_fetched(), 20 * (CHUNK_BYTES as u64 + 16));
    assert_eq!(reader.locate(&chunks[0]).unwrap().block_bytes as usize, CHUNK_BYTES);
}

#[test]
fn small_chunks_share_a_block() {
    let bed = Bed::new();
    let mut session = bed.session();
    let contents = noises(64, 257, 3);
    let chunks: Vec<ChunkRef> =
        contents.iter().map(|content| add(&mut session, content).unwrap().0).collect();
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap();
    let (reader, meter) = bed.metered(1 << 20);
    for (content, chunk) in contents.iter().zip(&chunks).rev() {
        assert_eq!(*reader.read(chunk).unwrap(), **content);
    }
    assert_eq!(gets(&meter), 4, "16 chunks of 257 bytes fill a block of 4 KiB");
}

#[test]
fn a_block_that_many_threads_want_is_fetched_once() {
    must_end(|| {
        let bed = Bed::new();
        let (contents, chunks) = filled(&bed, 3);
        let fault = Fault::Delay(std::time::Duration::from_secs(1));
        let plan = FaultPlan::new(0).rule(Some(Method::Get), DATA_PREFIX, FaultWhen::Always, fault);
        let gate = Gate::new();
        let (repository, store) = bed.faulty_with(plan, Arc::<Gate>::clone(&gate));
        let reader = bed.reader_on(&repository, 1 << 20);
        let arrived = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(*reader.read(&chunks[1]).unwrap(), *contents[1]);
                });
            }
            while arrived.load(Ordering::SeqCst) < 8 || store.calls() == 0 {
                std::thread::yield_now();
            }
            (0..10_000).for_each(|_| std::thread::yield_now());
            gate.open();
        });
        assert_eq!(store.calls(), 1);
    });
}

#[test]
fn when_a_fetch_fails_those_who_wait_try_themselves() {
    must_end(|| {
        let bed = Bed::new();
        let (contents, chunks) = filled(&bed, 1);
        let plan = FaultPlan::new(0).rule(
            None,
            DATA_PREFIX,
            FaultWhen::FirstMatches(3),
            Fault::Error(InjectedError::AccessDenied),
        );
        let (repository, store) = bed.faulty(plan);
        let reader = bed.reader_on(&repository, 1 << 20);
        let failures = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| match reader.read(&chunks[0]) {
                    Ok(content) => assert_eq!(*content, *contents[0]),
                    Err(error) => {
                        assert!(matches!(error, RepoError::Store(StoreError::AccessDenied { .. })));
                        failures.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((failures.load(Ordering::SeqCst), store.calls()), (3, 4));
    });
}

#[test]
fn a_tiny_budget_costs_requests_and_nothing_else() {
    must_end(|| {
        let bed = Bed::new();
        let (contents, chunks) = filled(&bed, 20);
        let (reader, meter) = bed.metered(0);
        std::thread::scope(|scope| {
            for thread in 0..8usize {
                let (reader, contents, chunks) = (&reader, &contents, &chunks);
                scope.spawn(move || {
                    for step in 0..200 {
                        let number = (step * (2 * thread + 1)) % 20;
                        assert_eq!(*reader.read(&chunks[number]).unwrap(), *contents[number]);
                    }
                });
            }
        });
        assert!(gets(&meter) <= 1_600, "no read fetches twice: {}", gets(&meter));
        let cache = reader.lock_cache();
        assert_eq!((cache.slots.len(), cache.bytes), (1, CHUNK_BYTES));
    });
}

#[test]
fn the_block_not_used_for_longest_goes_first() {
    let bed = Bed::new();
    let (_, chunks) = filled(&bed, 4);
    let (reader, meter) = bed.metered(2 * CHUNK_BYTES);
    let fetched = |number: usize| {
        let before = gets(&meter);
        reader.read(&chunks[number]).unwrap();
        gets(&meter) - before
    };
    assert_eq!([0, 1, 0, 2, 0, 1, 2].map(fetched), [1, 1, 0, 1, 0, 1, 1]);
    assert!(reader.lock_cache().bytes <= 2 * CHUNK_BYTES);
}

#[test]
fn content_outlives_its_place_in_the_cache() {
    let bed = Bed::new();
    let (contents, chunks) = filled(&bed, 10);
    let (reader, _) = bed.metered(0);
    let read: Vec<ChunkContent> = chunks.iter().map(|chunk| reader.read(chunk).unwrap()).collect();
    assert!(read.iter().zip(&contents).all(|(read, content)| **read == **content));
}

#[test]
fn neighbours_are_fetched_together() {
    let bed = Bed::new();
    let (contents, chunks) = filled(&bed, 2_600);
    let prefetched = |wanted: &[usize]| {
        let (reader, meter) = bed.metered(64 << 20);
        let numbers = numbers(&reader, &chunks);
        let wanted_blocks: Vec<BlockNumber> = wanted.iter().map(|number| numbers[*number]).collect();
        reader.prefetch(&wanted_blocks);
        reader.prefetch(&wanted_blocks);
        let requests = gets(&meter);
        for number in wanted {
            assert_eq!(*reader.read(&chunks[*number]).unwrap(), *contents[*number]);
        }
        assert_eq!(gets(&meter), requests, "what was prefetched is there");
        let (bytes, slots) = {
            let cache = reader.lock_cache();
            (cache.bytes, cache.slots.len())
        };
        assert_eq!(bytes, slots * CHUNK_BYTES);
        requests
    };
    assert_eq!(prefetched(&[]), 0);
    assert_eq!(prefetched(&[3, 4, 5, 6]), 1);
    assert_eq!(prefetched(&[6, 3, 5, 3]), 1, "in any order, named twice, with a gap");
    assert_eq!(prefetched(&[0, 60]), 1, "a gap of 240 KiB is fetched along");
    assert_eq!(prefetched(&[0, 70]), 2, "a gap of 280 KiB is not");
    let all: Vec<usize> = (0..2_600).collect();
    assert_eq!(prefetched(&all), 2, "10 MiB take two requests of at most 8 MiB");
    let (reader, meter) = bed.metered(64 << 20);
    reader.prefetch(&numbers(&reader, &chunks));
    assert!(meter.usage().of_method(Method::Get).bytes_read <= 2_600 * (CHUNK_BYTES as u64 + 16));
}

#[test]
fn blocks_of_different_packs_are_not_fetched_together() {
    let bed = Bed::new();
    let mut session = bed.session();
    let contents = noises(600, CHUNK_BYTES, 5);
    let chunks: Vec<ChunkRef> =
        contents.iter().map(|content| add(&mut session, content).unwrap().0).collect();
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap();
    assert_eq!(bed.keys_under(DATA_PREFIX).len(), 3);
    let (reader, meter) = bed.metered(64 << 20);
    reader.prefetch(&numbers(&reader, &chunks));
    assert_eq!(gets(&meter), 3);
    for (content, chunk) in contents.iter().zip(&chunks) {
        assert_eq!(*reader.read(chunk).unwrap(), **content);
    }
    assert_eq!(gets(&meter), 3);
}

#[test]
fn a_damaged_block_does_not_hide_the_others() {
    must_end(|| {
        let bed = Bed::new();
        let (contents, chunks) = filled(&bed, 10);
        let range = place(&bed.reader(), &chunks[4]);
        let intact = bed.get(&pack_key(&bed));
        for position in [range.start, range.start + 2_000, range.end - 1] {
            let mut bytes = intact.clone();
            bytes[position as usize] ^= 1;
            bed.set(&pack_key(&bed), bytes);
            for prefetch in [false, true] {
                let reader = bed.reader();
                if prefetch {
                    reader.prefetch(&numbers(&reader, &chunks));
                }
                for (number, (content, chunk)) in contents.iter().zip(&chunks).enumerate() {
                    match reader.read(chunk) {
                        Ok(read) => assert!(number != 4 && *read == **content),
                        Err(RepoError::Object { key, source }) => {
                            assert_eq!((number, key), (4, pack_key(&bed)));
                            assert!(matches!(source, FormatError::Unauthenticated { .. }), "{source}");
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
    });
}

#[test]
fn a_truncated_pack_gives_what_is_left() {
    must_end(|| {
        let bed = Bed::new();
        let (contents, chunks) = filled(&bed, 10);
        let range = place(&bed.reader(), &chunks[4]);
        let intact = bed.get(&pack_key(&bed));
        for length in [0, 10, range.start, range.start + 1, range.start + 2_000, range.end - 1] {
            bed.set(&pack_key(&bed), intact[..length as usize].to_vec());
            let reader = bed.reader();
            reader.prefetch(&numbers(&reader, &chunks));
            for (number, (content, chunk)) in contents.iter().zip(&chunks).enumerate() {
                let result = reader.read(chunk);
                if place(&reader, chunk).end <= length {
                    assert!(number < 4 && *result.unwrap() == **content);
                } else {
                    let error = result.unwrap_err();
                    assert!(error.is_corruption());
                    assert!(
                        matches!(error, RepoError::Object { source: FormatError::Truncated { .. }, .. }),
                        "{error}"
                    );
                }
            }
        }
    });
}

#[test]
fn a_missing_pack_is_damage() {
    must_end(|| {
        let bed = Bed::new();
        let (_, chunks) = filled(&bed, 3);
        let reader = bed.reader();
        let key = pack_key(&bed);
        let bytes = bed.get(&key);
        bed.remove(&key);
        reader.prefetch(&numbers(&reader, &chunks));
        for _ in 0..2 {
            let error = reader.read(&chunks[0]).unwrap_err();
            assert!(error.is_corruption() && matches!(error, RepoError::Store(StoreError::NotFound { .. })));
        }
        bed.set(&key, bytes);
        reader.read(&chunks[0]).unwrap();
    });
}

#[test]
fn references_are_held_against_the_index() {
    let bed = Bed::new();
    let (_, chunks) = filled(&bed, 3);
    let (reader, meter) = bed.metered(1 << 20);
    for length in [0, chunks[1].length - 1, chunks[1].length + 1, u32::MAX] {
        let error = reader.read(&ChunkRef { length, ..chunks[1] }).unwrap_err();
        assert!(error.is_corruption());
        let RepoError::ChunkLength { id, found, expected } = error else { panic!("{error}") };
        assert_eq!((id, found, expected), (chunks[1].id, chunks[1].length, length));
    }
    let unknown = ChunkId([1; ChunkId::BYTES]);
    assert!(matches!(
        reader.read(&ChunkRef { id: unknown, length: 1 }),
        Err(RepoError::MissingChunk { id }) if id == unknown
    ));
    assert!(matches!(reader.read_node(unknown), Err(RepoError::MissingChunk { .. })));
    assert_eq!(gets(&meter), 0);
}

#[test]
fn a_chunk_on_its_way_cannot_be_read_yet() {
    let bed = Bed::new();
    let mut session = bed.session();
    let (chunk, _) = add(&mut session, b"on its way").unwrap();
    let reader = ChunkReader::new(bed.repository.clone(), Arc::clone(session.index()), 1 << 20);
    assert!(matches!(reader.read(&chunk), Err(RepoError::MissingChunk { .. })));
}

#[test]
fn blocks_in_each_others_place_are_refused() {
    let bed = Bed::new();
    let (_, chunks) = filled(&bed, 3);
    let (first, second) = (place(&bed.reader(), &chunks[0]), place(&bed.reader(), &chunks[1]));
    bed.damage(&pack_key(&bed), |bytes| {
        let (start, end) = (first.start as usize, second.end as usize);
        bytes[start..end].rotate_left(CHUNK_BYTES + 16);
    });
    let reader = bed.reader();
    for chunk in &chunks[..2] {
        assert!(matches!(reader.read(chunk), Err(RepoError::Object { .. })));
    }
    reader.read(&chunks[2]).unwrap();
    // A pack replaced by another one, also of another kind.
    let manifest = bed.get(&bed.keys_under(MANIFEST_PREFIX)[0]);
    bed.set(&pack_key(&bed), manifest);
    for chunk in &chunks {
        assert!(matches!(bed.reader().read(chunk), Err(RepoError::Object { .. })));
    }
}

#[test]
fn packs_of_another_repository_are_refused() {
    let (bed, other) = (Bed::new(), Bed::seeded(2));
    let (_, chunks) = filled(&bed, 3);
    // A pack of another repository under the same name, with our keys.
    let reader = bed.reader();
    filled(&other, 3);
    let foreign = other.get(&pack_key(&other));
    bed.set(&pack_key(&bed), foreign);
    for chunk in &chunks {
        assert!(matches!(reader.read(chunk), Err(RepoError::Object { .. })));
    }
    let index = Arc::new(RwLock::new(other.index()));
    let reader = ChunkReader::new(bed.repository.on_store(other.store()), index, 1 << 20);
    let other_id = other.repository.keys().chunk_id(&noises(3, CHUNK_BYTES, 1)[0]);
    let error = reader.read(&ChunkRef { id: other_id, length: CHUNK_BYTES as u32 }).unwrap_err();
    assert!(matches!(error, RepoError::Object { source: FormatError::WrongContent, .. }), "{error}");
}

#[test]
fn a_copy_in_another_pack_stands_in_for_a_damaged_one() {
    let bed = Bed::new();
    let (contents, chunks) = filled(&bed, 3);
    let first = pack_key(&bed);
    let mut grouped = bed.begin(&bed.repository, |origin, _| origin.dedup = DedupScope::Group).unwrap();
    for content in &contents {
        assert!(add(&mut grouped, content).unwrap().1, "a group of its own stores everything anew");
    }
    let root = write_manifest(&mut grouped, &[]).unwrap();
    commit(grouped, &root).unwrap();
    let packs = bed.keys_under(DATA_PREFIX);
    assert_eq!(packs.len(), 2);
    for damaged in &packs {
        let kept = bed.get(damaged);
        bed.damage(damaged, |bytes| bytes[200..].fill(0));
        let reader = bed.reader();
        for (chunk, content) in chunks.iter().zip(&contents) {
            assert_eq!(*reader.read(chunk).unwrap(), **content, "{damaged} of {first}");
        }
        bed.set(damaged, kept);
    }
    for damaged in &packs {
        bed.damage(damaged, |bytes| bytes[200..].fill(0));
    }
    assert!(bed.reader().read(&chunks[0]).unwrap_err().is_corruption());
}

/// Stores chunks in one pack for each group of contents.
fn packs(bed: &Bed, groups: &[&[Vec<u8>]], dedup: DedupScope) -> Vec<ChunkRef> {
    let mut chunks = Vec::new();
    for contents in groups {
        let begun = bed.begin(&bed.repository, |origin, options| {
            origin.dedup = dedup;
            options.pack_bytes = 64 << 20;
        });
        let mut session = begun.unwrap();
        chunks.extend(contents.iter().map(|content| add(&mut session, content).unwrap().0));
        let root = write_manifest(&mut session, &[]).unwrap();
        commit(session, &root).unwrap();
    }
    assert_eq!(bed.keys_under(DATA_PREFIX).len(), groups.len());
    chunks
}

fn archiving(keys: &[String]) -> FaultPlan {
    keys.iter().fold(FaultPlan::new(0), |plan, key| {
        plan.rule(Some(Method::Get), key, FaultWhen::Always, Fault::Error(InjectedError::Archived))
    })
}

#[test]
fn an_archived_pack_is_asked_for_once() {
    must_end(|| {
        let bed = Bed::new();
        let contents = noises(30, CHUNK_BYTES, 1);
        let chunks =
            packs(&bed, &[&contents[..10], &contents[10..20], &contents[20..]], DedupScope::Repository);
        let keys = bed.keys_under(DATA_PREFIX);
        let (repository, store) = bed.faulty(archiving(&keys));
        let reader = bed.reader_on(&repository, 1 << 20);
        let fails = |chunk: &ChunkRef| assert!(reader.read(chunk).unwrap_err().is_archived());
        chunks[..10].iter().for_each(fails);
        assert_eq!((store.calls(), reader.archived_packs().len()), (1, 1));
        reader.prefetch(&numbers(&reader, &chunks));
        assert_eq!((store.calls(), reader.archived_packs().len()), (3, 1), "nobody has read the others");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| chunks[10..].iter().for_each(fails));
            }
        });
        assert_eq!(store.calls(), 3);
        let found: Vec<_> = reader.archived_packs().into_iter().map(|pack| pack.key).collect();
        assert_eq!(found, keys);
    });
}

#[test]
fn many_threads_ask_an_archived_pack_once() {
    must_end(|| {
        let bed = Bed::new();
        let contents = noises(30, CHUNK_BYTES, 1);
        let chunks = packs(&bed, &[&contents[..10], &contents[10..]], DedupScope::Repository);
        let (repository, store) = bed.faulty(archiving(&bed.keys_under(DATA_PREFIX)));
        let reader = bed.reader_on(&repository, 1 << 20);
        assert!(reader.read(&chunks[0]).unwrap_err().is_archived());
        std::thread::scope(|scope| {
            for chunk in &chunks[10..] {
                let reader = &reader;
                scope.spawn(move || assert!(reader.read(chunk).unwrap_err().is_archived()));
            }
        });
        assert_eq!(store.calls(), 2);
    });
}

#[test]
fn a_copy_in_another_pack_is_read_in_place_of_an_archived_one() {
    must_end(|| {
        let bed = Bed::new();
        let contents = noises(10, CHUNK_BYTES, 1);
        let chunks = packs(&bed, &[&contents, &contents], DedupScope::Group);
        for key in bed.keys_under(DATA_PREFIX) {
            let (repository, _) = bed.faulty(archiving(&[key]));
            let reader = bed.reader_on(&repository, 1 << 20);
            for (content, chunk) in contents.iter().zip(&chunks) {
                assert_eq!(*reader.read(chunk).unwrap(), **content);
            }
            assert_eq!(reader.archived_packs(), []);
        }
    });
}

#[test]
fn a_probe_finds_archived_packs_and_leaves_the_others_alone() {
    must_end(|| {
        let bed = Bed::new();
        let contents = noises(30, CHUNK_BYTES, 1);
        let chunks =
            packs(&bed, &[&contents[..10], &contents[10..20], &contents[20..]], DedupScope::Repository);
        let keys = bed.keys_under(DATA_PREFIX);
        let (repository, store) = bed.faulty(archiving(&keys[1..2]));
        let reader = bed.reader_on(&repository, 1 << 20);
        for chunk in &chunks {
            reader.probe(chunk);
        }
        assert_eq!(store.calls(), 3, "one for each pack");
        let found: Vec<_> = reader.archived_packs().into_iter().map(|pack| pack.key).collect();
        assert_eq!(found, keys[1..2]);
    });
}
fn remote(bed: &Bed, cache_bytes_max: usize) -> (ChunkReader, MeterStore) {
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(Arc::new(meter.clone())).with_fetch_sizes(FetchSizes::FAR);
    (bed.reader_on(&repository, cache_bytes_max), meter)
}

#[test]
fn behind_a_network_a_whole_plan_takes_a_request_for_each_pack() {
    let bed = Bed::new();
    let (contents, chunks) = filled(&bed, 2_600);
    for (sizes, requests) in [(FetchSizes::NEAR, 3), (FetchSizes::FAR, 1)] {
        let meter = MeterStore::new(bed.store());
        let repository = bed.repository.on_store(Arc::new(meter.clone())).with_fetch_sizes(sizes);
        let reader = bed.reader_on(&repository, 64 << 20);
        let mut plan = BlockPlan::default();
        for chunk in &chunks {
            plan.add(&reader, chunk).unwrap();
        }
        assert_eq!(plan.bytes(), 2_600 * CHUNK_BYTES as u64);
        plan.fetch(&reader, 4);
        assert_eq!(gets(&meter), requests, "{sizes:?}");
        for (content, chunk) in contents.iter().zip(&chunks) {
            assert_eq!(*reader.read(chunk).unwrap(), **content);
        }
        assert_eq!(gets(&meter), requests, "everything is there");
    }
}

#[test]
fn behind_a_network_longer_gaps_are_fetched() {
    let bed = Bed::new();
    let (_, chunks) = filled(&bed, 600);
    let groups = |wanted: &[usize]| {
        let (reader, meter) = remote(&bed, 64 << 20);
        let mut plan = BlockPlan::default();
        for number in wanted {
            plan.add(&reader, &chunks[*number]).unwrap();
        }
        let groups = plan.into_groups(&reader);
        for group in &groups {
            reader.prefetch(group);
        }
        assert_eq!(gets(&meter), groups.len() as u64, "a group is a request");
        groups.len()
    };
    assert_eq!(groups(&[]), 0);
    assert_eq!(groups(&[0, 250, 500]), 1, "gaps of 1,000 KiB are fetched");
    assert_eq!(groups(&[0, 260, 510]), 2, "a gap of 1,040 KiB is not");
}

#[test]
fn a_block_that_does_not_open_leaves_no_claim_in_a_shared_run() {
    must_end(|| {
        let bed = Bed::new();
        let (contents, chunks) = filled(&bed, 2_600);
        for number in [0, 1_300, 2_599] {
            let start = place(&bed.reader(), &chunks[number]).start as usize;
            bed.damage(&pack_key(&bed), |bytes| bytes[start] ^= 1);
        }
        let (reader, meter) = remote(&bed, 64 << 20);
        reader.prefetch(&numbers(&reader, &chunks));
        assert_eq!(gets(&meter), 1);
        for (number, (content, chunk)) in contents.iter().zip(&chunks).enumerate() {
            match reader.read(chunk) {
                Ok(read) => assert_eq!(*read, **content),
                Err(error) => assert!(error.is_corruption() && [0, 1_300, 2_599].contains(&number)),
            }
        }
        assert_eq!(gets(&meter), 4, "only the damaged blocks are asked for again");
    });
}

/// A reader with a local cache of manifest blocks.
fn caching(bed: &Bed, directory: &std::path::Path) -> (ChunkReader, MeterStore) {
    let meter = MeterStore::new(bed.store());
    let (catalog, _) = icecore_catalog::Catalog::open(directory, bed.repository.id()).unwrap();
    let cache = BlockCache::beside(&catalog, 1 << 20);
    let repository = bed.repository.on_store(Arc::new(meter.clone())).with_block_cache(cache);
    (bed.reader_on(&repository, 1 << 20), meter)
}

/// Returns the cached blocks.
fn cached(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let own = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    let paths = std::fs::read_dir(own).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("block-")).collect()
}

#[test]
fn blocks_of_manifests_are_fetched_once_by_all_commands() {
    let bed = Bed::new();
    let mut session = bed.session();
    let (chunk, _) = add(&mut session, b"content").unwrap();
    let files: Vec<_> = (0..400).map(|number| file(format!("{number:04}").as_bytes(), number)).collect();
    let root = write_manifest(&mut session, &files).unwrap();
    commit(session, &root).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let read = || {
        let (reader, meter) = caching(&bed, directory.path());
        assert_eq!(read_manifest(&reader, &root).unwrap(), files);
        (gets(&meter), reader)
    };
    let (first, _) = read();
    assert!(first > 1, "several blocks: {first}");
    assert_eq!(cached(directory.path()).len() as u64, first);
    let (second, reader) = read();
    assert_eq!((second, reader.bytes_fetched()), (0, 0));
    // Data blocks are not kept.
    reader.read(&chunk).unwrap();
    assert_eq!(cached(directory.path()).len() as u64, first);
    // A modified block is fetched again, and the right one kept.
    for (number, path) in cached(directory.path()).iter().enumerate() {
        let mut bytes = std::fs::read(path).unwrap();
        let position = number * 7 % bytes.len();
        bytes[position] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(read().0, first);
    assert_eq!(read().0, 0);
    // A block in the file of another one does not open either.
    let paths_of_blocks = cached(directory.path());
    std::fs::copy(&paths_of_blocks[0], &paths_of_blocks[1]).unwrap();
    assert_eq!(read().0, 1);
    std::fs::remove_dir_all(directory.path()).unwrap();
    assert_eq!(read().0, first);
}

#[test]
fn a_manifest_that_is_read_from_its_beginning_takes_fewer_requests_behind_a_network() {
    let bed = Bed::new();
    let mut session = bed.session();
    let files: Vec<_> = (0..20_000).map(|number| file(format!("{number:05}").as_bytes(), number)).collect();
    let root = write_manifest(&mut session, &files).unwrap();
    commit(session, &root).unwrap();
    let requests = |sizes: FetchSizes, cache_bytes_max: usize| {
        let meter = MeterStore::new(bed.store());
        let repository = bed.repository.on_store(Arc::new(meter.clone())).with_fetch_sizes(sizes);
        let reader = bed.reader_on(&repository, cache_bytes_max);
        assert_eq!(read_manifest(&reader, &root).unwrap(), files);
        (gets(&meter), reader.bytes_fetched())
    };
    let (near, bytes) = requests(FetchSizes::NEAR, 1 << 20);
    let (far, far_bytes) = requests(FetchSizes::FAR, 1 << 20);
    // Nodes are small here, and the nodes above the leaves are stored between them, which ends many requests.
    assert!(near > 100 && far < near * 2 / 3, "{far} instead of {near}");
    assert_eq!(far_bytes, bytes, "nothing is fetched twice, and nothing in vain");
    // With little memory, the following blocks are not fetched early.
    assert!(requests(FetchSizes::FAR, 0).0 >= near);
    // One entry needs one path through the tree.
    let (reader, meter) = remote(&bed, 1 << 20);
    let cursor = crate::manifest::ManifestCursor::new(&reader, &root);
    assert!(cursor.find(b"15000").unwrap().is_some());
    assert!(gets(&meter) <= 7, "{}", gets(&meter));
}

#[test]
fn damage_behind_a_block_of_a_manifest_does_not_hide_it() {
    must_end(|| {
        let bed = Bed::new();
        let mut session = bed.session();
        let files: Vec<_> =
            (0..1_000).map(|number| file(format!("{number:04}").as_bytes(), number)).collect();
        let root = write_manifest(&mut session, &files).unwrap();
        commit(session, &root).unwrap();
        let key = bed.keys_under(MANIFEST_PREFIX).remove(0);
        let intact = bed.get(&key);
        for position in (200..intact.len() - 5_000).step_by(3_001) {
            let mut bytes = intact.clone();
            bytes[position] ^= 1;
            bed.set(&key, bytes);
            let entries = |sizes| {
                let repository = bed.repository.clone().with_fetch_sizes(sizes);
                let reader = bed.reader_on(&repository, 1 << 20);
                let mut cursor = crate::manifest::ManifestCursor::new(&reader, &root);
                let mut entries = 0;
                while let Ok(Some(_)) = cursor.next() {
                    entries += 1;
                }
                entries
            };
            assert_eq!(entries(FetchSizes::FAR), entries(FetchSizes::NEAR), "{position}");
        }
    });
}
