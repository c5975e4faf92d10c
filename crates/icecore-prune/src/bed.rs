//! What the tests of this crate start from: a repository in memory, and snapshots in it.

mod pruned;

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use bytes::Bytes;
use icecore_catalog::Catalog;
pub(crate) use icecore_fixtures::content::noise;
use icecore_fixtures::{content::SMALL_CHUNKS, keys::key_file, threads, threads::wait};
use icecore_format::{
    entry::{ChunkRef, Content, Entry, EntryKind},
    header::Parameters,
    ids::{RepositoryId, RunId, WriterId},
    layout::{DATA_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX, snapshot_key},
    path,
    seal::ObjectKind,
    slot::PasswordCost,
    snapshot::{DedupScope, Level, Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_repo::{
    environment::Environment,
    index::load_index,
    lease::Lease,
    log::LogAuthor,
    manifest::{ChunkListReader, ChunkListWriter, ManifestCursor, ManifestRoot, ManifestWriter},
    reader::ChunkReader,
    repository::{CreateOptions, Repository},
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
    snapshots,
};
use icecore_store::{
    environment::{InstantSleep, ManualClock, SeededEntropy},
    fault::{Fault, FaultPlan, FaultStore, FaultWhen},
    memory::MemoryStore,
    meter::MeterStore,
    method::Method,
    store::{PutCondition, Store},
};

pub(crate) use self::pruned::{at_once, pruned, pruned_on};
use crate::packs::PackTable;

/// Average number of items of manifest nodes: so small that a few files make a tree.
const NODE_ITEMS: u32 = 4;

/// Calls of the store that unlocking a repository takes.
pub(crate) const UNLOCK_CALLS: u64 = 3;

/// A repository in memory.
pub(crate) struct Bed {
    pub memory: Arc<MemoryStore>,
    /// Counts what the repository reads and writes.
    pub meter: MeterStore,
    pub clock: Arc<ManualClock>,
    pub repository: Repository,
}

impl Bed {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let manual: Arc<ManualClock> = Arc::clone(&clock);
        let memory = Arc::new(MemoryStore::new(manual));
        let meter = MeterStore::new(Arc::<MemoryStore>::clone(&memory));
        let store: Arc<dyn Store> = Arc::new(meter.clone());
        let options = CreateOptions {
            parameters: Parameters { chunker: SMALL_CHUNKS, block_bytes: 4 << 10, node_items: NODE_ITEMS },
            credential: key_file(7),
            cost: PasswordCost::FLOOR,
            label: "first".into(),
            program: "test".into(),
        };
        let manual: Arc<ManualClock> = Arc::clone(&clock);
        let environment = Environment {
            clock: manual,
            entropy: Arc::new(SeededEntropy::new(1)),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::default(),
        };
        let repository = Repository::create(store, environment, RepositoryId([1; 16]), &options).unwrap();
        Self { memory, meter, clock, repository }
    }

    /// Returns an empty catalogue that has all directories.
    pub fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::in_memory(self.repository.id()).unwrap();
        self.update(&mut catalog);
        catalog
    }

    /// Brings a catalogue up to date.
    pub fn update(&self, catalog: &mut Catalog) {
        assert!(load_index(&self.repository, catalog, None).unwrap().damaged.is_empty());
    }

    pub fn session<'c>(
        &self,
        catalog: &'c mut Catalog,
        change: impl FnOnce(&mut SessionOrigin),
    ) -> WriteSession<'c> {
        self.clock.advance(Duration::from_secs(1));
        let mut origin = SessionOrigin {
            source: "source".into(),
            host: "host".into(),
            root: b"/root".to_vec(),
            command: Vec::new(),
            level: Level::Full,
            dedup: DedupScope::Repository,
            group: None,
            base: None,
            tags: std::collections::BTreeMap::new(),
            program: "test".into(),
            sequence: 1,
            copied: None,
        };
        change(&mut origin);
        let options = WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() };
        WriteSession::begin(self.repository.clone(), catalog, origin, options).unwrap()
    }

    /// Makes a snapshot of files, each given by a name and the number of its content.
    pub fn snapshot(&self, files: &[(&str, u64)]) -> Snapshot {
        self.snapshot_with(files, |_| {})
    }

    pub fn snapshot_with(&self, files: &[(&str, u64)], change: impl FnOnce(&mut SessionOrigin)) -> Snapshot {
        let mut catalog = self.catalog();
        let mut session = self.session(&mut catalog, change);
        let root = write_files(&mut session, files);
        session.commit(&root, &CommitReport::default()).unwrap().0
    }

    /// Returns the repository behind a store whose lists lack keys, from the first one on and before the
    /// second one; `when` counts the lists of that prefix.
    pub fn forgetful(&self, prefix: &str, when: FaultWhen, from: &str, before: Option<String>) -> Repository {
        let lacks = Fault::ListLacks(from.to_owned(), before);
        self.faulty(FaultPlan::new(0).rule(Some(Method::List), prefix, when, lacks)).0
    }

    /// Returns the repository behind a store whose lists never have a key.
    pub fn without(&self, key: &str) -> Repository {
        self.forgetful("", FaultWhen::Always, key, Some(next(key)))
    }

    /// Announces a run as the removal of packs does.
    pub fn announced(&self, repository: &Repository) -> RunId {
        self.clock.advance(Duration::from_secs(1));
        let origin = SnapshotOrigin {
            source: "prune".into(),
            ..icecore_fixtures::snapshots::origin(repository.environment().run_id())
        };
        let state = SnapshotState::Pending { refreshed: repository.environment().now() };
        Lease::announce(repository.clone(), Snapshot { origin, state }).unwrap().snapshot().origin.run
    }

    /// Replaces the object of a snapshot.
    pub fn put_snapshot(&self, snapshot: &Snapshot) {
        let object = snapshot.seal(self.repository.keys(), &self.repository.environment().salt()).unwrap();
        self.set(&snapshot_key(snapshot.origin.run), object);
    }

    pub fn snapshots(&self) -> Vec<Snapshot> {
        snapshots::list(&self.repository, &mut self.catalog()).unwrap().snapshots
    }

    pub fn packs(&self) -> PackTable {
        let list = |prefix| wait(self.memory.list(prefix)).unwrap();
        let objects = [PACKS_PREFIX, MANIFEST_PREFIX, DATA_PREFIX].map(list).concat();
        PackTable::of(&objects)
    }

    /// Returns how many objects were read so far.
    pub fn reads(&self) -> u64 {
        self.meter.usage().of_method(Method::Get).calls
    }

    /// Returns the keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        wait(self.memory.list("")).unwrap().into_iter().map(|object| object.key).collect()
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        wait(self.memory.get(key, None)).unwrap().to_vec()
    }

    /// Puts an object in place of what is there.
    pub fn set(&self, key: &str, bytes: impl Into<Bytes>) {
        self.remove(key);
        wait(self.memory.put(key, bytes.into(), PutCondition::Absent)).unwrap();
    }

    pub fn keys_below(&self, prefix: &str) -> Vec<String> {
        self.keys().into_iter().filter(|key| key.starts_with(prefix)).collect()
    }

    /// Returns the length of all objects in bytes.
    pub fn bytes(&self) -> u64 {
        wait(self.memory.list("")).unwrap().into_iter().map(|object| object.size).sum()
    }

    /// Returns the repository behind a store that fails by plan, and that store; unlocking takes
    /// [`UNLOCK_CALLS`] calls.
    pub fn faulty(&self, plan: FaultPlan) -> (Repository, Arc<FaultStore>) {
        let inner: Arc<dyn Store> = Arc::new(self.meter.clone());
        let store = Arc::new(FaultStore::new(inner, plan, Arc::new(InstantSleep::new())));
        let environment = self.repository.environment().clone();
        let faulty: Arc<dyn Store> = Arc::<FaultStore>::clone(&store);
        let repository = Repository::unlock(faulty, environment, &[key_file(7)]).unwrap();
        assert_eq!(store.calls(), UNLOCK_CALLS);
        (repository, store)
    }

    /// Reads every node and every chunk of a snapshot.
    pub fn assert_readable(&self, run: RunId) {
        let mut catalog = self.catalog();
        let list = snapshots::list(&self.repository, &mut catalog).unwrap();
        let root = ManifestRoot::of(list.by_run(run).unwrap()).unwrap();
        let index = load_index(&self.repository, &mut catalog, None).unwrap().index;
        let reader = ChunkReader::new(self.repository.clone(), Arc::new(RwLock::new(index)), 1 << 20);
        let mut cursor = ManifestCursor::new(&reader, &root);
        while let Some(entry) = cursor.next().unwrap() {
            for chunk in ChunkListReader::collect(&reader, &entry.content).unwrap() {
                reader.read(&chunk).unwrap();
            }
        }
    }

    pub fn remove(&self, key: &str) {
        wait(self.memory.delete(key, None)).unwrap();
    }
}

