//! The hold of a program that reads a snapshot for a long time: it keeps others from forgetting the snapshot.

use std::time::Duration;

use icecore_format::{
    ids::RunId,
    log::cut_text,
    snapshot::{Hold, SnapshotState},
};
use icecore_repo::{error::RepoError, repository::Repository, snapshots};

use crate::{
    error::{PruneError, PruneResult},
    forget::lasts,
};

/// The hold ends by itself after this time: its program may have been killed.
const LASTS: Duration = Duration::from_hours(24);
/// It is extended when less than this time is left.
const EXTENDED_BEFORE: Duration = Duration::from_hours(12);

/// What an attempt to hold a snapshot found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderHoldState {
    /// The hold was placed now, or placed again with a later end.
    Placed {
        /// Its end, in seconds since 1970.
        until_seconds: i64,
    },
    /// The snapshot is held already: by this hold, or by that of somebody else.
    Held,
    /// Somebody has forgotten the snapshot; its data may be removed at any time.
    Forgotten,
}

/// A hold on one snapshot that ends soon unless it is extended. It replaces no other hold that lasts.
///
/// The log does not mention it: it protects from mistakes for some hours, not from attacks.
#[derive(Debug)]
pub struct ReaderHold {
    run: RunId,
    reason: String,
    placed: Option<Hold>,
}

impl ReaderHold {
    /// Prepares a hold for this reason.
    pub fn new(run: RunId, reason: &str) -> Self {
        Self { run, reason: cut_text(reason), placed: None }
    }

    /// Returns the run of the snapshot.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Places the hold, or extends it if its end is near.
    pub fn place(&mut self, repository: &Repository) -> PruneResult<ReaderHoldState> {
        let now = repository.environment().now();
        let until_seconds = now.seconds.saturating_add(seconds(LASTS));
        let next = Hold { until_seconds: Some(until_seconds), reason: self.reason.clone(), placed: now };
        let mut is_own = true;
        let placed = self.placed.as_ref();
        let changed = snapshots::change(repository, self.run, |snapshot| {
            let SnapshotState::Complete(completion) = &mut snapshot.state else {
                return Err(PruneError::NotComplete { run: self.run });
            };
            let found = completion.hold.as_ref().filter(|hold| lasts(hold.until_seconds, now));
            is_own = found.is_none() || found == placed;
            let left = found.and_then(|hold| hold.until_seconds).map(|until| until - now.seconds);
            if !is_own || left.is_some_and(|left| left > seconds(EXTENDED_BEFORE)) {
                return Ok(false);
            }
            completion.hold = Some(next.clone());
            Ok(true)
        });
        let held = match changed {
            Ok(snapshot) => snapshot.completion().and_then(|completion| completion.hold.clone()),
            Err(PruneError::NotComplete { .. }) => return Ok(ReaderHoldState::Forgotten),
            Err(PruneError::Repo(RepoError::Store(error))) if error.is_not_found() => {
                return Ok(ReaderHoldState::Forgotten);
            }
            Err(error) => return Err(error),
        };
        let is_placed = held.as_ref() == Some(&next);
        if is_placed || !is_own {
            self.placed = held.filter(|_| is_own);
        }
        Ok(if is_placed { ReaderHoldState::Placed { until_seconds } } else { ReaderHoldState::Held })
    }

    /// Releases the hold, unless somebody replaced it meanwhile.
    pub fn release(self, repository: &Repository) -> PruneResult<()> {
        let Some(placed) = self.placed else { return Ok(()) };
        snapshots::change(repository, self.run, |snapshot| match &mut snapshot.state {
            SnapshotState::Complete(completion) if completion.hold.as_ref() == Some(&placed) => {
                completion.hold = None;
                Ok(true)
            }
            _ => Ok::<_, PruneError>(false),
        })?;
        Ok(())
    }
}

fn seconds(duration: Duration) -> i64 {
    duration.as_secs().cast_signed()
}

#[cfg(test)]
mod tests;
