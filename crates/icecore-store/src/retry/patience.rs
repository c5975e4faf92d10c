//! How long all calls of a store together go on without a success.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Since when nothing succeeds. All calls of one store share it, so that a server that is down is waited for once, and not once
/// for each call: whoever comes later finds the time used up, until something succeeds.
#[derive(Debug, Default)]
pub struct Patience {
    failing_since: Mutex<Option<Duration>>,
}

impl Patience {
    fn lock(&self) -> MutexGuard<'_, Option<Duration>> {
        self.failing_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something succeeded, or that the server at least answered with data: everybody may wait again.
    pub fn renew(&self) {
        *self.lock() = None;
    }

    /// Notes that an attempt failed that began at a time, and returns since when nothing succeeds.
    pub fn failed(&self, began: Duration) -> Duration {
        *self.lock().get_or_insert(began)
    }

    /// Returns since when nothing succeeds, if something failed since the latest success.
    pub fn failing_since(&self) -> Option<Duration> {
        *self.lock()
    }
}
