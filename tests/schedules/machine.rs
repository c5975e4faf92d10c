//! A machine on which one command runs after the other, each as a process of its own: what they share is the
//! catalogue, and what the machine remembers of the log.

use std::{
    error::Error,
    path::Path,
    sync::{Arc, LazyLock, RwLock},
    time::{Duration, SystemTime},
};

use icecore_catalog::Catalog;
use icecore_fixtures::keys::key_file;
use icecore_format::{
    ids::{RepositoryId, WriterId},
    log::CompletedSnapshot,
    snapshot::Snapshot,
};
use icecore_repo::{
    environment::Environment,
    error::RepoResult,
    index::load_index,
    log::{LogAuthor, LogBook, LogEvents},
    manifest::{ChunkListReader, ManifestCursor, ManifestRoot},
    reader::ChunkReader,
    repository::Repository,
    snapshots::SnapshotList,
};
use icecore_store::{
    Environment as StoreEnvironment, RetryStore, Store,
    environment::{Clock, InstantSleep, ManualClock, SeededEntropy},
    retry::RetryPolicy,
};
use tokio::runtime::{Builder, Runtime};

use crate::{dice::Dice, tree::Tree, truth::Files};

/// Byte of which the key file consists.
pub(crate) const KEY: u8 = 7;
/// Name of the repository.
pub(crate) const REPOSITORY: RepositoryId = RepositoryId([1; 16]);
/// Name of another one, for copies.
pub(crate) const OTHER_REPOSITORY: RepositoryId = RepositoryId([2; 16]);
const CACHE_BYTES: usize = 1 << 20;

/// Threads that wait in calls of the store: one for each actor of all schedules at a time would do.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(32).build().unwrap());

/// A single thread: with more, several would call the store at the same time, in an order that no seed
/// decides.
static WORKERS: LazyLock<Arc<rayon::ThreadPool>> =
    LazyLock::new(|| Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()));

pub(crate) type CommandResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A clock that is wrong by a constant.
#[derive(Debug)]
pub(crate) struct SkewedClock {
    pub(crate) world: Arc<ManualClock>,
    /// Before or after the true time.
    pub(crate) is_behind: bool,
    pub(crate) by: Duration,
}

impl Clock for SkewedClock {
    fn now(&self) -> SystemTime {
        if self.is_behind { self.world.now() - self.by } else { self.world.now() + self.by }
    }

    fn monotonic(&self) -> Duration {
        self.world.monotonic()
    }
}

/// What a command found when it began.
#[derive(Debug)]
pub(crate) struct Look {
    book: LogBook,
    unnamed: Vec<CompletedSnapshot>,
    pub(crate) list: Arc<SnapshotList>,
}

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) host: String,
    pub(crate) source: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) environment: Environment,
    pub(crate) catalog: Catalog,
    pub(crate) author: LogAuthor,
    pub(crate) tree: Option<Tree>,
    pub(crate) dice: Dice,
}

impl Machine {
    /// Makes a machine with an empty catalogue; `store` is what it sees of the repository.
    pub(crate) fn new(number: usize, store: Arc<dyn Store>, clock: Arc<dyn Clock>, mut dice: Dice) -> Self {
        let host = format!("host{number}");
        let entropy = Arc::new(SeededEntropy::new(dice.next()));
        let sleep = Arc::new(InstantSleep::new());
        let environment = Environment {
            clock: Arc::clone(&clock),
            entropy: Arc::<SeededEntropy>::clone(&entropy),
            runtime: RUNTIME.handle().clone(),
            workers: Arc::clone(&WORKERS),
            sleep: Arc::<InstantSleep>::clone(&sleep),
            cancelled: Arc::default(),
        };
        let retrying = StoreEnvironment { clock, entropy, sleep };
        let author = LogAuthor {
            writer: WriterId([number as u8 + 1; 16]),
            last: None,
            host: host.clone(),
            program: "test".to_owned(),
        };
        Self {
            source: "source".to_owned(),
            store: Arc::new(RetryStore::new(store, RetryPolicy::default(), retrying)),
            environment,
            catalog: Catalog::in_memory(REPOSITORY).unwrap(),
            author,
            tree: None,
            dice,
            host,
        }
    }

    /// Gives the machine a source to back up.
    pub(crate) fn with_tree(mut self, host: &str, source: &str, directory: &Path) -> Self {
        self.tree = Some(Tree::new(directory));
        (self.host, self.source) = (host.to_owned(), source.to_owned());
        self.author.host = host.to_owned();
        self
    }

    pub(crate) fn unlock(&self) -> RepoResult<Repository> {
        Repository::unlock(Arc::clone(&self.store), self.environment.clone(), &[key_file(KEY)])
    }

    /// Reads the log and the snapshots, as every command does when it begins.
    pub(crate) fn look(&mut self, repository: &Repository) -> RepoResult<Look> {
        let (book, list) = LogBook::read_with_snapshots(repository, &mut self.catalog)?;
        Ok(Look { unnamed: book.unnamed(&list), book, list: Arc::new(list) })
    }

    /// Names all complete snapshots in the log, as somebody does who accepts that their records are missing.
    pub(crate) fn name_all(&mut self) -> RepoResult<()> {
        let repository = self.unlock()?;
        let Look { mut book, unnamed, .. } = self.look(&repository)?;
        let events = LogEvents { completed: unnamed, ..LogEvents::default() };
        book.append(&repository, Some(&mut self.catalog), &mut self.author, events)
    }

    /// Names a complete snapshot in the log, and those that had no name when the command began.
    pub(crate) fn log(&mut self, repository: &Repository, look: Look, snapshot: &Snapshot) -> RepoResult<()> {
        let Look { mut book, unnamed, .. } = look;
        let completed = unnamed.into_iter().chain(CompletedSnapshot::of(snapshot)).collect();
        let events = LogEvents { completed, ..LogEvents::default() };
        book.append(repository, Some(&mut self.catalog), &mut self.author, events)
    }

    /// Reads all files of a snapshot.
    pub(crate) fn read(&mut self, repository: &Repository, snapshot: &Snapshot) -> CommandResult<Files> {
        let root = ManifestRoot::of(snapshot).ok_or("the snapshot has no manifest")?;
        let index = load_index(repository, &mut self.catalog, None)?.index;
        let reader = ChunkReader::new(repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
        let mut cursor = ManifestCursor::new(&reader, &root);
        let mut files = Files::new();
        while let Some(entry) = cursor.next()? {
            if entry.kind != icecore_format::entry::EntryKind::File {
                continue;
            }
            let mut content = Vec::new();
            for chunk in ChunkListReader::collect(&reader, &entry.content)? {
                content.extend_from_slice(&reader.read(&chunk)?);
            }
            files.insert(entry.path, content);
        }
        Ok(files)
    }
}
