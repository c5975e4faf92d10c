//! What the tests of this crate stand on: a repository in memory, sessions on it, and readers that begin
//! cold.

use std::{
    sync::{Arc, RwLock, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_catalog::Catalog;
use icecore_fixtures::{collections::condemned, content::SMALL_CHUNKS, threads};
pub(crate) use icecore_fixtures::{content::noise, keys::key_file, threads::wait};
use icecore_format::{
    collection::CollectionRecord,
    entry::{ChunkRef, Content, Entry, EntryKind},
    header::Parameters,
    ids::{CollectionNumber, PackName, RepositoryId},
    layout::{PACKS_PREFIX, collection_key, parse_directory_key},
    path,
    seal::ObjectKind,
    slot::{Credential, PasswordCost},
    snapshot::Snapshot,
};
use icecore_store::{
    environment::{InstantSleep, ManualClock, SeededEntropy, Sleep},
    fault::{FaultPlan, FaultStore},
    memory::MemoryStore,
    meter::MeterStore,
    method::Method,
    store::{PutCondition, Store},
};

use crate::{
    environment::Environment,
    error::RepoResult,
    index::{ChunkIndex, load_index},
    manifest::{ChunkListReader, ManifestCursor, ManifestRoot, ManifestWriter},
    reader::ChunkReader,
    repository::{CreateOptions, Repository},
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
    snapshots,
};

/// Average number of items of the manifest nodes that [`write_manifest`] writes.
pub(crate) const NODE_ITEMS: u32 = 4;
const CACHE_BYTES: usize = 64 << 20;

/// A repository in memory.
pub(crate) struct Bed {
    pub memory: Arc<MemoryStore>,
    pub clock: Arc<ManualClock>,
    pub repository: Repository,
    /// Directory of the catalogues; absent if they are in memory.
    caches: Option<tempfile::TempDir>,
}

/// Returns time, randomness and threads for one test.
pub(crate) fn environment(clock: &Arc<ManualClock>, seed: u64) -> Environment {
    let clock: Arc<ManualClock> = Arc::clone(clock);
    Environment {
        clock,
        entropy: Arc::new(SeededEntropy::new(seed)),
        sleep: Arc::new(InstantSleep::new()),
        runtime: threads::runtime(),
        workers: threads::workers(),
        cancelled: Arc::default(),
    }
}

pub(crate) fn create_options(credential: Credential) -> CreateOptions {
    CreateOptions {
        parameters: Parameters { chunker: SMALL_CHUNKS, block_bytes: 4 << 10, node_items: NODE_ITEMS },
        credential,
        cost: PasswordCost::FLOOR,
        label: "first".into(),
        program: "test".into(),
    }
}

/// Returns the origin of a full of the only source.
pub(crate) fn origin() -> SessionOrigin {
    SessionOrigin::first_full("source", "host", b"/root", "test")
}

/// Returns the record of a collection that removes packs of data.
pub(crate) fn collection(number: u32, packs: &[PackName]) -> CollectionRecord {
    condemned(CollectionNumber::new(number).unwrap(), packs)
}

/// Fails the test if `action` does not end: nothing here may wait for ever.
pub(crate) fn must_end<T: Send + 'static>(action: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || drop(sender.send(action())));
    match receiver.recv_timeout(Duration::from_mins(1)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the value is sent before the thread ends"),
        },
    }
}

impl Bed {
    pub fn new() -> Self {
        Self::seeded(1)
    }

