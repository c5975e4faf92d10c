//! Test doubles for this crate and the crates above: time that the test moves, numbers from a seed, and
//! waiting that is only recorded.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Clock, Entropy, Sleep};
use crate::xorshift::Xorshift;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No change is left half-done under these locks, so a panic elsewhere does not spoil the value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Times {
    wall: SystemTime,
    monotonic: Duration,
}

/// Clock that stands still until the test moves it.
#[derive(Debug)]
pub struct ManualClock {
    times: Mutex<Times>,
}

impl ManualClock {
    /// Creates a clock that shows `wall`, with a monotonic time of zero.
    pub fn new(wall: SystemTime) -> Self {
        Self { times: Mutex::new(Times { wall, monotonic: Duration::ZERO }) }
    }

    /// Advances both times.
    ///
    /// # Panics
    /// If the time exceeds the range of the types, which is a mistake in the test.
    pub fn advance(&self, duration: Duration) {
        let mut times = lock(&self.times);
        times.wall += duration;
        times.monotonic += duration;
    }

    /// Sets the wall clock, also to the past, as an administrator or a time server may; monotonic time
    /// continues.
    pub fn set(&self, wall: SystemTime) {
        lock(&self.times).wall = wall;
    }
}

impl Default for ManualClock {
    /// Creates a clock that shows 2026-01-01 00:00 UTC, 20,454 days after the epoch.
    fn default() -> Self {
        Self::new(SystemTime::UNIX_EPOCH + Duration::from_hours(20_454 * 24))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        lock(&self.times).wall
    }

    fn monotonic(&self) -> Duration {
        lock(&self.times).monotonic
    }
}

/// Returns the same bytes for the same seed and the same calls; predictable, for tests only.
#[derive(Debug)]
pub struct SeededEntropy {
    generator: Mutex<Xorshift>,
}

impl SeededEntropy {
    /// Creates a source whose bytes depend only on `seed`.
    pub fn new(seed: u64) -> Self {
        Self { generator: Mutex::new(Xorshift::new(seed)) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut generator = lock(&self.generator);
        for piece in buffer.chunks_mut(8) {
            let bytes = generator.next().to_le_bytes();
            piece.copy_from_slice(&bytes[..piece.len()]);
        }
    }
}

/// Returns at once and records the duration of each wait. Limits expire only when the test says so.
#[derive(Debug, Default)]
pub struct InstantSleep {
    recorded: Mutex<Vec<Duration>>,
    clock: Option<Arc<ManualClock>>,
    /// Limits that are still running, by number.
    limits: Mutex<(u64, BTreeMap<u64, Duration>)>,
    expired: Notify,
}

/// Removes a limit from the list when it is dropped.
struct Limited<'sleep>(&'sleep InstantSleep, u64);

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        lock(&self.0.limits).1.remove(&self.1);
    }
}

impl InstantSleep {
    /// Creates one that does not move any clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates one that advances `clock` by each duration.
    pub fn advancing(clock: Arc<ManualClock>) -> Self {
        Self { clock: Some(clock), ..Self::default() }
    }

    /// Returns the durations so far, in the order of the calls.
    pub fn recorded(&self) -> Vec<Duration> {
        lock(&self.recorded).clone()
    }

    /// Returns the longest limit that is still running.
    pub fn limit_of_the_slowest(&self) -> Option<Duration> {
        lock(&self.limits).1.values().max().copied()
    }

    /// Makes all running limits expire: advances the clock by the longest one.
    pub fn expire(&self) {
        if let (Some(clock), Some(limit)) = (&self.clock, self.limit_of_the_slowest()) {
            clock.advance(limit);
        }
        self.expired.notify_waiters();
    }
}

#[async_trait]
impl Sleep for InstantSleep {
    async fn sleep(&self, duration: Duration) {
        lock(&self.recorded).push(duration);
        if let Some(clock) = &self.clock {
            clock.advance(duration);
        }
        // Real waiting lets other tasks run; a loop that only sleeps must not starve them here, either.
        tokio::task::yield_now().await;
    }

    async fn limit(&self, duration: Duration) {
        // Before the limit can be seen: who sees it may make it expire at once.
        let expired = self.expired.notified();
        let _limited = {
            let (numbers, limits) = &mut *lock(&self.limits);
            *numbers += 1;
            limits.insert(*numbers, duration);
            Limited(self, *numbers)
        };
        expired.await;
    }
}
