//! How long all calls of a store together continue without a success.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// After this long without a failure, the next failure is a new one: no calls were made meanwhile.
const QUIET_TIME: Duration = Duration::from_mins(5);

/// Since when no call has succeeded. All calls of one store share it, so they wait for a server that is down
/// only once, not once for each call: later calls find the time used up until a call succeeds.
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

    /// Records a success, or an answer that brought at least a part: all calls may wait again.
    pub fn renew(&self) {
        *self.lock() = None;
    }

    /// Records that an attempt failed, with the times of its beginning and end.
    pub fn failed(&self, began: Duration, ended: Duration) {
        let mut failures = self.lock();
        let since =
            failures.filter(|earlier| earlier.is_recent(began)).map_or(began, |earlier| earlier.since);
        *failures = Some(Failures { since, latest: ended });
    }

    /// Returns since when no call has succeeded, for an attempt that begins at `began`; nothing if no call
    /// failed recently.
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
