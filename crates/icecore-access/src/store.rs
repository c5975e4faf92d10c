//! The store of a repository, with its decorators.

use std::{num::NonZeroUsize, sync::Arc};

use icecore_aws::S3Store;
use icecore_store::{
    LimitStore, LocalStore, MeterStore, ReadOnlyStore, RepositoryLocation, RetryStore, Store, StoreError,
    StoreResult,
    limit::Limits,
    meter::{StoreMeter, StoreUsage},
    retry::RetryPolicy,
    stop::StopStore,
};

use crate::{
    access::RepositoryAccess,
    enclosing,
    error::{AccessError, AccessResult},
    s3, trust,
};

/// Allowed access to the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessMode {
    /// Only read.
    Read,
    /// Read and write.
    Write,
}

/// A store that counts its usage.
#[derive(Clone, Debug)]
pub struct OpenStore {
    /// The store. From the inside to the outside: the directory or bucket; a read-only guard, if only reading
    /// is allowed; a meter; retries (except for S3, which repeats its requests itself), so repeated calls are
    /// counted as often as they are made; limits, if there are any; the request to stop.
    pub store: Arc<dyn Store>,
    /// The S3 store inside, if there is one.
    pub s3: Option<Arc<S3Store>>,
    /// The local store inside, if it is a directory.
    pub local: Option<LocalStore>,
    mode: AccessMode,
    meter: Arc<StoreMeter>,
}

/// Usage of a store.
#[derive(Clone, Debug, Default)]
pub struct Usage(Arc<StoreMeter>);

impl RepositoryAccess {
    /// Opens the store of the repository.
    pub fn open_store(&self, mode: AccessMode) -> AccessResult<OpenStore> {
        Ok(self.try_open_store(mode)??)
    }

    /// Opens the store of the repository; passes errors of the store to the caller.
    pub fn try_open_store(&self, mode: AccessMode) -> AccessResult<StoreResult<OpenStore>> {
        match self.location()? {
            RepositoryLocation::Local(path) => {
                let opened = LocalStore::open(path);
                if matches!(opened, Err(StoreError::Unsupported { .. })) {
                    // The header of a repository is a file `icecore`, where somebody may expect a directory.
                    enclosing::refuse_enclosing_directory(path)?;
                }
                Ok(opened.map(|store| self.decorate_local(store, mode)))
            }
            RepositoryLocation::S3 { bucket, prefix } => {
                let store = self.open_s3(bucket, prefix, false)?;
                Ok(Ok(self.decorate(Arc::clone(&store) as _, Some(store), mode)))
            }
            other => Err(AccessError::UnsupportedLocation { location: other.to_string() }),
        }
    }

    /// Opens the store for a new repository; creates a missing directory, but not a missing bucket.
    pub fn create_store(&self, single_writer: bool) -> AccessResult<OpenStore> {
        match self.location()? {
            RepositoryLocation::Local(_) if single_writer => Err(AccessError::SingleWriterDirectory),
            RepositoryLocation::Local(path) => {
                Ok(self.decorate_local(LocalStore::create(path)?, AccessMode::Write))
            }
            RepositoryLocation::S3 { bucket, prefix } => {
                let store = self.open_s3(bucket, prefix, single_writer)?;
                Ok(self.decorate(Arc::clone(&store) as _, Some(store), AccessMode::Write))
            }
            other => Err(AccessError::UnsupportedLocation { location: other.to_string() }),
        }
    }

    fn open_s3(&self, bucket: &str, prefix: &str, single_writer: bool) -> AccessResult<Arc<S3Store>> {
        let mut options = s3::options(bucket, prefix, &self.s3, single_writer)?;
        options.trust = trust::find(self, &options.credentials)?;
        options.stop = self.machine.stop.clone();
        options.waits = Arc::clone(&self.machine.waits) as _;
        options.network_time_max = self.network_time_max;
        let opening = S3Store::open(options, self.machine.store_environment.clone());
        let store = Arc::new(self.machine.drive(opening)?);
        self.requests.watch(&store);
        Ok(store)
    }

    fn decorate_local(&self, store: LocalStore, mode: AccessMode) -> OpenStore {
        OpenStore { local: Some(store.clone()), ..self.decorate(Arc::new(store), None, mode) }
    }

    fn decorate(&self, store: Arc<dyn Store>, s3: Option<Arc<S3Store>>, mode: AccessMode) -> OpenStore {
        let environment = &self.machine.store_environment;
        let guarded: Arc<dyn Store> = match mode {
            AccessMode::Read => Arc::new(ReadOnlyStore::new(store)),
            AccessMode::Write => store,
        };
        let metered = MeterStore::new(guarded);
        let meter = metered.meter();
        let mut store: Arc<dyn Store> = Arc::new(metered);
        if s3.is_none() {
            let retried = RetryStore::new(store, RetryPolicy::default(), environment.clone());
            store = Arc::new(retried.observed(Arc::clone(&self.machine.waits) as _));
        }
        let limits = Limits {
            calls_max: NonZeroUsize::MAX,
            upload_bytes_per_second_max: self.s3.upload_bytes_per_second_max,
            download_bytes_per_second_max: self.s3.download_bytes_per_second_max,
        };
        if limits.upload_bytes_per_second_max.is_some() || limits.download_bytes_per_second_max.is_some() {
            store = Arc::new(LimitStore::new(store, limits, environment));
        }
        store = Arc::new(StopStore::new(store, self.machine.stop.clone()));
        OpenStore { store, s3, local: None, mode, meter }
    }
}

impl OpenStore {
    /// Returns the allowed access to the repository.
    pub fn mode(&self) -> AccessMode {
        self.mode
    }

    /// Returns the usage of the store, now and later.
    pub fn usage(&self) -> Usage {
        Usage(Arc::clone(&self.meter))
    }
}

impl Usage {
    /// Returns the calls so far, and the bytes received from the store and sent to it.
    pub fn so_far(&self) -> StoreUsage {
        self.0.usage()
    }
}
