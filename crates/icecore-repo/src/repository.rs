//! Creating, finding and unlocking a repository.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use icecore_catalog::BlockCache;
use icecore_format::{
    chunker::Chunker,
    header::{Header, Parameters, PlainHeader},
    ids::RepositoryId,
    keys::{Keys, Secret},
    layout::{HEADER_KEY, KEYS_PREFIX, META_PREFIX},
    limits::RECORD_OBJECT_BYTES_MAX,
    slot::{Credential, PasswordCost, SlotKind},
};
use icecore_store::{
    error::StoreError,
    store::{ObjectInfo, PutCondition, Store, StoreExt},
};
use zeroize::Zeroizing;

use crate::{
    environment::Environment,
    error::{RepoError, RepoResult},
    fetch_sizes::FetchSizes,
    stored_slots::{self, OpenedSlot},
};

/// An unlocked repository, for reading; [`crate::session::WriteSession`] writes.
#[derive(Clone, Debug)]
pub struct Repository {
    store: Arc<dyn Store>,
    environment: Environment,
    keys: Arc<Keys>,
    header: Header,
    slot: String,
    /// If absent, the index decides.
    index_chunks_max: Option<usize>,
    fetch_sizes: FetchSizes,
    block_cache: Option<Arc<BlockCache>>,
    /// Objects that were read to unlock it.
    objects: Arc<[(String, Bytes)]>,
    /// A listing found neither a snapshot nor a record of the log.
    is_empty: Arc<AtomicBool>,
    /// All objects below `meta/` at the time of unlocking, for the first caller that needs them.
    listed: Arc<Mutex<Option<Vec<ObjectInfo>>>>,
}

/// How a new repository is set up.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// Parameters that never change.
    pub parameters: Parameters,
    /// Credential for the first key slot.
    pub credential: Credential,
    /// Cost of the slot if the credential is a password.
    pub cost: PasswordCost,
    /// Label of the slot.
    pub label: String,
    /// Program and version, for the header.
    pub program: String,
}

/// Reads the plain part of the header, which shows whether there is a repository, and which one.
pub fn read_plain_header(store: &Arc<dyn Store>, environment: &Environment) -> RepoResult<PlainHeader> {
    Ok(LockedRepository::find(Arc::clone(store), environment.clone())?.plain)
}

/// A repository whose sealed header has not been opened yet.
#[derive(Clone, Debug)]
pub struct LockedRepository {
    store: Arc<dyn Store>,
    environment: Environment,
    plain: PlainHeader,
    object: Bytes,
    lists_everything: bool,
}

impl LockedRepository {
    /// Finds out which repository a store holds.
    pub fn find(store: Arc<dyn Store>, environment: Environment) -> RepoResult<Self> {
        let mut object = read_header(&store, &environment)?;
        let plain = match PlainHeader::read(&object) {
            // It may have been damaged in transit.
            Err(error) if error.is_corruption() => {
                object = read_header(&store, &environment)?;
                PlainHeader::read(&object)
            }
            read => read,
        };
        let plain = plain.map_err(RepoError::object(HEADER_KEY))?;
        Ok(Self { store, environment, plain, object, lists_everything: false })
    }

    /// Returns the name of the repository.
    pub fn id(&self) -> RepositoryId {
        self.plain.repository
    }

    /// Lists all of `meta/` together with the key slots: a host that does not know the repository yet needs
    /// it next.
    #[must_use]
    pub fn listing_everything(self, lists_everything: bool) -> Self {
        Self { lists_everything, ..self }
    }

    /// Returns the kinds of its key slots; slots that cannot be read are left out.
    pub fn slot_kinds(&self) -> RepoResult<Vec<SlotKind>> {
        stored_slots::kinds(&self.store, &self.environment, self.id())
    }

    /// Unlocks the repository with the first of `credentials` that opens one of its slots.
    pub fn unlock(&self, credentials: &[Credential]) -> RepoResult<Repository> {
        let (store, environment) = (Arc::clone(&self.store), self.environment.clone());
        let prefix = if self.lists_everything { META_PREFIX } else { KEYS_PREFIX };
        let listed = environment.runtime.block_on(store.list(prefix))?;
        let OpenedSlot { keys, id, mut objects } =
            stored_slots::open_any(&store, &environment, self.id(), &listed, credentials)?;
        let keys = Arc::new(keys);
        let header = Header::open(&keys, &self.object).map_err(RepoError::object(HEADER_KEY))?;
        objects.push((HEADER_KEY.to_owned(), self.object.clone()));
        let repository = Repository::assemble(store, environment, keys, header, id);
        let listed = Arc::new(Mutex::new(self.lists_everything.then_some(listed)));
        Ok(Repository { objects: objects.into(), listed, ..repository })
    }
}

fn read_header(store: &Arc<dyn Store>, environment: &Environment) -> RepoResult<Bytes> {
    match environment.runtime.block_on(store.get_at_most(HEADER_KEY, RECORD_OBJECT_BYTES_MAX)) {
        Err(StoreError::NotFound { .. }) => Err(RepoError::NoRepository { location: store.location() }),
        other => Ok(other?),
    }
}

impl Repository {
    fn assemble(
        store: Arc<dyn Store>,
        environment: Environment,
        keys: Arc<Keys>,
        header: Header,
        slot: String,
    ) -> Self {
        Self {
            store,
            environment,
            keys,
            header,
            slot,
            index_chunks_max: None,
            fetch_sizes: FetchSizes::default(),
            block_cache: None,
            objects: Arc::default(),
            is_empty: Arc::default(),
            listed: Arc::default(),
        }
    }

