//! What every command works with: settings, the two output streams, time, threads, and the way to the repository.

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, RwLock, atomic::Ordering},
    time::Duration,
};

use icecore_aws::S3Store;
use icecore_catalog::{BlockCache, Catalog, CatalogOpening, RemovedCatalogues, remove_unused};
use icecore_format::{
    ids::{GroupId, RepositoryId},
    snapshot::{DedupScope, Snapshot},
};
use icecore_policy::{Configuration, ProgressMode, S3Settings};
use icecore_repo::{
    environment::Environment,
    index::{CHUNK_MEMORY_BYTES, load_index},
    reader::{ChunkReader, FetchSizes},
    repository::Repository,
    snapshots::{self, SnapshotList},
};
use icecore_store::{
    Environment as StoreEnvironment, LimitStore, LocalStore, MeterStore, Method, ReadOnlyStore,
    RepositoryLocation, RetryStore, Stop, Store, StoreResult,
    limit::Limits,
    meter::{MethodUsage, StoreMeter},
    retry::RetryPolicy,
    stop::StopStore,
    waits::WaitList,
};
use jiff::tz::TimeZone;

use crate::{
    arguments::global::GlobalArguments,
    credentials::GivenCredentials,
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    process::{
        configuration,
        directories::Directories,
        limits::Allowance,
        signals,
        threads::{self, StoreThreads},
    },
    requests::Requests,
    s3,
    surface::{
        console::{Console, Verbosity},
        waiting::Watcher,
    },
    trust,
};
use icecore_operations::text;

/// Bytes of all catalogues together, if the configuration says nothing else.
const CACHE_BYTES_MAX_DEFAULT: u64 = 16 << 30;
/// Bytes of the cached blocks of a repository's manifests at most, …
const BLOCK_CACHE_BYTES_MAX: u64 = 256 << 20;
/// … and which part of the cache that is at most.
const BLOCK_CACHE_SHARE: u64 = 4;

/// What a command may do to the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only read.
    Read,
    /// Read and write.
    Write,
}

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// Output.
    pub(crate) console: Arc<Console>,
    /// Content of the configuration file.
    pub(crate) configuration: Configuration,
    /// Ways to unlock that were given.
    pub(crate) credentials: GivenCredentials,
    /// The user's directories.
    pub(crate) directories: Directories,
    /// How progress is shown.
    pub(crate) progress_mode: ProgressMode,
    /// Time, randomness, threads and the wish to stop.
    pub(crate) environment: Environment,
    /// Time zone in which times are shown and understood.
    pub(crate) zone: TimeZone,
    /// Name of this machine.
    pub(crate) host: String,
    /// What was asked of S3 so far.
    pub(crate) requests: Requests,
    /// How much may be done at a time.
    pub(crate) allowance: Allowance,
    location: Option<RepositoryLocation>,
    s3: S3Settings,
    cache_directory: Option<PathBuf>,
    store_environment: StoreEnvironment,
    /// How long the network is waited for at the beginning.
    network_time_max: Option<Duration>,
    /// Ends all waits.
    pub(crate) stop: Stop,
    /// What the stores wait for.
    pub(crate) waits: Arc<WaitList>,
    /// Keeps the threads of `environment.runtime` alive.
    threads: Arc<StoreThreads>,
}

/// A store with the means to see what it was used for.
#[derive(Clone, Debug)]
pub(crate) struct OpenStore {
    /// The store: the directory or bucket, inside of a read-only guard if only reading is allowed, inside of a meter,
    /// inside of retries (but for S3, which repeats its requests itself), so that repeated calls are counted as often as
    /// they are made, inside of limits if there are any, inside of the wish to stop.
    pub(crate) store: Arc<dyn Store>,
    /// The store itself, if it is one on S3.
    pub(crate) s3: Option<Arc<S3Store>>,
    /// The store itself, if it is a directory.
    pub(crate) local: Option<LocalStore>,
    access: Access,
    meter: Arc<StoreMeter>,
}

