//! Forgetting snapshots.

use icecore_format::{
    entry::Time,
    ids::RunId,
    log::HeldSnapshot,
    snapshot::{Snapshot, SnapshotState},
};
use icecore_repo::{error::RepoError, repository::Repository, snapshots};

use crate::error::{PruneError, PruneResult};

/// Marks a complete snapshot as deleted: it is not listed any more, and the next removal of packs condemns
/// what only it needs. `logged` is the hold that the log has of it, if there is one. A snapshot that is
/// deleted already stays so.
///
/// Fails with [`PruneError::Held`] while a hold lasts, and with [`PruneError::NotComplete`] if there is no
/// such snapshot.
pub fn forget(repository: &Repository, run: RunId, logged: Option<&HeldSnapshot>) -> PruneResult<Snapshot> {
    let now = repository.environment().now();
    let forgotten = snapshots::change(repository, run, |snapshot| {
        let completion = match &snapshot.state {
            SnapshotState::Complete(completion) => completion.clone(),
            SnapshotState::Deleted(_) => return Ok(false),
            _ => return Err(PruneError::NotComplete { run }),
        };
        if let Some(hold) = completion.hold.as_ref().filter(|hold| lasts(hold.until_seconds, now)) {
            return Err(PruneError::Held { run, reason: hold.reason.clone() });
        }
        if let Some(hold) = logged.filter(|hold| lasts(hold.until_seconds, now)) {
            return Err(PruneError::Held { run, reason: hold.reason.clone() });
        }
        snapshot.state = SnapshotState::Deleted(completion);
        Ok(true)
    });
    match forgotten {
        Err(PruneError::Repo(RepoError::Store(error))) if error.is_not_found() => {
            Err(PruneError::NotComplete { run })
        }
        forgotten => forgotten,
    }
}

/// Returns whether a hold still lasts.
pub fn lasts(until_seconds: Option<i64>, now: Time) -> bool {
    until_seconds.is_none_or(|until| now.seconds < until)
}

#[cfg(test)]
mod tests;
