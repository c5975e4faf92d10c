use std::{collections::BTreeMap, sync::RwLock};

use icecore_catalog::Catalog;
use icecore_fixtures::{content, keys, threads};
use icecore_format::{
    entry::{ChunkRef, Entry, Marks},
    header::Parameters,
    ids::RepositoryId,
    slot::{Credential, PasswordCost},
    snapshot::{Level, SnapshotStatistics},
};
use icecore_repo::{
    environment::Environment,
    index::load_index,
    manifest::ChunkListReader,
    manifest::ManifestCursor,
    repository::{CreateOptions, Repository},
    session::{Continuation, WriteOptions},
    snapshots,
};
use icecore_store::{
    environment::{InstantSleep, ManualClock, SeededEntropy},
    fault::{Fault, FaultPlan, FaultStore, FaultWhen, InjectedError},
    memory::MemoryStore,
    method::Method,
    store::Store,
};

use super::*;
use crate::plan::{TargetSnapshots, plan_copy};

struct Nobody;

impl CopyEvents for Nobody {
    fn progress(&self, _: &CopyProgress) {}
}

/// A repository in memory.
struct TestRepository {
    store: Arc<dyn Store>,
    id: u8,
}

/// A file, and whether it could be read.
type File = (&'static str, Vec<u8>);

impl TestRepository {
    fn new(id: u8) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let made = Self { store, id };
        let options = CreateOptions {
            // Other sizes in each repository: the copy must use those of its own repository.
            parameters: Parameters {
                block_bytes: 4096 * u32::from(id),
                node_items: 4,
                ..Parameters::default()
            },
            credential: made.credential(),
            cost: PasswordCost::default(),
            label: "test".to_owned(),
            program: "test".to_owned(),
        };
        let (store, id) = (Arc::clone(&made.store), RepositoryId([id; 16]));
        Repository::create(store, made.environment(0), id, &options).unwrap();
        made
    }

    fn credential(&self) -> Credential {
        keys::key_file(self.id)
    }

    fn environment(&self, seed: u64) -> Environment {
        Environment {
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(seed + 1000 * u64::from(self.id))),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::default(),
        }
    }

    /// Opens it for a command, behind a store that crashes with call number `crash`.
    fn open(&self, seed: u64, crash: Option<u64>) -> icecore_repo::error::RepoResult<Repository> {
        let plan = crash.map_or_else(|| FaultPlan::new(0), FaultPlan::crash_from);
        let store = FaultStore::new(Arc::clone(&self.store), plan, Arc::new(InstantSleep::new()));
        Repository::unlock(Arc::new(store), self.environment(seed), &[self.credential()])
    }

    fn catalog(&self) -> Catalog {
        Catalog::in_memory(RepositoryId([self.id; 16])).unwrap()
    }

    fn list(&self) -> snapshots::SnapshotList {
        snapshots::list(&self.open(1, None).unwrap(), &mut self.catalog()).unwrap()
    }

    fn reader(&self) -> ChunkReader {
        self.reader_on(self.open(1, None).unwrap())
    }

    /// Returns a reader for which the objects with these keys are archived.
    fn reader_without(&self, archived: &[String]) -> ChunkReader {
        let plan = archived.iter().fold(FaultPlan::new(0), |plan, key| {
            plan.rule(Some(Method::Get), key, FaultWhen::Always, Fault::Error(InjectedError::Archived))
        });
        let store = FaultStore::new(Arc::clone(&self.store), plan, Arc::new(InstantSleep::new()));
        let opened = Repository::unlock(Arc::new(store), self.environment(1), &[self.credential()]);
        self.reader_on(opened.unwrap())
    }

    fn reader_on(&self, repository: Repository) -> ChunkReader {
        let index = load_index(&repository, &mut self.catalog(), None).unwrap().index;
        ChunkReader::new(repository, Arc::new(RwLock::new(index)), SOURCE_CACHE_BYTES)
    }

    /// Writes a snapshot of files in the order of their paths; the last one is marked.
    fn write(&self, seed: u64, level: Level, files: &[File]) {
        let origin = SessionOrigin {
            level,
            tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            ..SessionOrigin::first_full("source", "host", b"/root", "test")
        };
        let repository = self.open(seed, None).unwrap();
        let keys = Arc::clone(repository.keys());
        let mut catalog = self.catalog();
        let mut session = WriteSession::begin(repository, &mut catalog, origin, small_packs()).unwrap();
        let mut manifest = ManifestWriter::new(4);
        for (number, (path, content)) in files.iter().enumerate() {
            let mut entry = Entry::new(path.as_bytes().to_vec(), EntryKind::File);
            entry.size = content.len() as u64;
            let mut list = ChunkListWriter::default();
            for part in content.chunks(700) {
                let chunk = ChunkRef { id: keys.chunk_id(part), length: part.len() as u32 };
                session.add_chunk(ObjectKind::Data, chunk.id, part).unwrap();
                list.push(&mut session, chunk).unwrap();
            }
            if number + 1 == files.len() {
                entry.marks = Marks::CHANGED_WHILE_READ;
            }
            entry.content = list.finish(&mut session).unwrap();
            manifest.push(&mut session, &entry, Some(b"user"), None).unwrap();
        }
        let root = manifest.finish(&mut session).unwrap();
        let statistics = SnapshotStatistics { files_new: 17, ..SnapshotStatistics::default() };
        session.commit(&root, &CommitReport { errors: 1, statistics, ..CommitReport::default() }).unwrap();
    }

    /// Returns entries without content, owner's name and content of all files of the snapshot with this
    /// number.
    fn content(&self, number: usize) -> Vec<(Entry, Option<Vec<u8>>, Vec<u8>)> {
        let (list, reader) = (self.list(), self.reader());
        let snapshot = list.complete(None).nth(number).unwrap();
        let mut cursor = ManifestCursor::new(&reader, &ManifestRoot::of(snapshot).unwrap());
        let mut found = Vec::new();
        while let Some(mut entry) = cursor.next().unwrap() {
            let user = cursor.owner_names(0, 0).0.map(<[u8]>::to_vec);
            let content = std::mem::take(&mut entry.content);
            let chunks = ChunkListReader::collect(&reader, &content).unwrap();
            let bytes = chunks.iter().flat_map(|chunk| reader.read(chunk).unwrap().to_vec()).collect();
            found.push((entry, user, bytes));
        }
        found
    }
}

