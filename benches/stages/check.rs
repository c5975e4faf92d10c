//! `check --read-data` of a local repository that is in the page cache, compared with opening the same blocks
//! from memory on all cores. The difference is the overhead of a check beyond decrypting, decompressing and
//! hashing. Measured with compressible and with random data.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::SystemTime,
};

use criterion::{Criterion, Throughput};
use icecore_benches::{
    bed::{self, RUN},
    data::source,
};
use icecore_check::{CheckOptions, NoEvents, check};
use icecore_format::{
    compression::{Codec, Compressor},
    directory::ChunkInfo,
    ids::PackName,
    keys::Keys,
    layout,
    pack::{BlockOpener, FinishedPack, PackBuilder},
    seal::ObjectKind,
};
use icecore_store::{LocalStore, Store, StoreExt};
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

const BLOCK_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 256 << 10;
const PACKS: u32 = 12;
const PACK_BYTES: usize = 48 << 20;

fn pack(keys: &Keys, number: u32, content: &[u8]) -> FinishedPack {
    let name = PackName { run: RUN, number };
    let salt = *blake3::hash(&number.to_le_bytes()).as_bytes();
    let mut builder = PackBuilder::new(keys, name, ObjectKind::Data, RUN, salt, Vec::new()).unwrap();
    let (mut compressor, mut packed) = (Compressor::new(3).unwrap(), Vec::new());
    for plain in content.chunks(BLOCK_BYTES) {
        let chunk = |chunk: &[u8]| ChunkInfo { id: keys.chunk_id(chunk), length: chunk.len() as u32 };
        let chunks: Vec<_> = plain.chunks(CHUNK_BYTES).map(chunk).collect();
        let codec = compressor.compress(plain, &mut packed).unwrap();
        let body = if codec == Codec::Raw { plain } else { &packed };
        builder.push(codec, body, plain.len() as u32, &chunks);
    }
    builder.blocks_to_seal().into_iter().for_each(|block| block.seal().unwrap());
    builder.finish().unwrap()
}

async fn store_packs(store: &dyn Store, keys: &Keys, packs: &[FinishedPack]) {
    for pack in packs {
        let name = pack.directory.pack;
        let salt = *blake3::hash(name.to_string().as_bytes()).as_bytes();
        let directory = pack.directory.seal(keys, &salt).unwrap();
        store
            .create(&layout::pack_key(ObjectKind::Data, RUN, name), pack.bytes.clone().into())
            .await
            .unwrap();
        store.create(&layout::directory_key(name), directory.into()).await.unwrap();
    }
}

/// Opens all blocks, on all cores.
fn open_all(keys: &Keys, packs: &[FinishedPack]) {
    let blocks: Vec<(&FinishedPack, usize)> = packs
        .par_iter()
        .flat_map(|pack| (0..pack.directory.blocks.len()).into_par_iter().map(move |ordinal| (pack, ordinal)))
        .collect();
    let tools = || (BlockOpener::new().unwrap(), Vec::new());
    blocks.par_iter().for_each_init(tools, |(opener, plain), (pack, ordinal)| {
        let directory = &pack.directory;
        let block = &directory.blocks[*ordinal];
        let key = directory.object_key(keys).unwrap();
        let stored = &pack.bytes[block.offset as usize..][..block.stored_bytes as usize];
        opener.open(keys, &key, directory, *ordinal, stored, plain).unwrap();
    });
}

fn bench(criterion: &mut Criterion, name: &str, content: &[u8]) {
    let keys = bed::keys();
    let packs: Vec<_> = (0..PACKS).into_par_iter().map(|number| pack(&keys, number, content)).collect();
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(LocalStore::create(&directory.path().join("repository")).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(store_packs(&*store, &keys, &packs));
    let mut group = criterion.benchmark_group(format!("check/{name}"));
    group.throughput(Throughput::Bytes(content.len() as u64 * u64::from(PACKS))).sample_size(10);
    let options = CheckOptions { read_data: true, ..CheckOptions::new(SystemTime::UNIX_EPOCH) };
    let cancel = AtomicBool::new(false);
    group.bench_function("icecore", |bench| {
        bench.iter(|| {
            let checking = check(Arc::clone(&store), &keys, &options, &NoEvents, &cancel);
            let report = runtime.block_on(checking).unwrap();
            assert_eq!(report.verified.len(), packs.len(), "{:?}", report.problems);
        });
    });
    group.bench_function("bare", |bench| bench.iter(|| open_all(&keys, &packs)));
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    bench(&mut criterion, "compressible", &source(PACK_BYTES));
    let mut random = vec![0; PACK_BYTES];
    blake3::Hasher::new().finalize_xof().fill(&mut random);
    bench(&mut criterion, "random", &random);
    criterion.final_summary();
}
