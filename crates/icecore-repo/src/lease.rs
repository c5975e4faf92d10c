//! The snapshot object of a run in progress: announcement, sign of life, and commit record in one object.

mod held;

use std::{sync::Arc, time::Duration};

use icecore_format::snapshot::{Snapshot, SnapshotState};
use icecore_store::store::Version;
use tokio::task::AbortHandle;

use self::held::Held;
use crate::{
    error::{RepoError, RepoResult},
    repository::Repository,
};

/// A pending snapshot is refreshed after this much time.
const REFRESH_EVERY: Duration = Duration::from_mins(5);
/// After a refresh that failed, the next attempt follows after this much time.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// Maximum number of characters of the reason in the snapshot of an aborted run.
const REASON_CHARS_MAX: usize = 1000;

/// A snapshot object that this run has written.
///
/// A task refreshes the object as long as the run is pending, whatever the run is doing: it may be loading
/// the index, waiting for uploads, or reading a slow source. The task ends with the lease.
#[derive(Debug)]
pub struct Lease {
    repository: Repository,
    /// As the run wrote it last; refreshes only change the time in it.
    snapshot: Snapshot,
    /// Version of the object as it was announced.
    announced: Version,
    held: Arc<Held>,
    task: AbortHandle,
}

impl Lease {
    /// Writes the pending snapshot of a run that begins.
    pub fn announce(repository: Repository, snapshot: Snapshot) -> RepoResult<Self> {
        let runtime = repository.environment().runtime.clone();
        let (held, announced) = runtime.block_on(Held::announce(repository.clone(), &snapshot))?;
        let held = Arc::new(held);
        let task = runtime.spawn(keep(Arc::clone(&held))).abort_handle();
        Ok(Self { repository, snapshot, announced, held, task })
    }

    /// Returns what the run has announced.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the version of the object as it was announced.
    pub fn announced(&self) -> &Version {
        &self.announced
    }

    /// Ends the refreshes, and returns the snapshot as it is stored, with the version of its object.
    pub fn stop(&self) -> (Version, Vec<u8>) {
        self.repository.environment().runtime.block_on(self.held.stop())
    }

    /// Returns what the run has announced last.
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot.clone()
    }

    /// Refreshes the object, a sign that the run is alive, if it is due and the task is not just doing it.
    /// Fails with [`RepoError::Fenced`] if the task has found that somebody else ended the run.
    pub fn refresh_if_due(&mut self) -> RepoResult<()> {
        self.repository.environment().runtime.block_on(self.held.refresh_if_idle())
    }

    /// Changes the state of the snapshot by compare-and-swap. A run that is not pending afterwards is not
    /// refreshed any more.
    pub fn replace(&mut self, state: SnapshotState) -> RepoResult<()> {
        let next = Snapshot { origin: self.snapshot.origin.clone(), state };
        self.repository.environment().runtime.block_on(self.held.replace(&next))?;
        self.snapshot = next;
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

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Refreshes the object whenever it is due, until the run has ended.
///
/// A failure is no reason to end the run: the object only has to be refreshed once in many hours.
async fn keep(held: Arc<Held>) {
    let mut wait = REFRESH_EVERY;
    loop {
        held.wait(wait).await;
        wait = match held.refresh().await {
            Ok(Some(wait)) => wait,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "the snapshot of this run could not be refreshed; it is tried again");
                RETRY_AFTER
            }
        };
    }
}

#[cfg(test)]
mod tests;
