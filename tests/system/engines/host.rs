//! A machine with its own cache that runs commands on a store.

use std::{
    env, fs,
    path::Path,
    sync::{Arc, RwLock},
    time::Duration,
};

use icecore_catalog::Catalog;
use icecore_check::{CheckOptions, NoEvents as NoCheckEvents, ProblemKind, Severity};
use icecore_fixtures::{content::SMALL_CHUNKS, keys::key_file, threads};
use icecore_format::{
    header::Parameters,
    history::SeenHistory,
    ids::{RepositoryId, RunId, WriterId},
    slot::PasswordCost,
};
use icecore_prune::{PruneOptions, RepackOptions};
use icecore_repo::{
    environment::Environment,
    index::load_index,
    log::LogAuthor,
    reader::ChunkReader,
    repository::{CreateOptions, Repository},
    slots,
    snapshots::{self, SnapshotList},
};
use icecore_restore::{NoEvents as NoRestoreEvents, RestoreRequest, restore};
use icecore_store::{
    Environment as StoreEnvironment, RetryStore, Store,
    environment::{Clock, InstantSleep, SeededEntropy, SystemClock},
    retry::RetryPolicy,
};
use tempfile::TempDir;

use super::{
    command::{Backup, Command, Restore, Silent},
    error::EngineError,
};

const CACHE_BYTES: usize = 8 << 20;

/// Makes a directory in memory, if the machine supports it.
pub(crate) fn place() -> TempDir {
    TempDir::with_prefix_in("icecore-engines-", "/dev/shm")
        .unwrap_or_else(|_| TempDir::with_prefix_in("icecore-engines-", env::temp_dir()).unwrap())
}

/// Wraps a store in the retries of the command line, without waiting.
pub(crate) fn retrying(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let environment = StoreEnvironment {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SeededEntropy::new(1)),
        sleep: Arc::new(InstantSleep::new()),
    };
    Arc::new(RetryStore::new(store, RetryPolicy::default(), environment))
}

/// A machine with a cache of its own.
pub(crate) struct Host {
    name: String,
    cache: TempDir,
    environment: Environment,
}

impl Host {
    /// Makes a machine without a cache; its random choices depend only on `seed`.
    pub(crate) fn new(name: &str, seed: u64) -> Self {
        Self::with_clock(name, seed, Arc::new(SystemClock::new()))
    }

    /// Makes a machine like [`Host::new`] with this clock.
    pub(crate) fn with_clock(name: &str, seed: u64, clock: Arc<dyn Clock>) -> Self {
        let environment = Environment {
            clock,
            entropy: Arc::new(SeededEntropy::new(seed)),
            sleep: Arc::new(InstantSleep::new()),
            runtime: threads::runtime(),
            workers: threads::workers(),
            cancelled: Arc::default(),
        };
        Self { name: name.to_owned(), cache: place(), environment }
    }

    /// Makes a machine with the same name, a copy of the cache, and another seed.
    pub(crate) fn fork(&self, seed: u64) -> Self {
        let copy = Self::with_clock(&self.name, seed, Arc::clone(&self.environment.clock));
        copy_directory(self.cache.path(), copy.cache.path());
        copy
    }

    /// Deletes the cache.
    pub(crate) fn delete_cache(&self) {
        for entry in fs::read_dir(self.cache.path()).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    }

    /// Runs a command that unlocks the repository with `key`; returns the snapshot that it made.
    pub(crate) fn run(
        &self,
        store: &Arc<dyn Store>,
        key: u8,
        command: &Command,
    ) -> Result<Option<RunId>, EngineError> {
        match command {
            Command::Init => self.init(store, key)?,
            Command::Backup(backup) => return self.back_up(&self.unlock(store, key)?, backup).map(Some),
            Command::KeyAdd { new } => drop(add_key(&self.unlock(store, key)?, *new)?),
            Command::KeyRemove { old } => remove_key(&self.unlock(store, key)?, *old)?,
            Command::KeyChange { new } => self.change_key(store, key, *new)?,
            Command::Restore(request) => self.restore(&self.unlock(store, key)?, request)?,
            Command::Check => self.check(store, key)?,
            Command::Forget(run) => drop(icecore_prune::forget(&self.unlock(store, key)?, *run, None)?),
            Command::Prune => self.prune(&self.unlock(store, key)?)?,
        }
        Ok(None)
    }

    /// Unlocks the repository.
    pub(crate) fn unlock(&self, store: &Arc<dyn Store>, key: u8) -> Result<Repository, EngineError> {
        Ok(Repository::unlock(Arc::clone(store), self.environment.clone(), &[key_file(key)])?)
    }

    fn catalog(&self, repository: &Repository) -> Result<Catalog, EngineError> {
        Ok(Catalog::open(self.cache.path(), repository.id())?.0)
    }