    /// Creates a repository named `repository` with one key slot.
    ///
    /// The slot is written first and the header last, so a crash in between never leaves something that looks
    /// like a repository but cannot be opened.
    pub fn create(
        store: Arc<dyn Store>,
        environment: Environment,
        repository: RepositoryId,
        options: &CreateOptions,
    ) -> RepoResult<Self> {
        match read_plain_header(&store, &environment) {
            Err(RepoError::NoRepository { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(RepoError::RepositoryExists { location: store.location() }),
        }
        Self::create_in_unused(store, environment, repository, options)
    }

    /// Creates a repository like [`Self::create`], if the caller has just seen that there is none. Fails if
    /// another process creates one first, and leaves a key slot that opens nothing.
    pub fn create_in_unused(
        store: Arc<dyn Store>,
        environment: Environment,
        repository: RepositoryId,
        options: &CreateOptions,
    ) -> RepoResult<Self> {
        let mut master = Zeroizing::new([0; 32]);
        environment.entropy.fill(master.as_mut());
        let masters = BTreeMap::from([(0, Secret::new(*master))]);
        let keys = Arc::new(Keys::derive(repository, masters)?);
        let header = Header {
            repository,
            parameters: options.parameters,
            created_seconds: environment.now().seconds,
            program: options.program.clone(),
            read_only: false,
            collections: false,
        };
        let object = header.seal(&keys, &environment.salt())?;
        let slot = stored_slots::write(
            &store,
            &environment,
            &keys,
            &options.credential,
            options.cost,
            &options.label,
        )?;
        let created = Self::assemble(store, environment, keys, header, slot);
        match created.put(HEADER_KEY, object.into(), PutCondition::Absent) {
            Err(RepoError::Store(StoreError::AlreadyExists { .. })) => {
                Err(RepoError::RepositoryExists { location: created.store.location() })
            }
            other => other.map(|_| created),
        }
    }

    /// Unlocks a repository with the first of `credentials` that opens one of its slots.
    pub fn unlock(
        store: Arc<dyn Store>,
        environment: Environment,
        credentials: &[Credential],
    ) -> RepoResult<Self> {
        LockedRepository::find(store, environment)?.unlock(credentials)
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns time, randomness and threads.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the keys.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Returns the repository's name.
    pub fn id(&self) -> RepositoryId {
        self.header.repository
    }

    /// Returns the id of the key slot that opened it.
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// Returns the objects that were read to unlock it, header and key slots, by their keys.
    pub fn objects(&self) -> Arc<[(String, Bytes)]> {
        Arc::clone(&self.objects)
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Makes the repository's chunker.
    pub fn chunker(&self) -> RepoResult<Chunker> {
        Ok(Chunker::new(&self.keys, self.header.parameters.chunker)?)
    }

    /// Sets how many chunks an index keeps in memory when it is loaded; the others stay on disk, if the
    /// catalogue is on disk.
    #[must_use]
    pub fn with_index_chunks_max(self, index_chunks_max: usize) -> Self {
        Self { index_chunks_max: Some(index_chunks_max), ..self }
    }

    /// Notes that a listing found neither a snapshot nor a record of the log.
    pub(crate) fn note_without_snapshots(&self) {
        self.is_empty.store(true, Ordering::Relaxed);
    }

    /// Returns whether a listing found neither a snapshot nor a record of the log, so the repository holds
    /// little.
    pub(crate) fn was_without_snapshots(&self) -> bool {
        self.is_empty.load(Ordering::Relaxed)
    }

    /// Returns all objects below `meta/` at the time of unlocking, if they were listed then; only once.
    pub(crate) fn take_listed(&self) -> Option<Vec<ObjectInfo>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn index_chunks_max(&self) -> Option<usize> {
        self.index_chunks_max
    }

    /// Sets how much readers fetch in one request.
    #[must_use]
    pub fn with_fetch_sizes(self, fetch_sizes: FetchSizes) -> Self {
        Self { fetch_sizes, ..self }
    }

    pub(crate) fn fetch_sizes(&self) -> FetchSizes {
        self.fetch_sizes
    }

    /// Makes readers keep blocks of manifests on this machine.
    #[must_use]
    pub fn with_block_cache(self, cache: Option<BlockCache>) -> Self {
        Self { block_cache: cache.map(Arc::new), ..self }
    }

    pub(crate) fn block_cache(&self) -> Option<&BlockCache> {
        self.block_cache.as_deref()
    }

    /// Returns the same repository behind another store of the same objects: one that may write, or a copy.
    #[must_use]
    pub fn on_store(&self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self.clone() }
    }

    pub(crate) fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> RepoResult<icecore_store::store::Version> {
        Ok(self.environment.runtime.block_on(self.store.put(key, bytes, condition))?)
    }

    /// Fetches many small objects, `concurrency` at a time; the results keep the order of the keys. Content
    /// beyond `bytes_max` is cut off.
    pub(crate) fn get_many(
        &self,
        keys: &[String],
        bytes_max: u64,
        concurrency: usize,
    ) -> Vec<Result<Bytes, StoreError>> {
        use futures_util::{StreamExt, stream};
        let fetches = stream::iter(keys.iter().map(|key| self.store.get_at_most(key, bytes_max)));
        self.environment.runtime.block_on(fetches.buffered(concurrency.max(1)).collect())
    }
}

#[cfg(test)]
mod tests;
