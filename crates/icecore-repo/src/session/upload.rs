//! Uploads finished packs, several at a time; the directory of a pack follows when the pack is durable.

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use crossbeam_channel::Sender;
use icecore_format::{
    directory::PackDirectory,
    keys::Keys,
    layout::{directory_key, pack_key},
    pack::FinishedPack,
    seal::ObjectKind,
};
use icecore_store::{
    error::StoreError,
    store::{PutCondition, Store},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    buffers::Buffers,
    error::{RepoError, RepoResult},
    repository::Repository,
    session::stages::{Counts, Failure},
};

const STAGE: &str = "upload";
/// Maximum number of concurrent uploads, whatever the options say.
const UPLOADS_MAX: usize = 1 << 10;

pub(super) struct Uploader {
    runtime: Handle,
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    permits: Arc<Semaphore>,
    uploads_max: u32,
    uploaded: Sender<PackDirectory>,
    counts: Arc<Counts>,
    failure: Failure,
    /// Buffers of data packs that have been uploaded.
    buffers: Buffers,
}

impl Uploader {
    pub fn new(
        repository: &Repository,
        uploads_max: NonZeroUsize,
        uploaded: Sender<PackDirectory>,
        counts: Arc<Counts>,
        failure: Failure,
    ) -> Self {
        let uploads_max = uploads_max.get().min(UPLOADS_MAX);
        Self {
            runtime: repository.environment().runtime.clone(),
            store: Arc::clone(repository.store()),
            keys: Arc::clone(repository.keys()),
            permits: Arc::new(Semaphore::new(uploads_max)),
            uploads_max: uploads_max as u32,
            uploaded,
            counts,
            failure,
            buffers: Buffers::default(),
        }
    }

    /// Returns an empty buffer for a pack.
    pub fn buffer(&self, kind: ObjectKind) -> Vec<u8> {
        if kind == ObjectKind::Data { self.buffers.take() } else { Vec::new() }
    }

    /// Returns the permits; when they are closed, nobody waits for uploads any more.
    pub fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    /// Starts the upload of a pack and then of its directory; waits while too many uploads are in progress.
    pub fn upload(&self, pack: FinishedPack, directory_object: Vec<u8>) -> RepoResult<()> {
        let permit = self.runtime.block_on(Arc::clone(&self.permits).acquire_owned());
        let permit = permit.map_err(|_| RepoError::StageLost { stage: STAGE })?;
        let (store, keys, uploaded) =
            (Arc::clone(&self.store), Arc::clone(&self.keys), self.uploaded.clone());
        let (counts, buffers) = (Arc::clone(&self.counts), self.buffers.clone());
        let unfinished = Unfinished { failure: Some(self.failure.clone()), _permit: permit };
        let task = self.runtime.spawn(async move {
            let FinishedPack { bytes, directory } = pack;
            let bytes = Bytes::from(bytes);
            let stored = put_both(store.as_ref(), &keys, bytes.clone(), directory_object.into(), &directory);
            match stored.await {
                Ok(stored) => {
                    // Reused, unless the store keeps the bytes.
                    if directory.kind == ObjectKind::Data
                        && let Ok(bytes) = bytes.try_into_mut()
                    {
                        buffers.give_back(bytes.into());
                    }
                    counts.bytes_stored.fetch_add(stored, Ordering::Relaxed);
                    counts.objects_stored.fetch_add(2, Ordering::Relaxed);
                    // The receiver is closed only if the session has ended.
                    drop(uploaded.send(directory));
                    unfinished.succeeded();
                }
                Err(error) => unfinished.failed(error),
            }
        });
        // Callers wait for the permit, so the handle of the task is not needed.
        drop(task);
        Ok(())
    }

    /// Returns when no upload is in progress.
    pub fn wait_for_all(&self) {
        // Fails only if the session has ended.
        drop(self.runtime.block_on(self.permits.acquire_many(self.uploads_max)));
    }
}

/// An upload with an unknown result. If it never reports a result (its task panicked, or the runtime ended),
/// it counts as failed: otherwise the session would commit a snapshot without its pack.
struct Unfinished {
    failure: Option<Failure>,
    /// Given back when the result is known, not earlier.
    _permit: OwnedSemaphorePermit,
}

impl Unfinished {
    fn succeeded(mut self) {
        self.failure = None;
    }

    fn failed(mut self, error: RepoError) {
        if let Some(failure) = self.failure.take() {
            failure.set(error);
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            failure.set(RepoError::StageLost { stage: STAGE });
        }
    }
}

async fn put_both(
    store: &dyn Store,
    keys: &Keys,
    pack: Bytes,
    directory_object: Bytes,
    directory: &PackDirectory,
) -> RepoResult<u64> {
    let stored = (pack.len() + directory_object.len()) as u64;
    let key = pack_key(directory.kind, directory.group, directory.pack);
    store.put(&key, pack, PutCondition::Absent).await?;
    put_directory(store, keys, directory, directory_object).await?;
    Ok(stored)
}

/// Writes the directory of a pack. If another run of this host has meanwhile written it, from the pack's own
/// copy, that is fine.
pub(super) async fn put_directory(
    store: &dyn Store,
    keys: &Keys,
    directory: &PackDirectory,
    object: Bytes,
) -> RepoResult<()> {
    let key = directory_key(directory.pack);
    match store.put(&key, object, PutCondition::Absent).await {
        Err(error @ StoreError::AlreadyExists { .. }) => {
            let found = store.get(&key, None).await?;
            match PackDirectory::open(keys, directory.pack, &found) {
                Ok(found) if found == *directory => Ok(()),
                _ => Err(error.into()),
            }
        }
        other => Ok(other.map(drop)?),
    }
}
