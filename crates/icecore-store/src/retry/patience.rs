//! How long all calls of a store together go on without a success.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Behind so long a time without a failure the next one is another one: nothing was asked meanwhile.
const QUIET_TIME: Duration = Duration::from_mins(5);

/// Since when nothing succeeds. All calls of one store share it, so that a server that is down is waited for
/// once, and not once for each call: whoever comes later finds the time used up, until something succeeds.
#[derive(Debug, Default)]
pub struct Patience {
    failures: Mutex<Option<Failures>>,
}

/// Failures without a success between them.
#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Duration,
    latest: Duration,
}

impl Patience {
    fn lock(&self) -> MutexGuard<'_, Option<Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something succeeded, or that an answer brought at least a part: everybody may wait again.
    pub fn renew(&self) {
        *self.lock() = None;
    }

    /// Notes that an attempt that began at a time failed at another.
    pub fn failed(&self, began: Duration, ended: Duration) {
        let mut failures = self.lock();
        let since =
            failures.filter(|earlier| earlier.is_recent(began)).map_or(began, |earlier| earlier.since);
        *failures = Some(Failures { since, latest: ended });
    }

    /// Returns since when nothing succeeds, for an attempt that begins at a time; nothing if nothing failed
    /// lately.
    pub fn failing_since(&self, began: Duration) -> Option<Duration> {
        self.lock().filter(|failures| failures.is_recent(began)).map(|failures| failures.since)
    }
}

impl Failures {
    fn is_recent(self, began: Duration) -> bool {
        began.saturating_sub(self.latest) < QUIET_TIME
    }
}

#[cfg(test)]
mod tests;