/// An unlocked repository with its catalogue.
#[derive(Debug)]
pub(crate) struct OpenRepository {
    /// The repository.
    pub(crate) repository: Repository,
    /// The catalogue.
    pub(crate) catalog: Catalog,
    /// What the store was used for.
    pub(crate) usage: Usage,
    /// The store itself, if it is one on S3.
    pub(crate) s3: Option<Arc<S3Store>>,
}

/// What a store was used for.
#[derive(Clone, Debug)]
pub(crate) struct Usage(Arc<StoreMeter>);

/// Name and version of the program, as they are recorded in what it writes.
pub(crate) fn program() -> String {
    format!("icecore {}", env!("CARGO_PKG_VERSION"))
}

impl Context {
    /// Puts together what the command line, the environment and the configuration file say, and starts the threads.
    pub(crate) fn new(
        console: Arc<Console>,
        global: &GlobalArguments,
        mut credentials: GivenCredentials,
        allowance: Allowance,
    ) -> Outcome<Self> {
        let directories = Directories::find();
        let configuration = configuration::read(global.config(), &directories)?;
        credentials.configuration.extend(configuration::credential(&configuration));
        let location = match (&global.repository, &configuration.repository) {
            (Some(text), _) => Some(RepositoryLocation::parse(text)?),
            (None, Some(text)) => Some(RepositoryLocation::parse(text.as_ref())?),
            (None, None) => None,
        };
        let cache_directory = global
            .cache_directory()
            .or_else(|| configuration.cache_directory.clone())
            .or_else(|| directories.cache.clone());
        let mut s3 = configuration.s3.clone();
        global.apply_to(&mut s3);
        let store_environment = StoreEnvironment::system();
        let starting = |error: &io::Error| {
            Failure::new(ExitStatus::Failed, format!("failed to start threads: {}", reason(error)))
        };
        let store_threads =
            threads::start_threads(allowance.store_calls).map_err(|error| starting(&error))?;
        let stop = Stop::default();
        signals::watch_signals(store_threads.handle(), stop.clone(), Arc::clone(&console))
            .map_err(|error| starting(&error))?;
        let workers = rayon::ThreadPoolBuilder::new()
            .thread_name(|number| format!("icecore-work-{number}"))
            .num_threads(allowance.workers_if_scarce())
            .build()
            .map_err(|error| Failure::new(ExitStatus::Failed, format!("failed to start threads: {error}")))?;
        let environment = Environment {
            clock: Arc::clone(&store_environment.clock),
            entropy: Arc::clone(&store_environment.entropy),
            runtime: store_threads.handle().clone(),
            workers: Arc::new(workers),
            cancelled: stop.flag(),
        };
        let (waits, zone) = (Arc::<WaitList>::default(), TimeZone::system());
        let progress_mode = global.progress().unwrap_or(configuration.progress);
        let clock = Arc::clone(&store_environment.clock);
        Watcher::new(Arc::clone(&console), clock, zone.clone(), Arc::clone(&waits), progress_mode)
            .start(store_threads.handle(), &store_environment);
        Ok(Self {
            progress_mode,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            zone,
            console,
            configuration,
            credentials,
            directories,
            environment,
            requests: Requests::default(),
            location,
            s3,
            cache_directory,
            store_environment,
            network_time_max: global.network_time_max(),
            stop,
            waits,
            allowance,
            threads: Arc::new(store_threads),
        })
    }

    /// Makes the context of another repository with a place, keys and S3 settings of its own; all else is shared, but
    /// requests are counted apart.
    pub(crate) fn of_other(
        &self,
        location: RepositoryLocation,
        credentials: GivenCredentials,
        s3: S3Settings,
    ) -> Self {
        Self {
            console: Arc::clone(&self.console),
            configuration: self.configuration.clone(),
            credentials,
            directories: self.directories.clone(),
            progress_mode: self.progress_mode,
            environment: self.environment.clone(),
            zone: self.zone.clone(),
            host: self.host.clone(),
            requests: Requests::default(),
            location: Some(location),
            s3,
            cache_directory: self.cache_directory.clone(),
            store_environment: self.store_environment.clone(),
            network_time_max: self.network_time_max,
            stop: self.stop.clone(),
            waits: Arc::clone(&self.waits),
            allowance: self.allowance,
            threads: Arc::clone(&self.threads),
        }
    }