/// Returns who writes into the log.
pub(crate) fn author() -> LogAuthor {
    LogAuthor { writer: WriterId([5; 16]), last: None, host: "pruner".into(), program: "test".into() }
}

/// Returns the key that follows directly after another one.
pub(crate) fn next(key: &str) -> String {
    format!("{key}\0")
}

/// Writes files, each given by a name and the number of its content: a number below 100 is one chunk, a
/// greater one is a file with a chunk list.
pub(crate) fn write_files(session: &mut WriteSession<'_>, files: &[(&str, u64)]) -> ManifestRoot {
    let mut entries: Vec<Entry> =
        files.iter().map(|(name, number)| write_file(session, name, *number)).collect();
    entries.sort_by(|left, right| path::compare(&left.path, &right.path));
    let mut writer = ManifestWriter::new(NODE_ITEMS);
    for entry in &entries {
        writer.push(session, entry, None, None).unwrap();
    }
    writer.finish(session).unwrap()
}

fn write_file(session: &mut WriteSession<'_>, name: &str, number: u64) -> Entry {
    let mut entry = Entry::new(name.as_bytes().to_vec(), EntryKind::File);
    let mut list = ChunkListWriter::default();
    for chunk in 0..if number < 100 { 1 } else { 12 } {
        let content = noise(3000, number * 1000 + chunk);
        let id = session.repository().keys().chunk_id(&content);
        session.add_chunk(ObjectKind::Data, id, &content).unwrap();
        list.push(session, ChunkRef { id, length: content.len() as u32 }).unwrap();
    }
    entry.size = list.bytes();
    entry.content = list.finish(session).unwrap();
    assert_eq!(matches!(entry.content, Content::List(_)), number >= 100);
    entry
}
