//! A repository in memory, snapshots from lists of entries, and targets that tests can inspect.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use icecore_catalog::Catalog;
use icecore_fixtures::{
    content,
    keys::key_file,
    threads::{self, wait},
};
use icecore_format::{
    entry::{ChunkRef, Content, Entry, EntryKind, Hole, Time},
    header::Parameters,
    ids::RepositoryId,
    limits::INLINE_CHUNKS_MAX,
    node::{NodeBuilder, Totals},
    seal::ObjectKind,
    slot::PasswordCost,
    snapshot::Snapshot,
};
use icecore_repo::{
    environment::Environment,
    error::RepoError,
    index,
    manifest::{ManifestRoot, ManifestWriter, write_chunk_list},
    reader::ChunkReader,
    repository::{CreateOptions, Repository},
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
};
use icecore_store::{
    environment::{Clock, InstantSleep, SeededEntropy, SystemClock},
    fault::{Fault, FaultPlan, FaultStore, FaultWhen, InjectedError},
    memory::MemoryStore,
    method::Method,
    store::{PutCondition, Store},
};

use crate::{
    RestoreAction, RestoreEvents, RestoreNotice, RestoreProblem, RestoreProgress, RestoreReport,
    RestoreRequest, RestoreResult, restore,
};

/// A repository with its threads.
pub(crate) struct Fixture {
    pub store: Arc<MemoryStore>,
    pub repository: Repository,
    pub cancelled: Arc<AtomicBool>,
    pub chunk_bytes: usize,
    pub cache_bytes: usize,
}

/// An entry with its content.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub entry: Entry,
    pub content: Vec<u8>,
}

pub(crate) const TIME: Time = Time { seconds: 1_700_000_000, nanoseconds: 123_456_789 };

pub(crate) fn item(path: &str, kind: EntryKind) -> Item {
    let mut entry = Entry::new(path.as_bytes().to_vec(), kind);
    entry.mode = if kind == EntryKind::Directory { 0o755 } else { 0o644 };
    entry.modified = TIME;
    (entry.user_id, entry.group_id) =
        (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Item { entry, content: Vec::new() }
}

pub(crate) fn directory(path: &str) -> Item {
    item(path, EntryKind::Directory)
}

pub(crate) fn file(path: &str, content: impl AsRef<[u8]>) -> Item {
    Item { content: content.as_ref().to_vec(), ..item(path, EntryKind::File) }
}

pub(crate) fn symlink(path: &str, target: &str) -> Item {
    item(path, EntryKind::Symlink).with(|entry| entry.target = target.as_bytes().to_vec())
}

impl Item {
    pub fn with(mut self, change: impl FnOnce(&mut Entry)) -> Self {
        change(&mut self.entry);
        self
    }

    pub fn linked(self, inode: u64) -> Self {
        self.with(|entry| (entry.link_device, entry.inode) = (Some(0), inode))
    }

    pub fn with_holes(self, holes: &[(u64, u64)]) -> Self {
        self.with(|entry| {
            entry.holes =
                holes.iter().map(|(offset, length)| Hole { offset: *offset, length: *length }).collect();
        })
    }
}

/// Bytes that do not repeat and do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    content::noise(length, seed)
}

impl Fixture {
    pub fn new() -> Self {
        let clock = Arc::new(SystemClock::new());
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let cancelled = Arc::new(AtomicBool::new(false));
        let environment = Environment {
            clock,
            entropy: Arc::new(SeededEntropy::new(7)),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::clone(&cancelled),
        };
        let parameters = Parameters { block_bytes: 4 << 10, node_items: 4, ..Parameters::default() };
        let options = CreateOptions {
            parameters,
            credential: key_file(3),
            cost: PasswordCost::default(),
            label: "test".to_owned(),
            program: "test".to_owned(),
        };
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let repository = Repository::create(shared, environment, RepositoryId([5; 16]), &options).unwrap();
        Self { store, repository, cancelled, chunk_bytes: 1000, cache_bytes: 8 << 20 }
    }

