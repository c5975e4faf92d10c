//! What a store waits for, reported to whoever shows it.
//!
//! A store reports each call that it repeats: when an attempt begins, when bytes move, when it pauses before
//! the next attempt, and when the call ends. It decides nothing about what is shown.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Number of a call; no other call that is reported to the same observer at the same time has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(pub u64);

/// What happens to a call at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitState {
    /// It waits until fewer other requests are under way.
    Queued,
    /// An attempt was begun, and its end is waited for.
    Attempting,
    /// The latest attempt failed; the next one begins at this time.
    Pausing {
        /// Monotonic time of the environment's clock.
        until: Duration,
    },
}

/// A call of a store that is under way. All times are monotonic times of the environment's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Name of the call (`get`, `put`, …).
    pub operation: &'static str,
    /// Key of the call; a prefix for listings.
    pub key: String,
    /// Where the server is: a URL, or the location of the store.
    pub endpoint: String,
    /// When the call began.
    pub since: Duration,
    /// When something last moved: a byte in either direction, or the beginning of the latest attempt.
    pub moved: Duration,
    /// Number of the latest attempt, beginning with 1.
    pub attempt: u32,
    /// What happens at the moment.
    pub state: WaitState,
    /// When the call is given up, unless something succeeds before. An attempt that is under way then may end
    /// a little later.
    pub gives_up: Duration,
    /// Why the previous attempt failed.
    pub last_error: Option<String>,
}

/// Learns what a store waits for. Called from many tasks at once, so it returns soon.
pub trait Waits: fmt::Debug + Send + Sync {
    /// Notes that a call began, or that its state or attempt changed.
    fn changed(&self, call: CallNumber, wait: &Wait);
    /// Notes that bytes of a call moved, at a time.
    fn moved(&self, call: CallNumber, at: Duration);
    /// Notes that a call ended: it succeeded, failed for good, or was dropped.
    fn ended(&self, call: CallNumber);
}

/// Observer for stores whose waits nobody wants to see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Waits for Unobserved {
    fn changed(&self, _: CallNumber, _: &Wait) {}
    fn moved(&self, _: CallNumber, _: Duration) {}
    fn ended(&self, _: CallNumber) {}
}

/// Observer that keeps the calls that are under way, for whoever looks at them from time to time.
#[derive(Debug, Default)]
pub struct WaitList {
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    under_way: BTreeMap<CallNumber, Wait>,
    moved: Duration,
}

impl WaitList {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the calls that are under way, in the order in which they began.
    pub fn under_way(&self) -> Vec<Wait> {
        self.lock().under_way.values().cloned().collect()
    }

    /// Returns when bytes of any call last moved. Together with an old [`Wait::moved`] of a call it shows
    /// whether everything stands still, or only this call.
    pub fn last_moved(&self) -> Duration {
        self.lock().moved
    }
}

impl Waits for WaitList {
    fn changed(&self, call: CallNumber, wait: &Wait) {
        self.lock().under_way.insert(call, wait.clone());
    }

    fn moved(&self, call: CallNumber, at: Duration) {
        let mut calls = self.lock();
        calls.moved = calls.moved.max(at);
        if let Some(wait) = calls.under_way.get_mut(&call) {
            wait.moved = wait.moved.max(at);
        }
    }

    fn ended(&self, call: CallNumber) {
        self.lock().under_way.remove(&call);
    }
}

#[cfg(test)]
mod tests;
