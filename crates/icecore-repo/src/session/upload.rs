//! Uploads finished packs, a few at a time; a pack's directory follows when the pack is durable.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use crossbeam_channel::Sender;
use icecore_format::{
    directory::PackDirectory,
    layout::{directory_key, pack_key},
    pack::FinishedPack,
};
use icecore_store::store::{PutCondition, Store};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
    session::packer::{Counts, Failure},
};

const STAGE: &str = "upload";

pub(super) struct Uploader {
    runtime: Handle,
    store: Arc<dyn Store>,
    permits: Arc<Semaphore>,
    uploads_max: u32,
    uploaded: Sender<PackDirectory>,
    counts: Arc<Counts>,
    failure: Failure,
}

impl Uploader {
    pub fn new(
        repository: &Repository,
        uploads_max: usize,
        uploaded: Sender<PackDirectory>,
        counts: Arc<Counts>,
        failure: Failure,
    ) -> Self {
        Self {
            runtime: repository.environment().runtime.clone(),
            store: Arc::clone(repository.store()),
            permits: Arc::new(Semaphore::new(uploads_max.max(1))),
            uploads_max: uploads_max.max(1) as u32,
            uploaded,
            counts,
            failure,
        }
    }

    /// Starts the upload of a pack and then of its directory; waits while too many are on their way.
    pub fn upload(&self, pack: FinishedPack, directory_object: Vec<u8>) -> RepoResult<()> {
        let permit = self.runtime.block_on(Arc::clone(&self.permits).acquire_owned());
        let permit = permit.map_err(|_| RepoError::StageLost { stage: STAGE })?;
        let (store, uploaded) = (Arc::clone(&self.store), self.uploaded.clone());
        let (counts, failure) = (Arc::clone(&self.counts), self.failure.clone());
        let task = self.runtime.spawn(async move {
            let FinishedPack { bytes, directory } = pack;
            match put_both(store.as_ref(), bytes.into(), directory_object.into(), &directory).await {
                Ok(stored) => {
                    counts.bytes_stored.fetch_add(stored, Ordering::Relaxed);
                    counts.objects_stored.fetch_add(2, Ordering::Relaxed);
                    // Nobody listens any more only when the session is gone.
                    drop(uploaded.send(directory));
                }
                Err(error) => failure.set(error),
            }
            drop(permit);
        });
        // The permit is what is waited for; the task's own handle is not needed.
        drop(task);
        Ok(())
    }

    /// Returns when no upload is on its way.
    pub fn wait_for_all(&self) {
        // Fails only when the semaphore is closed, which nobody does.
        drop(self.runtime.block_on(self.permits.acquire_many(self.uploads_max)));
    }
}

async fn put_both(
    store: &dyn Store,
    pack: Bytes,
    directory_object: Bytes,
    directory: &PackDirectory,
) -> RepoResult<u64> {
    let stored = (pack.len() + directory_object.len()) as u64;
    let key = pack_key(directory.kind, directory.group, directory.pack);
    store.put(&key, pack, PutCondition::Absent).await?;
    store.put(&directory_key(directory.pack), directory_object, PutCondition::Absent).await?;
    Ok(stored)
}