    /// Makes a repository whose keys and names depend on `seed`.
    pub fn seeded(seed: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        let manual: Arc<ManualClock> = Arc::clone(&clock);
        let memory = Arc::new(MemoryStore::new(manual));
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&memory);
        let id = RepositoryId([seed as u8; 16]);
        let options = create_options(key_file(7));
        let repository = Repository::create(store, environment(&clock, seed), id, &options).unwrap();
        Self { memory, clock, repository, caches: None }
    }

    /// Makes two: one whose index is in memory, and one whose index is on disk from the first chunk on.
    pub fn in_both_modes() -> [Self; 2] {
        let [memory, mut disk] = [Self::new(), Self::new()];
        disk.repository = disk.repository.with_index_chunks_max(0);
        disk.caches = Some(tempfile::tempdir().unwrap());
        [memory, disk]
    }

    pub fn store(&self) -> Arc<dyn Store> {
        Arc::<MemoryStore>::clone(&self.memory)
    }

    /// Returns the repository behind a store that fails by plan, and that store.
    pub fn faulty(&self, plan: FaultPlan) -> (Repository, Arc<FaultStore>) {
        self.faulty_with(plan, Arc::new(InstantSleep::new()))
    }

    pub fn faulty_with(&self, plan: FaultPlan, sleep: Arc<dyn Sleep>) -> (Repository, Arc<FaultStore>) {
        let store = Arc::new(FaultStore::new(self.store(), plan, sleep));
        (self.repository.on_store(Arc::<FaultStore>::clone(&store)), store)
    }

    /// Returns an empty catalogue.
    pub fn catalog(&self) -> Catalog {
        let Some(caches) = &self.caches else { return Catalog::in_memory(self.repository.id()).unwrap() };
        let cache = tempfile::tempdir_in(caches).unwrap().keep();
        Catalog::open(&cache, self.repository.id()).unwrap().0
    }

    pub fn session(&self) -> WriteSession<'static> {
        self.begin(&self.repository, |_, _| {}).unwrap()
    }

    /// Begins a session of the smallest packs with an empty catalogue, which lives as long as the test
    /// program.
    pub fn begin(
        &self,
        repository: &Repository,
        change: impl FnOnce(&mut SessionOrigin, &mut WriteOptions),
    ) -> RepoResult<WriteSession<'static>> {
        Self::begin_with(Box::leak(Box::new(self.catalog())), repository, change)
    }

    /// Begins a session of the smallest packs.
    pub fn begin_with<'c>(
        catalog: &'c mut Catalog,
        repository: &Repository,
        change: impl FnOnce(&mut SessionOrigin, &mut WriteOptions),
    ) -> RepoResult<WriteSession<'c>> {
        let mut options = WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() };
        let mut origin = origin();
        change(&mut origin, &mut options);
        WriteSession::begin(repository.clone(), catalog, origin, options)
    }

    /// Makes a snapshot of files with these contents, one chunk each.
    pub fn snapshot(&self, contents: &[Vec<u8>]) -> Snapshot {
        let mut session = self.session();
        let root = write_files(&mut session, contents).unwrap();
        commit(session, &root).unwrap()
    }

    pub fn index(&self) -> ChunkIndex {
        load_index(&self.repository, &mut self.catalog(), None).unwrap().index
    }

    /// Returns a reader with an empty cache.
    pub fn reader(&self) -> ChunkReader {
        self.reader_on(&self.repository, CACHE_BYTES)
    }

    pub fn reader_on(&self, repository: &Repository, cache_bytes_max: usize) -> ChunkReader {
        ChunkReader::new(repository.clone(), Arc::new(RwLock::new(self.index())), cache_bytes_max)
    }

    /// Returns a reader with an empty cache, and a meter of what it fetches.
    pub fn metered(&self, cache_bytes_max: usize) -> (ChunkReader, MeterStore) {
        let meter = MeterStore::new(self.store());
        (self.reader_on(&self.repository.on_store(Arc::new(meter.clone())), cache_bytes_max), meter)
    }

    pub fn keys_under(&self, prefix: &str) -> Vec<String> {
        wait(self.memory.list(prefix)).unwrap().into_iter().map(|object| object.key).collect()
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        wait(self.memory.get(key, None)).unwrap().to_vec()
    }

    pub fn remove(&self, key: &str) {
        wait(self.memory.delete(key, None)).unwrap();
    }

    /// Replaces an object.
    pub fn set(&self, key: &str, bytes: impl Into<Bytes>) {
        self.remove(key);
        wait(self.memory.put(key, bytes.into(), PutCondition::Absent)).unwrap();
    }

    /// Changes the bytes of an object.
    pub fn damage(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.get(key);
        change(&mut bytes);
        self.set(key, bytes);
    }

    pub fn snapshots(&self) -> snapshots::SnapshotList {
        snapshots::list(&self.repository, &mut self.catalog()).unwrap()
    }

    pub fn put_collection(&self, record: &CollectionRecord) {
        let object = record.seal(self.repository.keys(), &self.repository.environment().salt()).unwrap();
        self.set(&collection_key(record.number), object);
    }

    /// Condemns packs of data, of the group of their run.
    pub fn condemn(&self, number: u32, packs: &[PackName]) {
        self.put_collection(&collection(number, packs));
    }

    /// Returns the packs that have a directory.
    pub fn listed_packs(&self) -> Vec<PackName> {
        self.keys_under(PACKS_PREFIX).iter().map(|key| parse_directory_key(key).unwrap()).collect()
    }

    /// Reads the contents of all files of all complete snapshots: every complete snapshot must be readable.
    pub fn read_everything(&self) -> Vec<Vec<Vec<u8>>> {
        let reader = self.reader();
        self.snapshots()
            .complete(None)
            .map(|snapshot| {
                let root = ManifestRoot::of(snapshot).unwrap();
                let entries = read_manifest(&reader, &root).unwrap();
                entries.iter().map(|entry| read_content(&reader, entry)).collect()
            })
            .collect()
    }
}

