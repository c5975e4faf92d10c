//! Test bed for backups: a source in a temporary directory, a repository in memory.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use icecore_catalog::Catalog;
pub(super) use icecore_fixtures::content::noise;
use icecore_fixtures::{
    collections::condemned, content::SMALL_CHUNKS, file_times::let_times_settle, keys::key_file, threads,
};
use icecore_format::{
    entry::Entry,
    header::Parameters,
    ids::{CollectionNumber, GroupId, PackName, RepositoryId, RunId},
    layout::{PackPlace, collection_key},
    node::Totals,
    slot::PasswordCost,
    snapshot::{Level, Snapshot},
};
use icecore_fs::excludes::Excludes;
use icecore_repo::{
    environment::Environment,
    index::{PackRow, load_index},
    manifest::{ChunkListReader, ManifestCursor, ManifestRoot},
    reader::ChunkReader,
    repository::{CreateOptions, LockedRepository, Repository},
    session::WriteOptions,
};
use icecore_store::{
    environment::{Clock, InstantSleep, SeededEntropy, SystemClock},
    memory::MemoryStore,
    store::{PutCondition, Store},
};

use crate::{
    backup,
    error::BackupResult,
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    report::BackupReport,
    request::{BackupRequest, BackupSource, IgnoredChanges},
};

pub(super) struct Bed {
    source: tempfile::TempDir,
    repository: Repository,
    pub environment: Environment,
    store: Arc<dyn Store>,
}

/// A clock that is ahead.
#[derive(Debug)]
struct FastClock {
    clock: SystemClock,
    ahead: Duration,
}

