//! What the stages of a session's pipeline share: how much they have done, and the first failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

use crate::error::{RepoError, RepoResult};

/// Name of the stage that makes packs, for errors.
pub(super) const PACK_STAGE: &str = "pack";

/// Counters that a progress display may read at any time.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub bytes_stored: AtomicU64,
    pub objects_stored: AtomicU64,
    pub bytes_compressed: AtomicU64,
}

/// The same counters at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountsNow {
    pub bytes_stored: u64,
    pub objects_stored: u64,
    pub bytes_compressed: u64,
}

/// First failure of any stage; everything that works for the session checks it.
///
/// It stays set: chunks that were on their way are lost with it, yet count as present, so nothing may be
/// committed any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<Mutex<FailureState>>);

#[derive(Debug, Default)]
enum FailureState {
    #[default]
    None,
    Unreported(RepoError),
    Reported,
}

impl Failure {
    pub fn set(&self, error: RepoError) {
        let mut state = self.lock();
        if matches!(*state, FailureState::None) {
            *state = FailureState::Unreported(error);
        }
    }

    pub fn is_set(&self) -> bool {
        !matches!(*self.lock(), FailureState::None)
    }

    /// Fails if anything has failed: the first time with the reason, later without it.
    pub fn check(&self) -> RepoResult<()> {
        let mut state = self.lock();
        if matches!(*state, FailureState::None) {
            return Ok(());
        }
        match std::mem::replace(&mut *state, FailureState::Reported) {
            FailureState::Unreported(error) => Err(error),
            _ => Err(RepoError::StageLost { stage: PACK_STAGE }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FailureState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