pub(crate) fn gets(meter: &MeterStore) -> u64 {
    meter.usage().of_method(Method::Get).calls
}

pub(crate) fn read_content(reader: &ChunkReader, entry: &Entry) -> Vec<u8> {
    let chunks = ChunkListReader::collect(reader, &entry.content).unwrap();
    chunks.iter().flat_map(|chunk| reader.read(chunk).unwrap().to_vec()).collect()
}

/// Returns different contents of equal length that do not compress.
pub(crate) fn noises(count: usize, length: usize, seed: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| noise(length, seed * 1_000_003 + number as u64)).collect()
}

/// Adds a data chunk; returns a reference to it, and whether it was new.
pub(crate) fn add(session: &mut WriteSession<'_>, content: &[u8]) -> RepoResult<(ChunkRef, bool)> {
    let id = session.repository().keys().chunk_id(content);
    let new = session.add_chunk(ObjectKind::Data, id, content)?;
    Ok((ChunkRef { id, length: content.len() as u32 }, new))
}

/// Makes an empty file whose time is `version`.
pub(crate) fn file(name: &[u8], version: i64) -> Entry {
    let mut entry = Entry::new(name.to_vec(), EntryKind::File);
    entry.modified.seconds = version;
    entry
}

pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|left, right| path::compare(&left.path, &right.path));
}

/// Writes sorted entries as a manifest.
pub(crate) fn write_manifest(session: &mut WriteSession<'_>, entries: &[Entry]) -> RepoResult<ManifestRoot> {
    let mut writer = ManifestWriter::new(NODE_ITEMS);
    for entry in entries {
        writer.push(session, entry, None, None)?;
    }
    writer.finish(session)
}

/// Writes files with these contents, one chunk each, and their manifest.
pub(crate) fn write_files(session: &mut WriteSession<'_>, contents: &[Vec<u8>]) -> RepoResult<ManifestRoot> {
    let mut entries = Vec::new();
    for (number, content) in contents.iter().enumerate() {
        let mut entry = file(format!("file{number:04}").as_bytes(), 0);
        entry.size = content.len() as u64;
        entry.content = Content::Inline(vec![add(session, content)?.0]);
        entries.push(entry);
    }
    write_manifest(session, &entries)
}

pub(crate) fn commit(session: WriteSession<'_>, root: &ManifestRoot) -> RepoResult<Snapshot> {
    let report = CommitReport::default();
    session.commit(root, &report).map(|(snapshot, ..)| snapshot)
}

pub(crate) fn read_manifest(reader: &ChunkReader, root: &ManifestRoot) -> RepoResult<Vec<Entry>> {
    let mut cursor = ManifestCursor::new(reader, root);
    let mut entries = Vec::new();
    while let Some(entry) = cursor.next()? {
        entries.push(entry);
    }
    Ok(entries)
}

/// Waits until it is opened, like a store that does not answer.
#[derive(Debug)]
pub(crate) struct Gate(tokio::sync::Semaphore);

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(tokio::sync::Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.close();
    }
}

#[async_trait]
impl Sleep for Gate {
    async fn sleep(&self, _: Duration) {
        drop(self.0.acquire().await);
    }

    async fn limit(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

/// Panics instead of waiting, like a store with a bug.
#[derive(Debug)]
pub(crate) struct PanickingSleep;

#[async_trait]
impl Sleep for PanickingSleep {
    async fn sleep(&self, _: Duration) {
        panic!("a bug in the store, on purpose");
    }

    async fn limit(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}