impl Clock for FastClock {
    fn now(&self) -> SystemTime {
        self.clock.now() + self.ahead
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// An entry as it was read back, with its content.
pub(super) struct Seen {
    pub entry: Entry,
    pub content: Vec<u8>,
}

impl BackupEvents for Bed {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, _: &SourceProblem) {}
    fn notice(&self, _: &BackupNotice) {}
}

impl Bed {
    pub fn new() -> Self {
        let environment = Environment {
            clock: Arc::new(SystemClock::default()),
            entropy: Arc::new(SeededEntropy::new(1)),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::default(),
        };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock::default())));
        let options = CreateOptions {
            parameters: Parameters { chunker: SMALL_CHUNKS, block_bytes: 64 << 10, node_items: 16 },
            credential: key_file(7),
            cost: PasswordCost::default(),
            label: String::new(),
            program: "test".into(),
        };
        let repository =
            Repository::create(Arc::clone(&store), environment.clone(), RepositoryId([3; 16]), &options)
                .unwrap();
        let source = tempfile::tempdir().unwrap();
        Self { source, repository, environment, store }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.source.path().join(name)
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Waits until the clock of the file system is far enough past the last write for its times to count as
    /// proof.
    pub fn age(&self) {
        let probe =
            self.path("..").join(format!("probe-{}", self.source.path().file_name().unwrap().display()));
        let_times_settle(&probe);
    }

    pub fn try_backup(&self, change: impl FnOnce(&mut BackupRequest)) -> BackupResult<BackupReport> {
        self.try_backup_in(&self.repository, change)
    }

    /// Backs up with a clock that is ahead of the system's.
    pub fn backup_ahead(&self, ahead: Duration) -> BackupReport {
        let clock = Arc::new(FastClock { clock: SystemClock::default(), ahead });
        let environment = Environment { clock, ..self.environment.clone() };
        let locked = LockedRepository::find(Arc::clone(&self.store), environment).unwrap();
        let repository = locked.unlock(&[key_file(7)]).unwrap();
        self.try_backup_in(&repository, |_| {}).unwrap()
    }

    fn try_backup_in(
        &self,
        repository: &Repository,
        change: impl FnOnce(&mut BackupRequest),
    ) -> BackupResult<BackupReport> {
        let mut request = BackupRequest {
            source: BackupSource::Tree { path: self.source.path().to_owned() },
            name: "source".into(),
            host: "host".into(),
            level: Level::Incremental,
            dedup: None,
            snapshots: None,
            tags: std::collections::BTreeMap::new(),
            program: "test".into(),
            excludes: Excludes::none(),
            exclude_caches: false,
            one_file_system: false,
            ignored: IgnoredChanges::default(),
            skip: Vec::new(),
            walk_concurrency: 2,
            read_concurrency: 3,
            write: WriteOptions::default(),
            dry_run: false,
            allow_empty: false,
        };
        change(&mut request);
        let mut catalog = Catalog::in_memory(repository.id()).unwrap();
        backup(repository, &mut catalog, request, self)
    }

    pub fn backup(&self, change: impl FnOnce(&mut BackupRequest)) -> BackupReport {
        self.try_backup(change).unwrap()
    }

    /// Reads a whole snapshot back.
    pub fn read(&self, snapshot: &Snapshot) -> Vec<Seen> {
        let mut catalog = Catalog::in_memory(self.repository.id()).unwrap();
        let index = load_index(&self.repository, &mut catalog, None).unwrap().index;
        let reader = ChunkReader::new(self.repository.clone(), Arc::new(index.into()), 16 << 20);
        let mut cursor = ManifestCursor::new(&reader, &ManifestRoot::of(snapshot).unwrap());
        let mut seen = Vec::new();
        while let Some(entry) = cursor.next().unwrap() {
            let mut stream = Vec::new();
            for chunk in ChunkListReader::collect(&reader, &entry.content).unwrap() {
                if chunk.is_hole() {
                    stream.resize(stream.len() + chunk.length as usize, 0);
                } else {
                    stream.extend_from_slice(&reader.read(&chunk).unwrap());
                }
            }
            let content = fill_holes(&entry, &stream);
            seen.push(Seen { entry, content });
        }
        seen
    }

    fn keys_under(&self, prefix: &str) -> Vec<String> {
        let list = threads::wait(self.store.list(prefix)).unwrap();
        list.into_iter().map(|object| object.key).collect()
    }

    pub fn data_packs(&self) -> usize {
        self.keys_under("data/").len()
    }

    pub fn objects(&self) -> usize {
        self.keys_under("").len()
    }

    pub fn complete_snapshots(&self) -> usize {
        let mut catalog = Catalog::in_memory(self.repository.id()).unwrap();
        icecore_repo::snapshots::list(&self.repository, &mut catalog).unwrap().complete(None).count()
    }

    fn remove(&self, keys: impl IntoIterator<Item = String>) {
        for key in keys {
            threads::wait(self.store.delete(&key, None)).unwrap();
        }
    }

    /// Removes all packs that were written by runs outside a group, with their directories.
    pub fn remove_packs_outside(&self, group: GroupId) {
        let mut catalog = Catalog::in_memory(self.repository.id()).unwrap();
        let index = load_index(&self.repository, &mut catalog, None).unwrap().index;
        let outside: Vec<_> = index.packs().into_iter().filter(|pack| pack.group != group).collect();
        assert!(!outside.is_empty());
        self.remove(outside.iter().map(PackRow::object_key));
        self.remove(outside.iter().map(|pack| icecore_format::layout::directory_key(pack.name)));
    }

    /// Stores the record of a collection that is about to remove all packs below a prefix.
    pub fn condemn(&self, prefix: &str) {
        let keys = self.keys_under(prefix);
        let packs: Vec<PackName> = keys.iter().map(|key| PackPlace::parse(key).unwrap().1).collect();
        let record = condemned(CollectionNumber::FIRST, &packs);
        let object = record.seal(self.repository.keys(), &self.environment.salt()).unwrap();
        let key = collection_key(record.number);
        let put = self.store.put(&key, object.into(), PutCondition::Absent);
        threads::wait(put).unwrap();
    }

    /// Removes all data packs, with their directories if asked.
    pub fn remove_data_packs(&self, with_directories: bool) {
        let keys = self.keys_under("data/");
        if with_directories {
            let names = keys.iter().map(|key| key.rsplit('/').next().unwrap());
            self.remove(names.map(|name| format!("meta/packs/{name}")).collect::<Vec<_>>());
        }
        self.remove(keys);
    }
}

fn fill_holes(entry: &Entry, stream: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut rest = stream;
    for hole in &entry.holes {
        let (data, remaining) = rest.split_at(hole.offset as usize - content.len());
        content.extend_from_slice(data);
        content.resize((hole.offset + hole.length) as usize, 0);
        rest = remaining;
    }
    content.extend_from_slice(rest);
    content
}
