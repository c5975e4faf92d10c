//! The snapshot object of a run in progress: announcement, sign of life, and commit record in one object.

use std::time::Duration;

use bytes::Bytes;
use icecore_format::{
    ids::RunId,
    layout::snapshot_key,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_store::{
    error::StoreError,
    store::{PutCondition, StoreExt, Version},
};

use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// A pending snapshot is refreshed after this much time.
const REFRESH_EVERY: Duration = Duration::from_mins(5);
/// Maximum number of characters of the reason in the snapshot of an aborted run.
const REASON_CHARS_MAX: usize = 1000;

/// A snapshot object, and the version that this run has written.
#[derive(Debug)]
pub struct Lease {
    repository: Repository,
    snapshot: Snapshot,
    version: Version,
    /// The snapshot as it is stored.
    object: Vec<u8>,
    refreshed: Duration,
}

impl Lease {
    /// Writes the pending snapshot of a run that begins.
    pub fn announce(repository: Repository, snapshot: Snapshot) -> RepoResult<Self> {
        let object = snapshot.seal(repository.keys(), &repository.environment().salt())?;
        let refreshed = repository.environment().monotonic();
        let version = put(&repository, snapshot.origin.run, &object, PutCondition::Absent)?;
        Ok(Self { repository, snapshot, version, object, refreshed })
    }

    /// Returns what the run has announced.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the snapshot as it is stored, with the version of its object.
    pub fn stored(&self) -> (&Version, &[u8]) {
        (&self.version, &self.object)
    }

    /// Returns what the run has announced last.
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// Refreshes the object, a sign that the run is alive, if it is due.
    pub fn refresh_if_due(&mut self) -> RepoResult<()> {
        let environment = self.repository.environment();
        let now = environment.monotonic();
        if now.saturating_sub(self.refreshed) < REFRESH_EVERY {
            return Ok(());
        }
        let state = SnapshotState::Pending { refreshed: environment.now() };
        self.refreshed = now;
        self.replace(state)
    }

    /// Changes the state of the snapshot by compare-and-swap.
    pub fn replace(&mut self, state: SnapshotState) -> RepoResult<()> {
        let next = Snapshot { origin: self.snapshot.origin.clone(), state };
        let object = next.seal(self.repository.keys(), &self.repository.environment().salt())?;
        let condition = PutCondition::Version(self.version.clone());
        self.version = put(&self.repository, next.origin.run, &object, condition)?;
        (self.object, self.snapshot) = (object, next);
        Ok(())
    }

    /// Ends the run without a snapshot.
    pub fn abort(&mut self, reason: &str) -> RepoResult<()> {
        self.replace(SnapshotState::Aborted { reason: reason.chars().take(REASON_CHARS_MAX).collect() })
    }

    /// Marks the run as aborted because of `error`, if possible, so that nobody waits for it.
    ///
    /// If the failed call has made the snapshot complete after all, the version of the object differs, and it
    /// stays complete.
    pub fn give_up(&mut self, error: &RepoError) {
        if matches!(error, RepoError::Fenced) {
            return;
        }
        if let Err(second) = self.abort(&error.to_string()) {
            tracing::debug!(error = %second, "the run could not be marked as aborted");
        }
    }
}

/// Writes the snapshot object of a run. The store may have written it and lost the reply, so that another
/// attempt does not meet its condition: only another object there says that somebody else ended the run.
fn put(repository: &Repository, run: RunId, object: &[u8], condition: PutCondition) -> RepoResult<Version> {
    let key = snapshot_key(run);
    match repository.put(&key, Bytes::copy_from_slice(object), condition) {
        Err(RepoError::Store(
            StoreError::VersionMismatch { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotFound { .. },
        )) => {
            let stored = repository.environment().runtime.block_on(repository.store().get_if_exists(&key))?;
            stored.filter(|(bytes, _)| bytes == object).map(|(_, version)| version).ok_or(RepoError::Fenced)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