    /// Returns the settings of repositories on S3.
    pub(crate) fn s3_settings(&self) -> &S3Settings {
        &self.s3
    }

    /// Returns where the repository is.
    pub(crate) fn location(&self) -> Outcome<&RepositoryLocation> {
        self.location.as_ref().ok_or_else(|| {
            Failure::new(ExitStatus::NoRepository, "no repository is given")
                .hint("use --repository URL or ICECORE_REPOSITORY, or put it into the configuration file")
        })
    }

    /// Drives `work` to its end, unless a signal asks to stop before.
    pub(crate) fn drive<T>(&self, work: impl Future<Output = T>) -> Outcome<T> {
        self.environment.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.requested() => Err(Failure::interrupted()),
                result = work => Ok(result),
            }
        })
    }

    /// Opens the store of the repository.
    pub(crate) fn open_store(&self, access: Access) -> Outcome<OpenStore> {
        Ok(self.try_open_store(access)??)
    }

    /// Opens the store of the repository, and leaves the errors of the store to the caller.
    pub(crate) fn try_open_store(&self, access: Access) -> Outcome<StoreResult<OpenStore>> {
        match self.location()? {
            RepositoryLocation::Local(path) => {
                Ok(LocalStore::open(path).map(|store| self.decorate_local(store, access)))
            }
            RepositoryLocation::S3 { bucket, prefix } => {
                let store = self.open_s3(bucket, prefix, false)?;
                Ok(Ok(self.decorate(Arc::clone(&store) as _, Some(store), access)))
            }
            other => Err(Failure::usage(format!("{other} is no place that this command can use"))),
        }
    }

    /// Opens the store for a new repository; a directory that does not exist is created, a bucket is not.
    pub(crate) fn create_store(&self, single_writer: bool) -> Outcome<OpenStore> {
        match self.location()? {
            RepositoryLocation::Local(_) if single_writer => {
                Err(Failure::usage("--single-writer is for repositories on S3")
                    .hint("a directory takes any number of writers"))
            }
            RepositoryLocation::Local(path) => {
                Ok(self.decorate_local(LocalStore::create(path)?, Access::Write))
            }
            RepositoryLocation::S3 { bucket, prefix } => {
                let store = self.open_s3(bucket, prefix, single_writer)?;
                Ok(self.decorate(Arc::clone(&store) as _, Some(store), Access::Write))
            }
            other => Err(Failure::usage(format!("{other} is no place that this command can use"))),
        }
    }

    fn open_s3(&self, bucket: &str, prefix: &str, single_writer: bool) -> Outcome<Arc<S3Store>> {
        let mut options = s3::options(bucket, prefix, &self.s3, single_writer)?;
        options.trust = trust::find(self, &options.credentials)?;
        options.stop = self.stop.clone();
        options.waits = Arc::clone(&self.waits) as _;
        options.network_time_max = self.network_time_max;
        let opening = S3Store::open(options, self.store_environment.clone());
        let store = Arc::new(self.drive(opening)?);
        self.requests.watch(&store);
        Ok(store)
    }

    fn decorate_local(&self, store: LocalStore, access: Access) -> OpenStore {
        OpenStore { local: Some(store.clone()), ..self.decorate(Arc::new(store), None, access) }
    }

    fn decorate(&self, store: Arc<dyn Store>, s3: Option<Arc<S3Store>>, access: Access) -> OpenStore {
        let guarded: Arc<dyn Store> = match access {
            Access::Read => Arc::new(ReadOnlyStore::new(store)),
            Access::Write => store,
        };
        let metered = MeterStore::new(guarded);
        let meter = metered.meter();
        let mut store: Arc<dyn Store> = Arc::new(metered);
        if s3.is_none() {
            let retried = RetryStore::new(store, RetryPolicy::default(), self.store_environment.clone());
            store = Arc::new(retried.observed(Arc::clone(&self.waits) as _));
        }
        let limits = Limits {
            calls_max: NonZeroUsize::MAX,
            upload_bytes_per_second_max: self.s3.upload_bytes_per_second_max,
            download_bytes_per_second_max: self.s3.download_bytes_per_second_max,
        };
        if limits.upload_bytes_per_second_max.is_some() || limits.download_bytes_per_second_max.is_some() {
            store = Arc::new(LimitStore::new(store, limits, &self.store_environment));
        }
        store = Arc::new(StopStore::new(store, self.stop.clone()));
        OpenStore { store, s3, local: None, access, meter }
    }

    /// Opens the repository with its catalogue.
    pub(crate) fn open(&self, access: Access) -> Outcome<OpenRepository> {
        let store = self.open_store(access)?;
        let repository = crate::unlock::unlock(self, &store)?;
        self.with_catalog(repository, &store)
    }

    /// Adds the catalogue to an unlocked repository.
    pub(crate) fn with_catalog(&self, repository: Repository, store: &OpenStore) -> Outcome<OpenRepository> {
        let writes = store.access == Access::Write;
        if writes && store.s3.as_ref().is_some_and(|s3| s3.is_single_writer()) {
            self.console.warning(
                "this repository was made for one writer at a time: nothing else may write to it while this command runs",
            );
        }
        let catalog = self.open_catalog(repository.id())?;
        if let Some(s3) = store.s3.as_ref().filter(|_| writes) {
            s3::recall_speed(self, s3, &catalog);
        }
        let repository = match self.configuration.index_memory_bytes {
            Some(bytes) => repository.with_index_chunks_max((bytes / CHUNK_MEMORY_BYTES) as usize),
            None => repository,
        };
        let repository =
            if store.s3.is_some() { self.for_requests(repository, &catalog) } else { repository };
        Ok(OpenRepository { repository, catalog, usage: store.usage(), s3: store.s3.clone() })
    }

    /// Has readers of a repository behind a network make few requests: large ones, and none for what is here already.
    fn for_requests(&self, repository: Repository, catalog: &Catalog) -> Repository {
        let cache_bytes = self.configuration.cache_bytes_max.unwrap_or(CACHE_BYTES_MAX_DEFAULT);
        let cache = BlockCache::beside(catalog, BLOCK_CACHE_BYTES_MAX.min(cache_bytes / BLOCK_CACHE_SHARE));
        let sizes = if self.allowance.is_scarce { FetchSizes::NEAR } else { FetchSizes::FAR };
        repository.with_fetch_sizes(sizes).with_block_cache(cache)
    }

    /// Says whether this host has a catalogue of a repository, as far as a look at the cache directory says it.
    pub(crate) fn has_catalog(&self, repository: RepositoryId) -> bool {
        self.cache_directory.as_ref().is_some_and(|directory| directory.join(repository.to_string()).exists())
    }

    /// Opens the catalogue; where there is no usable cache directory, one that lives as long as the command.
    pub(crate) fn open_catalog(&self, repository: RepositoryId) -> Outcome<Catalog> {
        let Some(directory) = &self.cache_directory else {
            self.console.warning("there is no home directory for the cache; give one with --cache-dir");
            return Ok(Catalog::in_memory(repository)?);
        };
        match Catalog::open(directory, repository) {
            Ok((catalog, opening)) => {
                if let CatalogOpening::Rebuilt { reason } = opening {
                    self.console.notice(&format!("the catalogue is built anew: {reason}"));
                }
                self.bound_cache(directory, repository);
                Ok(catalog)
            }
            Err(error) => {
                let why = reason(&error);
                self.console.warning(&format!("{why}; this run goes on without it, which takes longer"));
                Ok(Catalog::in_memory(repository)?)
            }
        }
    }

    /// Removes catalogues of other repositories if all together are too large.
    fn bound_cache(&self, directory: &Path, used: RepositoryId) {
        let bytes_max = self.configuration.cache_bytes_max.unwrap_or(CACHE_BYTES_MAX_DEFAULT);
        match remove_unused(directory, used, bytes_max, self.environment.clock.now()) {
            Ok(RemovedCatalogues { catalogues: 0, .. }) => {}
            Ok(RemovedCatalogues { catalogues, bytes }) => self.console.notice(&format!(
                "the cache was larger than {} (cache-size): {} of repositories that were not used for long removed, {}",
                text::size(bytes_max),
                text::counted(catalogues, "catalogue"),
                text::size(bytes)
            )),
            Err(error) => tracing::info!(%error, "the cache cannot be kept within its bounds"),
        }
    }

    /// Returns the directory of all catalogues.
    pub(crate) fn cache_directory(&self) -> Option<&Path> {
        self.cache_directory.as_deref()
    }

    /// Returns the directory of the catalogue of a repository.
    pub(crate) fn catalog_directory(&self, repository: RepositoryId) -> Option<PathBuf> {
        self.cache_directory.as_ref().map(|directory| directory.join(repository.to_string()))
    }

    /// Says whether a signal asked to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.environment.cancelled.load(Ordering::Relaxed)
    }
}

