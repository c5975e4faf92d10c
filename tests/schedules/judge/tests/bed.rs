//! A repository that the program's own library makes in memory: the bytes that the judge reads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use icecore_catalog::Catalog;
use icecore_fixtures::{
    content::{SMALL_CHUNKS, noise},
    keys::key_file,
    threads::{self, wait},
};
use icecore_format::{
    collection::CollectionRecord,
    entry::{ChunkRef, Entry, EntryKind},
    header::Parameters,
    history::SeenHistory,
    ids::{CollectionNumber, RepositoryId, RunId, WriterId},
    log::CompletedSnapshot,
    path,
    seal::ObjectKind,
    slot::PasswordCost,
    snapshot::{DedupScope, Level, Snapshot},
};
use icecore_prune::{PruneOptions, PruneReport, prune};
use icecore_repo::{
    environment::Environment,
    index::load_index,
    log::{LogAuthor, LogBook, LogEvents},
    manifest::{ChunkListWriter, ManifestWriter},
    repository::{CreateOptions, Repository},
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
    snapshots,
};
use icecore_store::{
    environment::{InstantSleep, ManualClock, SeededEntropy},
    memory::MemoryStore,
    store::Store,
};

use crate::judge::Expected;

/// Secret of the key file.
pub(super) const SECRET: [u8; 32] = [7; 32];

/// Average number of items of manifest nodes: so small that a few files make a tree.
const NODE_ITEMS: u32 = 4;

/// Files, each with the number of its content: from 100 on, the content has 12 chunks instead of one.
pub(super) type Files<'f> = &'f [(&'f str, u64)];

pub(super) struct Bed {
    memory: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    pub(super) repository: Repository,
}

impl Bed {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock)));
        let options = CreateOptions {
            parameters: Parameters { chunker: SMALL_CHUNKS, block_bytes: 4 << 10, node_items: NODE_ITEMS },
            credential: key_file(SECRET[0]),
            cost: PasswordCost::FLOOR,
            label: "first".into(),
            program: "test".into(),
        };
        let environment = Environment {
            clock: Arc::<ManualClock>::clone(&clock),
            entropy: Arc::new(SeededEntropy::new(1)),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::default(),
        };
        let store = Arc::<MemoryStore>::clone(&memory);
        let repository = Repository::create(store, environment, RepositoryId([1; 16]), &options).unwrap();
        Self { memory, clock, repository }
    }

    fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::in_memory(self.repository.id()).unwrap();
        assert!(load_index(&self.repository, &mut catalog, None).unwrap().damaged.is_empty());
        catalog
    }

    /// Returns all objects by key.
    pub(super) fn objects(&self) -> BTreeMap<String, Bytes> {
        let keys = wait(self.memory.list("")).unwrap().into_iter().map(|object| object.key);
        keys.map(|key| (key.clone(), wait(self.memory.get(&key, None)).unwrap())).collect()
    }

    /// Makes a snapshot that a log record names, and returns what it must contain.
    pub(super) fn snapshot(&self, files: Files<'_>, dedup: DedupScope) -> Expected {
        let expected = self.unnamed_snapshot(files, dedup);
        self.name_in_log(expected.run);
        expected
    }

    /// Writes a log record that names one snapshot.
    pub(super) fn name_in_log(&self, run: [u8; 16]) {
        let mut catalog = self.catalog();
        let mut log = LogBook::read(&self.repository, &mut catalog).unwrap();
        let list = snapshots::list(&self.repository, &mut catalog).unwrap();
        let completed = CompletedSnapshot::of(list.by_run(RunId(run)).unwrap()).unwrap();
        let events = LogEvents { completed: vec![completed], ..LogEvents::default() };
        log.append(&self.repository, None, &mut author(), events).unwrap();
    }

    /// Makes a snapshot that no log record names.
    pub(super) fn unnamed_snapshot(&self, files: Files<'_>, dedup: DedupScope) -> Expected {
        let mut catalog = self.catalog();
        let session = self.session(&mut catalog, dedup);
        let expected = Expected {
            run: session.run().0,
            files: files.iter().map(|(name, number)| (name.as_bytes().to_vec(), content(*number))).collect(),
        };
        write(session, files);
        expected
    }

    fn session<'c>(&self, catalog: &'c mut Catalog, dedup: DedupScope) -> WriteSession<'c> {
        self.clock.advance(Duration::from_secs(1));
        let known = snapshots::list(&self.repository, catalog).unwrap().snapshots;
        let numbers = known.iter().map(|snapshot| snapshot.origin.sequence);
        let origin = SessionOrigin {
            source: "source".into(),
            host: "host".into(),
            root: b"/root".to_vec(),
            command: Vec::new(),
            level: Level::Full,
            dedup,
            group: None,
            base: None,
            tags: BTreeMap::new(),
            program: "test".into(),
            sequence: numbers.max().unwrap_or(0) + 1,
            copied: None,
        };
        let options = WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() };
        WriteSession::begin(self.repository.clone(), catalog, origin, options).unwrap()
    }

    pub(super) fn forget(&self, run: [u8; 16]) {
        icecore_prune::forget(&self.repository, RunId(run), None).unwrap();
    }

    /// Brings a forgotten snapshot back as another one, and returns the run of that.
    pub(super) fn undo(&self, run: [u8; 16]) -> [u8; 16] {
        self.clock.advance(Duration::from_secs(1));
        let (mut catalog, seen) = (self.catalog(), SeenHistory::default());
        let back = icecore_prune::undo(&self.repository, &mut catalog, RunId(run), "test", &seen).unwrap();
        back.origin.run.0
    }

    /// Removes packs, after this grace period.
    pub(super) fn prune(&self, grace: Duration) -> PruneReport {
        self.clock.advance(Duration::from_secs(1));
        let options = PruneOptions { grace, ..PruneOptions::default() };
        let seen = SeenHistory::default();
        prune(&self.repository, &mut self.catalog(), author(), &seen, &options, |_, _| {}).unwrap()
    }

    /// Lets time pass.
    pub(super) fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Returns the object of a snapshot after a change.
    pub(super) fn changed_snapshot(&self, run: [u8; 16], change: impl FnOnce(&mut Snapshot)) -> Bytes {
        let list = snapshots::list(&self.repository, &mut self.catalog()).unwrap();
        let mut snapshot = list.by_run(RunId(run)).unwrap().clone();
        change(&mut snapshot);
        let salt = self.repository.environment().salt();
        Bytes::from(snapshot.seal(self.repository.keys(), &salt).unwrap())
    }

    /// Returns the object of a collection record after a change.
    pub(super) fn changed_record(
        &self,
        number: u32,
        object: &[u8],
        change: impl FnOnce(&mut CollectionRecord),
    ) -> Bytes {
        let keys = self.repository.keys();
        let number = CollectionNumber::new(number).unwrap();
        let mut record = CollectionRecord::open(keys, number, object).unwrap();
        change(&mut record);
        Bytes::from(record.seal(keys, &self.repository.environment().salt()).unwrap())
    }
}

