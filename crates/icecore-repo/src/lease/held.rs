//! The object of a run, as the run and the task that refreshes it share it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use icecore_format::{
    ids::RunId,
    layout::snapshot_key,
    snapshot::{Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_store::{
    error::StoreError,
    store::{PutCondition, StoreExt, Version},
};
use tokio::sync::Mutex;

use super::REFRESH_EVERY;
use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// The object of a run. One change at a time is under way.
#[derive(Debug)]
pub(super) struct Held {
    repository: Repository,
    origin: SnapshotOrigin,
    object: Mutex<HeldObject>,
    /// Set when somebody else ended the run.
    is_lost: AtomicBool,
}

#[derive(Debug)]
struct HeldObject {
    version: Version,
    /// The snapshot as it is stored.
    bytes: Vec<u8>,
    /// A refresh that failed: the store may have applied it all the same.
    unconfirmed: Option<Vec<u8>>,
    refreshed: Duration,
    is_pending: bool,
}

impl Held {
    /// Writes the pending snapshot of a run that begins; returns the version of its object, too.
    pub async fn announce(repository: Repository, snapshot: &Snapshot) -> RepoResult<(Self, Version)> {
        let bytes = seal(&repository, snapshot)?;
        let refreshed = repository.environment().monotonic();
        let origin = snapshot.origin.clone();
        let version = put(&repository, origin.run, &bytes, PutCondition::Absent).await?;
        let announced = version.clone();
        let object = HeldObject { version, bytes, unconfirmed: None, refreshed, is_pending: true };
        let held = Self { repository, origin, object: Mutex::new(object), is_lost: AtomicBool::new(false) };
        Ok((held, announced))
    }

    /// Waits until the next look whether a refresh is due.
    pub async fn wait(&self, duration: Duration) {
        self.repository.environment().sleep.limit(duration).await;
    }

    /// Refreshes the object if it is due. Returns when to look again; nothing if there is nothing to refresh
    /// any more.
    pub async fn refresh(&self) -> RepoResult<Option<Duration>> {
        let mut object = self.object.lock().await;
        self.refresh_locked(&mut object).await
    }

    /// Does the same for the run itself, unless the task is just doing it.
    pub async fn refresh_if_idle(&self) -> RepoResult<()> {
        self.proceed()?;
        let Ok(mut object) = self.object.try_lock() else { return Ok(()) };
        self.refresh_locked(&mut object).await.and_then(|_| self.proceed())
    }

    /// Replaces the object by compare-and-swap; ends the refreshes unless the run is still pending then.
    pub async fn replace(&self, next: &Snapshot) -> RepoResult<()> {
        let mut object = self.object.lock().await;
        self.proceed()?;
        let bytes = seal(&self.repository, next)?;
        self.swap(&mut object, bytes).await?;
        object.is_pending = matches!(next.state, SnapshotState::Pending { .. });
        Ok(())
    }

    /// Ends the refreshes, and returns the object as it is stored.
    pub async fn stop(&self) -> (Version, Vec<u8>) {
        let mut object = self.object.lock().await;
        object.is_pending = false;
        (object.version.clone(), object.bytes.clone())
    }

    /// Fails if somebody else ended the run.
    fn proceed(&self) -> RepoResult<()> {
        if self.is_lost.load(Ordering::Relaxed) { Err(RepoError::Fenced) } else { Ok(()) }
    }

    async fn refresh_locked(&self, object: &mut HeldObject) -> RepoResult<Option<Duration>> {
        if !object.is_pending || self.is_lost.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let environment = self.repository.environment();
        let now = environment.monotonic();
        let left = REFRESH_EVERY.saturating_sub(now.saturating_sub(object.refreshed));
        if !left.is_zero() {
            return Ok(Some(left));
        }
        // The same bytes as in an attempt that failed: the store may have them.
        let bytes = if let Some(bytes) = object.unconfirmed.take() {
            bytes
        } else {
            let state = SnapshotState::Pending { refreshed: environment.now() };
            seal(&self.repository, &Snapshot { origin: self.origin.clone(), state })?
        };
        object.unconfirmed = Some(bytes.clone());
        match self.swap(object, bytes).await {
            Ok(()) => {
                object.refreshed = now;
                Ok(Some(REFRESH_EVERY))
            }
            Err(RepoError::Fenced) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an object in place of the known one.
    async fn swap(&self, object: &mut HeldObject, bytes: Vec<u8>) -> RepoResult<()> {
        let run = self.origin.run;
        let mut condition = PutCondition::Version(object.version.clone());
        let mut result = put(&self.repository, run, &bytes, condition).await;
        if let (Err(RepoError::Fenced), Some(refresh)) = (&result, &object.unconfirmed)
            && let Some(version) = version_of(&self.repository, run, refresh).await?
        {
            // Nobody ended the run: the last refresh got there, although its call failed.
            (object.version, object.bytes) = (version, refresh.clone());
            condition = PutCondition::Version(object.version.clone());
            result = put(&self.repository, run, &bytes, condition).await;
        }
        match result {
            Ok(version) => {
                (object.version, object.bytes, object.unconfirmed) = (version, bytes, None);
                Ok(())
            }
            Err(error) => {
                if matches!(error, RepoError::Fenced) {
                    self.is_lost.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }
}

fn seal(repository: &Repository, snapshot: &Snapshot) -> RepoResult<Vec<u8>> {
    Ok(snapshot.seal(repository.keys(), &repository.environment().salt())?)
}

/// Returns the version of the run's object if it has exactly this content.
async fn version_of(repository: &Repository, run: RunId, bytes: &[u8]) -> RepoResult<Option<Version>> {
    let stored = repository.store().get_if_exists(&snapshot_key(run)).await?;
    Ok(stored.filter(|(stored, _)| stored == bytes).map(|(_, version)| version))
}

/// Writes the snapshot object of a run. The store may have written it and lost the reply, so that another
/// attempt does not meet its condition: only another object there says that somebody else ended the run.
pub(super) async fn put(
    repository: &Repository,
    run: RunId,
    bytes: &[u8],
    condition: PutCondition,
) -> RepoResult<Version> {
    match repository.store().put(&snapshot_key(run), Bytes::copy_from_slice(bytes), condition).await {
        Err(
            StoreError::VersionMismatch { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotFound { .. },
        ) => version_of(repository, run, bytes).await?.ok_or(RepoError::Fenced),
        other => Ok(other?),
    }
}