    /// Writes a snapshot of exactly these entries, sorted by their paths.
    pub fn snapshot(&self, mut items: Vec<Item>) -> Snapshot {
        items.sort_by(|left, right| icecore_format::path::compare(&left.entry.path, &right.entry.path));
        let mut catalog = Catalog::in_memory(self.repository.id()).unwrap();
        let origin = SessionOrigin::first_full("test", "host", b"/srv/test", "test");
        let options = WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() };
        let mut session =
            WriteSession::begin(self.repository.clone(), &mut catalog, origin, options).unwrap();
        let mut entries = Vec::new();
        for item in items {
            let mut entry = item.entry;
            if entry.kind == EntryKind::File && entry.content == Content::default() {
                entry.content = self.add_content(&mut session, &item.content);
                let holes: u64 = entry.holes.iter().map(|hole| hole.length).sum();
                if entry.size == 0 {
                    entry.size = item.content.len() as u64 + holes;
                }
            }
            entries.push(entry);
        }
        let root = write_manifest(&mut session, &entries);
        let report = CommitReport::default();
        session.commit(&root, &report).unwrap().0
    }

    fn add_content(&self, session: &mut WriteSession, content: &[u8]) -> Content {
        let mut chunks = Vec::new();
        for part in content.chunks(self.chunk_bytes) {
            let id = self.repository.keys().chunk_id(part);
            session.add_chunk(ObjectKind::Data, id, part).unwrap();
            chunks.push(ChunkRef { id, length: part.len() as u32 });
        }
        if chunks.len() > INLINE_CHUNKS_MAX {
            Content::List(write_chunk_list(session, &chunks).unwrap())
        } else {
            Content::Inline(chunks)
        }
    }

    pub fn reader(&self) -> ChunkReader {
        self.reader_on(self.repository.clone())
    }

    fn reader_on(&self, repository: Repository) -> ChunkReader {
        let mut catalog = Catalog::in_memory(repository.id()).unwrap();
        let index = index::load_index(&repository, &mut catalog, None).unwrap().index;
        ChunkReader::new(repository, Arc::new(std::sync::RwLock::new(index)), self.cache_bytes)
    }

    /// Returns a reader for which the objects with these keys are archived.
    pub fn reader_without(&self, archived: &[String]) -> ChunkReader {
        let fault = || Fault::Error(InjectedError::Archived);
        let plan = archived.iter().fold(FaultPlan::new(0), |plan, key| {
            plan.rule(Some(Method::Get), key, FaultWhen::Always, fault())
        });
        let inner = Arc::clone(&self.store) as Arc<dyn Store>;
        let store = FaultStore::new(inner, plan, Arc::new(InstantSleep::new()));
        let environment = self.repository.environment().clone();
        let credential = key_file(3);
        self.reader_on(Repository::unlock(Arc::new(store), environment, &[credential]).unwrap())
    }

    /// Lists the keys below a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let objects = wait(self.store.list(prefix)).unwrap();
        objects.into_iter().map(|object| object.key).collect()
    }

    /// Flips a byte in the middle of the first block of a pack that matches.
    pub fn damage(&self, prefix: &str, at: impl Fn(usize) -> usize) {
        let objects = wait(self.store.list(prefix)).unwrap();
        let key = &objects.first().unwrap().key;
        let (bytes, version) = wait(self.store.get_versioned(key)).unwrap();
        let mut bytes = bytes.to_vec();
        let position = at(bytes.len());
        bytes[position] ^= 1;
        let condition = PutCondition::Version(version);
        wait(self.store.put(key, Bytes::from(bytes), condition)).unwrap();
    }

    pub fn remove(&self, prefix: &str) {
        for object in wait(self.store.list(prefix)).unwrap() {
            wait(self.store.delete(&object.key, None)).unwrap();
        }
    }

    pub fn try_restore(
        &self,
        request: &RestoreRequest,
        events: &dyn RestoreEvents,
    ) -> RestoreResult<RestoreReport> {
        restore(&self.reader(), request, events)
    }

    /// Restores, and expects no problem.
    #[track_caller]
    pub fn restore(&self, request: &RestoreRequest) -> RestoreReport {
        let report = self.restore_in_part(request);
        assert_eq!(texts(&report), Vec::<String>::new());
        report
    }

    /// Restores, and expects that the restore does not end early.
    #[track_caller]
    pub fn restore_in_part(&self, request: &RestoreRequest) -> RestoreReport {
        self.try_restore(request, &Recorder::default()).unwrap()
    }
}

/// Returns the problems as text, sorted.
pub(crate) fn texts(report: &RestoreReport) -> Vec<String> {
    let mut texts: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// Notes all events.
#[derive(Default)]
pub(crate) struct Recorder {
    pub actions: Mutex<Vec<(RestoreAction, String)>>,
    pub notices: Mutex<Vec<RestoreNotice>>,
    pub expected: Mutex<Option<Totals>>,
    /// Set at the first action.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl RestoreEvents for Recorder {
    fn started(&self, expected: Option<Totals>) {
        *self.expected.lock().unwrap() = expected;
    }
    fn progress(&self, _: &RestoreProgress) {}
    fn action(&self, action: RestoreAction, path: &[u8]) {
        self.actions.lock().unwrap().push((action, String::from_utf8_lossy(path).into_owned()));
        if let Some(cancel) = &self.cancel {
            cancel.store(true, Ordering::Relaxed);
        }
    }
    fn problem(&self, _: &RestoreProblem) {}
    fn notice(&self, notice: &RestoreNotice) {
        self.notices.lock().unwrap().push(notice.clone());
    }
}

impl Recorder {
    pub fn sorted(&self) -> Vec<(RestoreAction, String)> {
        let mut actions = self.actions.lock().unwrap().clone();
        actions.sort_by(|left, right| left.1.cmp(&right.1));
        actions
    }
}

/// A directory that is removed at the end.
pub(crate) struct Target {
    pub directory: tempfile::TempDir,
}

impl Target {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("target")
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Lists everything in the target, sorted.
    pub fn list(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.root(), &self.root(), &mut found);
        found.sort();
        found
    }
}

/// Writes a manifest of these entries; if no writer would accept them, as a single leaf.
fn write_manifest(session: &mut WriteSession, entries: &[Entry]) -> ManifestRoot {
    let mut manifest = ManifestWriter::new(4);
    for entry in entries {
        match manifest.push(session, entry, None, None) {
            Ok(()) => {}
            Err(RepoError::EntryRefused { .. }) => return write_leaf(session, entries),
            Err(error) => panic!("{error}"),
        }
    }
    manifest.finish(session).unwrap()
}

fn write_leaf(session: &mut WriteSession, entries: &[Entry]) -> ManifestRoot {
    let keys = Arc::clone(session.repository().keys());
    let mut builder = NodeBuilder::new(0, 4);
    for entry in entries {
        builder.push_entry(&keys, entry, None, None).unwrap();
    }
    let node = builder.finish(&keys).unwrap();
    session.add_chunk(ObjectKind::Manifest, node.child.id, &node.raw).unwrap();
    ManifestRoot { run: session.run(), node: node.child.id, level: 0, totals: node.child.totals }
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        found.push(
            String::from_utf8_lossy(path.strip_prefix(root).unwrap().as_os_str().as_bytes()).into_owned(),
        );
        if path.symlink_metadata().unwrap().is_dir() {
            collect(root, &path, found);
        }
    }
}