/// Writes files in a session, and commits them.
fn write(mut session: WriteSession<'_>, files: Files<'_>) {
    let mut entries: Vec<Entry> =
        files.iter().map(|(name, number)| write_file(&mut session, name, *number)).collect();
    entries.sort_by(|left, right| path::compare(&left.path, &right.path));
    let mut writer = ManifestWriter::new(NODE_ITEMS);
    for entry in &entries {
        writer.push(&mut session, entry, None, None).unwrap();
    }
    let root = writer.finish(&mut session).unwrap();
    session.commit(&root, &CommitReport::default()).unwrap();
}

fn write_file(session: &mut WriteSession<'_>, name: &str, number: u64) -> Entry {
    let mut entry = Entry::new(name.as_bytes().to_vec(), EntryKind::File);
    let mut list = ChunkListWriter::default();
    for content in chunks(number) {
        let id = session.repository().keys().chunk_id(&content);
        session.add_chunk(ObjectKind::Data, id, &content).unwrap();
        let length = u32::try_from(content.len()).unwrap();
        list.push(session, ChunkRef { id, length }).unwrap();
    }
    entry.size = list.bytes();
    entry.content = list.finish(session).unwrap();
    entry
}

/// Returns the chunks of a file: odd ones can be compressed.
fn chunks(number: u64) -> Vec<Vec<u8>> {
    let one = |chunk: u64| {
        let seed = number * 1000 + chunk;
        if seed.is_multiple_of(2) {
            noise(3000, seed)
        } else {
            format!("content {seed}, ").into_bytes().repeat(200)
        }
    };
    (0..if number < 100 { 1 } else { 12 }).map(one).collect()
}

fn content(number: u64) -> Vec<u8> {
    chunks(number).concat()
}

/// Who writes into the log. Nobody remembers its last record: it is found in the log.
fn author() -> LogAuthor {
    LogAuthor { writer: WriterId([5; 16]), last: None, host: "host".into(), program: "test".into() }
}