/// Warns of snapshots that cannot be read.
pub(crate) fn warn_of_damaged(console: &Console, list: &SnapshotList) {
    for (_, error) in &list.damaged {
        console.warning(&format!("a snapshot cannot be read: {}", reason(error)));
    }
}

impl OpenStore {
    /// Returns what the store was used for, now and later.
    pub(crate) fn usage(&self) -> Usage {
        Usage(Arc::clone(&self.meter))
    }
}

impl OpenRepository {
    /// Reads all snapshots, and warns of those that cannot be read.
    pub(crate) fn snapshots(&mut self, console: &Console) -> Outcome<SnapshotList> {
        let list = snapshots::list(&self.repository, &mut self.catalog)?;
        warn_of_damaged(console, &list);
        Ok(list)
    }

    /// Makes a reader of the chunks of some snapshots that keeps up to `cache_bytes` of opened blocks.
    ///
    /// Snapshots that keep to their own group are read from its packs alone, whatever has become of all others.
    pub(crate) fn reader(
        &mut self,
        console: &Console,
        snapshots: &[&Snapshot],
        cache_bytes: usize,
    ) -> Outcome<ChunkReader> {
        let loaded = load_index(&self.repository, &mut self.catalog, common_group(snapshots))?;
        for (_, error) in &loaded.damaged {
            console.warning(&format!("a pack directory cannot be read: {}", reason(error)));
        }
        let index = Arc::new(RwLock::new(loaded.index));
        Ok(ChunkReader::new(self.repository.clone(), index, cache_bytes))
    }
}

/// Returns the group that holds everything that the snapshots refer to, if there is one.
fn common_group(snapshots: &[&Snapshot]) -> Option<GroupId> {
    let group = snapshots.first()?.origin.group;
    let keeps =
        |snapshot: &&Snapshot| snapshot.origin.dedup == DedupScope::Group && snapshot.origin.group == group;
    snapshots.iter().all(keeps).then_some(group)
}

impl Usage {
    /// Returns the calls, and the bytes that came from the store and went to it.
    pub(crate) fn total(&self) -> MethodUsage {
        self.0.usage().total()
    }

    /// Tells the requests to the store, when much is to be told.
    pub(crate) fn tell(&self, console: &Console) {
        if console.verbosity < Verbosity::Verbose {
            return;
        }
        let usage = self.0.usage();
        let total = usage.total();
        let calls = Method::ALL.iter().map(|method| (method.name(), usage.of_method(*method).calls));
        let calls: Vec<String> =
            calls.filter(|(_, calls)| *calls > 0).map(|(name, calls)| format!("{calls} {name}")).collect();
        console.notice(&format!(
            "requests to the store: {}; {} read, {} written",
            calls.join(", "),
            text::size(total.bytes_read),
            text::size(total.bytes_written)
        ));
    }
}