    fn init(&self, store: &Arc<dyn Store>, key: u8) -> Result<(), EngineError> {
        let mut id = [0; RepositoryId::BYTES];
        self.environment.entropy.fill(&mut id);
        let options = CreateOptions {
            parameters: Parameters { chunker: SMALL_CHUNKS, block_bytes: 32 << 10, node_items: 8 },
            credential: key_file(key),
            cost: PasswordCost::FLOOR,
            label: "first".to_owned(),
            program: "icecore test".to_owned(),
        };
        let (store, environment) = (Arc::clone(store), self.environment.clone());
        Repository::create(store, environment, RepositoryId(id), &options)?;
        Ok(())
    }

    fn back_up(&self, repository: &Repository, backup: &Backup) -> Result<RunId, EngineError> {
        let mut catalog = self.catalog(repository)?;
        let request = backup.request(&self.name);
        let report = icecore_backup::backup(repository, &mut catalog, request, &Silent)?;
        if let Some(problem) = report.problems.kept().first() {
            return Err(EngineError::Other(format!("{problem:?}")));
        }
        Ok(report.snapshot.unwrap().origin.run)
    }

    fn change_key(&self, store: &Arc<dyn Store>, key: u8, new: u8) -> Result<(), EngineError> {
        let (old, new) = (key_file(key), key_file(new));
        slots::begin_change(&self.unlock(store, key)?, &old, &new, PasswordCost::FLOOR)?.finish()?;
        Ok(())
    }

    /// Returns all snapshots, through the cache.
    pub(crate) fn snapshots(&self, repository: &Repository) -> Result<SnapshotList, EngineError> {
        Ok(snapshots::list(repository, &mut self.catalog(repository)?)?)
    }

    fn restore(&self, repository: &Repository, wanted: &Restore) -> Result<(), EngineError> {
        let mut catalog = self.catalog(repository)?;
        let list = snapshots::list(repository, &mut catalog)?;
        let Some(snapshot) = list.by_run(wanted.run) else {
            return Err(EngineError::NoSnapshot(wanted.run));
        };
        let index = load_index(repository, &mut catalog, None)?.index;
        let reader = ChunkReader::new(repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
        let request = RestoreRequest {
            delete: wanted.delete,
            verify: wanted.verify,
            target_metadata: wanted.delete,
            concurrency: 2,
            ..RestoreRequest::new(snapshot.clone(), &wanted.target)
        };
        let report = restore(&reader, &request, &NoRestoreEvents)?;
        if report.problem_count == 0 {
            return Ok(());
        }
        let problems = report.problems.iter().map(ToString::to_string).collect();
        Err(EngineError::Incomplete { problems, damaged: report.damaged > 0 })
    }

    fn prune(&self, repository: &Repository) -> Result<(), EngineError> {
        let options = PruneOptions {
            grace: Duration::ZERO,
            repack: RepackOptions { bytes_max: u64::MAX, is_asked: true },
            ..PruneOptions::default()
        };
        let mut writer = [0; 16];
        self.environment.entropy.fill(&mut writer);
        let author = LogAuthor {
            writer: WriterId(writer),
            last: None,
            host: self.name.clone(),
            program: "icecore test".to_owned(),
        };
        let (mut catalog, seen) = (self.catalog(repository)?, SeenHistory::default());
        let report = icecore_prune::prune(repository, &mut catalog, author, &seen, &options, |_, _| {})?;
        if report.doubts.is_empty() && report.swept.failed.is_empty() {
            return Ok(());
        }
        Err(EngineError::Other(format!("{:?} {:?}", report.doubts, report.swept.failed)))
    }

    fn check(&self, store: &Arc<dyn Store>, key: u8) -> Result<(), EngineError> {
        let repository = self.unlock(store, key)?;
        let mut options = CheckOptions::new(self.environment.clock.now());
        options.read_data = true;
        options.pool = Some(threads::workers());
        let cancelled = &self.environment.cancelled;
        let store = Arc::clone(store);
        let mut report = threads::wait(icecore_check::check(
            store,
            repository.keys(),
            &options,
            &NoCheckEvents,
            cancelled,
        ))?;
        // The engines alone write no log.
        report.problems.retain(|problem| problem.kind != ProblemKind::SnapshotUnnamed);
        if report.is_healthy() {
            return Ok(());
        }
        let damage = report.problems.iter().filter(|problem| problem.severity == Severity::Damage);
        Err(EngineError::Damage(damage.map(|problem| format!("{problem:?}")).collect()))
    }
}

fn add_key(repository: &Repository, new: u8) -> Result<String, EngineError> {
    Ok(slots::add(repository, &key_file(new), PasswordCost::FLOOR, "added")?)
}

/// Removes the slot that a key opens; the user of the command line names it by its id.
fn remove_key(repository: &Repository, key: u8) -> Result<(), EngineError> {
    let slots = slots::list(repository)?;
    let Some(slot) = slots.iter().find(|slot| slot.opens_with(&key_file(key))) else {
        return Err(EngineError::Damage(vec!["the key slot cannot be read".to_owned()]));
    };
    slots::remove(repository, &slot.id)?;
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&copy).unwrap();
            copy_directory(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
}
