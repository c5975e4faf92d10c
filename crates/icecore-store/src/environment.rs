//! What the outside world gives besides storage: time, randomness and waiting. Passed in everywhere, so that
//! tests decide them.

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
    /// When the operating system cannot give randomness: nothing may be encrypted then.
    fn fill(&self, buffer: &mut [u8]);
}

/// Waits.
#[async_trait]
pub trait Sleep: fmt::Debug + Send + Sync {
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);

    /// Returns after `duration`, too, but is dropped when something else comes first: it is the limit of what
    /// is under way. Doubles of tests whose sleep returns at once must not take all that is under way for too
    /// slow.
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
    /// Returns the real world's; sleeping needs a tokio runtime with its timer enabled.
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