fn small_packs() -> WriteOptions {
    WriteOptions { pack_bytes: 1 << 20, ..WriteOptions::default() }
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    content::noise(length, seed)
}

/// Copies the snapshot with this number, like one command does.
fn copy(
    from: &TestRepository,
    to: &TestRepository,
    number: usize,
    seed: u64,
    crash: Option<u64>,
    known: &mut KnownChunks,
) -> CopyResult<CopyReport> {
    copy_with(&from.reader(), from, to, number, seed, crash, known)
}

fn copy_with(
    reader: &ChunkReader,
    from: &TestRepository,
    to: &TestRepository,
    number: usize,
    seed: u64,
    crash: Option<u64>,
    known: &mut KnownChunks,
) -> CopyResult<CopyReport> {
    let target = to.open(seed, crash).map_err(CopyError::Target)?;
    let mut catalog = to.catalog();
    let targets = snapshots::list(&target, &mut catalog).map_err(CopyError::Target)?;
    let list = from.list();
    let id = reader.repository().id();
    let snapshot = list.complete(None).nth(number).unwrap();
    let targets = TargetSnapshots::new(target.id(), &targets);
    let request = CopyRequest {
        snapshot,
        plan: plan_copy(id, &list, &targets, snapshot),
        program: "copy".to_owned(),
        write: small_packs(),
        fetch_concurrency: 2,
    };
    let into =
        CopyTarget { repository: &target, catalog: &mut catalog, continuation: &mut Continuation::default() };
    copy_snapshot(reader, into, &request, known, &Nobody)
}

fn copy_plainly(from: &TestRepository, to: &TestRepository, number: usize) -> CopyReport {
    copy(from, to, number, 50 + number as u64, None, &mut KnownChunks::default()).unwrap()
}

fn trees() -> (Vec<File>, Vec<File>) {
    let long = noise(1, 2_000_000);
    let mut changed = long.clone();
    changed[900_000] ^= 1;
    let first = vec![("a", noise(2, 500)), ("b", Vec::new()), ("long", long), ("z", noise(3, 3_000))];
    let second =
        vec![("a", noise(2, 500)), ("long", changed), ("n", noise(4, 4_000)), ("z", noise(3, 3_000))];
    (first, second)
}

fn two_snapshots() -> TestRepository {
    let (from, (first, second)) = (TestRepository::new(1), trees());
    from.write(2, Level::Full, &first);
    from.write(3, Level::Incremental, &second);
    from
}

