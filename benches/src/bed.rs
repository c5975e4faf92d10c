//! A repository for the benches.

use std::{collections::BTreeMap, sync::Arc};

use icecore_catalog::Catalog;
use icecore_format::{
    header::Parameters,
    ids::{RepositoryId, RunId},
    keys::{Keys, Secret},
    slot::{Credential, PasswordCost},
};
use icecore_repo::{
    environment::Environment,
    manifest::ManifestRoot,
    repository::{CreateOptions, Repository},
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
};
use icecore_store::{
    environment::{Clock, SystemClock, SystemEntropy, TokioSleep},
    memory::MemoryStore,
    store::Store,
};

const REPOSITORY: RepositoryId = RepositoryId([1; 16]);

/// Name of the run of packs that are made by hand.
pub const RUN: RunId = RunId([2; 16]);

/// A repository in memory with a key file.
#[derive(Debug)]
pub struct Bed {
    /// The repository.
    pub repository: Repository,
    runtime: tokio::runtime::Runtime,
}

/// Returns the content of the key file of every bed.
pub fn key_file_secret() -> Secret {
    Secret::new([4; 32])
}

/// Returns keys, the same in each run.
///
/// # Panics
/// Never: the first key exists.
pub fn keys() -> Keys {
    let keys = Keys::derive(REPOSITORY, BTreeMap::from([(0, Secret::new([3; 32]))]));
    let Ok(keys) = keys else { panic!("the first key is there") };
    keys
}

impl Bed {
    /// Makes an empty repository with the default parameters, with `threads` threads.
    ///
    /// # Panics
    /// When threads cannot be started.
    pub fn new(threads: usize) -> Self {
        Self::on(Arc::new(MemoryStore::new(Arc::new(SystemClock::new()))), threads)
    }

    /// Makes an empty repository in a store.
    ///
    /// # Panics
    /// When threads cannot be started.
    pub fn on(store: Arc<dyn Store>, threads: usize) -> Self {
        Self::with_clock(store, threads, Arc::new(SystemClock::new()))
    }

    /// Makes an empty repository in a store, with its own clock.
    ///
    /// # Panics
    /// When threads cannot be started.
    #[expect(clippy::expect_used, reason = "without a repository there is nothing to measure")]
    pub fn with_clock(store: Arc<dyn Store>, threads: usize, clock: Arc<dyn Clock>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads are there");
        let workers = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let environment = Environment {
            clock,
            entropy: Arc::new(SystemEntropy),
            sleep: Arc::new(TokioSleep),
            runtime: runtime.handle().clone(),
            workers: Arc::new(workers.expect("threads are there")),
            cancelled: Arc::default(),
        };
        let options = CreateOptions {
            parameters: Parameters::default(),
            credential: Credential::KeyFile(key_file_secret()),
            cost: PasswordCost::default(),
            label: String::new(),
            program: "bench".to_owned(),
        };
        let repository = Repository::create(store, environment, REPOSITORY, &options);
        Self { repository: repository.expect("an empty store takes a repository"), runtime }
    }

    /// Returns an empty catalogue in memory.
    ///
    /// # Panics
    /// When there is no memory.
    #[expect(clippy::expect_used, reason = "without a catalogue there is nothing to measure")]
    pub fn catalog(&self) -> Catalog {
        Catalog::in_memory(self.repository.id()).expect("memory is there")
    }

    /// Begins a session with the default options.
    ///
    /// # Panics
    /// When the repository is not usable.
    #[expect(clippy::expect_used, reason = "without a session there is nothing to measure")]
    pub fn session<'c>(&self, catalog: &'c mut Catalog) -> WriteSession<'c> {
        let origin = SessionOrigin::first_full("source", "host", b"/source", "bench");
        WriteSession::begin(self.repository.clone(), catalog, origin, WriteOptions::default())
            .expect("the store is in memory")
    }

    /// Ends a session with a snapshot.
    ///
    /// # Panics
    /// When the repository is not usable.
    #[expect(clippy::expect_used, reason = "without a snapshot there is nothing to measure")]
    pub fn commit(&self, session: WriteSession<'_>, root: &ManifestRoot) {
        let report = CommitReport::default();
        session.commit(root, &report).expect("the store is in memory");
    }

    /// Waits for a call of the store.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }
}
