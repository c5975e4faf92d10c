//! Limits concurrent requests: the limit decreases when the server asks to slow down, and increases again
//! when it does not.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use icecore_store::environment::Clock;
use tokio::sync::Notify;

/// Shortest time between two reductions: answers to requests that were running at the first one prove nothing
/// new.
const REDUCTION_INTERVAL: Duration = Duration::from_secs(1);

/// Gate with additive increase and multiplicative decrease, like TCP.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    freed: Notify,
    requests_max: usize,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct State {
    running: usize,
    limit: usize,
    /// Successes since the limit was last changed.
    successes: usize,
    reduced_at: Option<Duration>,
}

impl Gate {
    pub(crate) fn new(requests_max: NonZeroUsize, clock: Arc<dyn Clock>) -> Self {
        let requests_max = requests_max.get();
        let state = State { running: 0, limit: requests_max, successes: 0, reduced_at: None };
        Self { state: Mutex::new(state), freed: Notify::new(), requests_max, clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another request may be made.
    pub(crate) async fn enter(&self) -> Permit<'_> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.lock();
                if state.running < state.limit {
                    state.running += 1;
                    return Permit { gate: self };
                }
            }
            freed.await;
        }
    }

    /// Records that the server answered as usual.
    pub(crate) fn succeeded(&self) {
        let mut state = self.lock();
        if state.limit < self.requests_max {
            state.successes += 1;
            if state.successes >= state.limit {
                state.successes = 0;
                state.limit += 1;
                self.freed.notify_one();
            }
        }
    }

    /// Records that the server asked to slow down.
    pub(crate) fn slowed(&self) {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if state.reduced_at.is_some_and(|at| now.saturating_sub(at) < REDUCTION_INTERVAL) {
            return;
        }
        state.reduced_at = Some(now);
        state.successes = 0;
        state.limit = (state.limit / 2).max(1);
        tracing::info!(requests_max = state.limit, "the server asks to slow down");
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        self.lock().limit
    }
}

/// Permission for one request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'gate> {
    gate: &'gate Gate,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.gate.lock().running -= 1;
        self.gate.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
