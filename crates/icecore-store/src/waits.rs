//! Reports what a store waits for.
//!
//! A store reports each call that it repeats: when an attempt begins, when bytes move, when it pauses before
//! the next attempt, and when the call ends. It does not decide what is shown.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Number of a call, unique among all calls that are reported to the same observer at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(pub u64);

/// Current state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitState {
    /// It waits until fewer other requests are running.
    Queued,
    /// An attempt is running.
    Attempting,
    /// The latest attempt failed; the next one begins at this time.
    Pausing {
        /// Monotonic time of the environment's clock.
        until: Duration,
    },
}

/// A running call of a store. All times are monotonic times of the environment's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Name of the call (`get`, `put`, …).
    pub operation: &'static str,
    /// Key of the call; a prefix for a listing.
    pub key: String,
    /// Address of the server: a URL, or the location of the store.
    pub endpoint: String,
    /// When the call began.
    pub since: Duration,
    /// When bytes last moved in either direction, or when the latest attempt began.
    pub moved: Duration,
    /// Number of the latest attempt, from 1.
    pub attempt: u32,
    /// Current state.
    pub state: WaitState,
    /// When the call is given up, unless something succeeds before. An attempt that is running then may end a
    /// little later.
    pub gives_up: Duration,
    /// Why the previous attempt failed.
    pub last_error: Option<String>,
}

/// Observer of what a store waits for. Called from many tasks at once, so it must return quickly.
pub trait Waits: fmt::Debug + Send + Sync {
    /// Records that a call began, or that its state or attempt changed.
    fn changed(&self, call: CallNumber, wait: &Wait);
    /// Records when bytes of a call moved.
    fn moved(&self, call: CallNumber, at: Duration);
    /// Records that a call ended: it succeeded, failed for good, or was dropped.
    fn ended(&self, call: CallNumber);
}

/// Observer that ignores all waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Waits for Unobserved {
    fn changed(&self, _: CallNumber, _: &Wait) {}
    fn moved(&self, _: CallNumber, _: Duration) {}
    fn ended(&self, _: CallNumber) {}
}

/// Observer that keeps the running calls in a list, to be looked at from time to time.
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

    /// Returns the running calls, in the order in which they began.
    pub fn under_way(&self) -> Vec<Wait> {
        self.lock().under_way.values().cloned().collect()
    }

    /// Returns when bytes of any call last moved. Together with an old [`Wait::moved`] of a call, this shows
    /// whether all calls are stalled or only this one.
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
