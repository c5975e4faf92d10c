//! What the outside world provides besides storage: time, randomness and waiting. They are passed in
//! everywhere, so tests can control them.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

mod doubles;
mod system;

pub use doubles::{InstantSleep, ManualClock, SeededEntropy};
pub use system::{SystemClock, SystemEntropy, TokioSleep};

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
    /// When the operating system cannot provide randomness: nothing may be encrypted then.
    fn fill(&self, buffer: &mut [u8]);
}

/// Waits.
#[async_trait]
pub trait Sleep: fmt::Debug + Send + Sync {
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);

    /// Also returns after `duration`, but is dropped if something else happens first: it limits how long
    /// something may run. In test doubles whose `sleep` returns at once, `limit` must not, or everything
    /// would exceed its limit.
    async fn limit(&self, duration: Duration);
}

/// Time, randomness and waiting together.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Source of time.
    pub clock: Arc<dyn Clock>,
    /// Source of unpredictable bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Waits.
    pub sleep: Arc<dyn Sleep>,
}

impl Environment {
    /// Returns the real clock, randomness and timer; sleeping needs a tokio runtime with its timer enabled.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            sleep: Arc::new(TokioSleep),
        }
    }
}

#[cfg(test)]
mod tests;