#[test]
fn a_copy_is_what_it_is_a_copy_of() {
    let (from, to) = (two_snapshots(), TestRepository::new(2));
    for number in [0, 1] {
        let report = copy_plainly(&from, &to, number);
        let list = from.list();
        let original = list.complete(None).nth(number).unwrap();
        assert_eq!(from.content(number), to.content(number));
        let (old, new) = (original.completion().unwrap(), report.snapshot.completion().unwrap());
        assert_eq!((old.totals, old.errors), (new.totals, new.errors));
        assert_eq!(new.statistics.files_new, 17);
        assert_ne!(old.root_node, new.root_node);
        assert_eq!(original.origin.tags, report.snapshot.origin.tags);
        assert_eq!(original.origin.started, report.snapshot.origin.started);
    }
}

#[test]
fn only_what_differs_from_the_copy_before_is_read() {
    let (from, to) = (two_snapshots(), TestRepository::new(2));
    let first = copy_plainly(&from, &to, 0).counts;
    assert_eq!((first.chunks_read, first.chunks_new), (2864, 2864));
    // Another command, which knows only the content of the repositories: the changed chunk and the new file.
    let second = copy_plainly(&from, &to, 1).counts;
    assert_eq!((second.chunks_read, second.chunks_new, second.bytes_new), (7, 7, 4_700));
}

#[test]
fn chunks_that_the_other_repository_has_lost_are_read_and_sent_again() {
    let (from, to) = (two_snapshots(), TestRepository::new(2));
    copy_plainly(&from, &to, 0);
    for object in threads::wait(to.store.list("data/")).unwrap() {
        threads::wait(to.store.delete(&object.key, None)).unwrap();
    }
    let counts = copy_plainly(&from, &to, 1).counts;
    assert_eq!(counts.chunks_read, counts.chunks_new);
    assert!(counts.bytes_new > 2_000_000, "{counts:?}");
    assert_eq!(from.content(1), to.content(1));
}

#[test]
fn a_crash_after_any_call_leaves_nothing_half_done() {
    let (from, mut calls) = (two_snapshots(), 0);
    for crash in 1.. {
        let (to, mut known) = (TestRepository::new(2), KnownChunks::default());
        let ended = copy(&from, &to, 0, 60, Some(crash), &mut known);
        let complete = to.list().complete(None).count();
        // A lost reply to the commit is the only way to fail with a snapshot; here, calls are not even made.
        assert_eq!(complete, usize::from(ended.is_ok()), "call {crash}");
        if ended.is_ok() {
            break;
        }
        calls = crash;
        // Pairs that were learned before the crash are not trusted if the chunks did not arrive.
        copy(&from, &to, 0, 61, None, &mut known).unwrap();
        assert_eq!(from.content(0), to.content(0), "call {crash}");
    }
    assert!(calls > 12, "{calls}");
}

#[test]
fn what_cannot_be_read_is_not_copied() {
    let (from, to) = (two_snapshots(), TestRepository::new(2));
    let data = threads::wait(from.store.list("data/")).unwrap();
    threads::wait(from.store.delete(&data[0].key, None)).unwrap();
    let error = copy(&from, &to, 0, 50, None, &mut KnownChunks::default()).unwrap_err();
    assert!(error.is_damaged_snapshot(), "{error}");
    assert_eq!(to.list().complete(None).count(), 0);
}

#[test]
fn a_snapshot_with_archived_packs_names_them_all_and_is_copied_later() {
    let (from, to) = (two_snapshots(), TestRepository::new(2));
    let data = threads::wait(from.store.list("data/")).unwrap();
    let archived: Vec<String> = data.into_iter().map(|object| object.key).collect();
    assert!(archived.len() >= 3, "{archived:?}");
    let (reader, mut known) = (from.reader_without(&archived), KnownChunks::default());
    let error = copy_with(&reader, &from, &to, 1, 50, None, &mut known).unwrap_err();
    assert!(error.is_archived() && !error.is_damaged_snapshot(), "{error}");
    let named: Vec<String> = reader.archived_packs().into_iter().map(|pack| pack.key).collect();
    assert_eq!(named, archived);
    assert_eq!(to.list().complete(None).count(), 0);
    copy(&from, &to, 1, 51, None, &mut known).unwrap();
    assert_eq!(from.content(1), to.content(0));
}
