//! What the outside world gives besides storage: time, randomness and waiting. Passed in everywhere, so that tests
//! decide them.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

/// Source of time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the wall-clock time.
    fn now(&self) -> SystemTime;
    /// Returns the time since some fixed moment; never goes backwards.
    fn monotonic(&self) -> Duration;
}

/// Source of unpredictable bytes.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `buffer` with unpredictable bytes.
    ///
    /// # Panics
    /// When the operating system cannot give randomness: nothing may be encrypted then.
    fn fill(&self, buffer: &mut [u8]);
}

/// Waits.
#[async_trait]
pub trait Sleep: fmt::Debug + Send + Sync {
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}
