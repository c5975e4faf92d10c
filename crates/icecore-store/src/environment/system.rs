//! The real clock, randomness and timer: the only module that takes them from the system.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

use super::{Clock, Entropy, Sleep};

/// The system's clocks.
#[derive(Clone, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Creates a clock whose monotonic time begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness that everybody else is given")]
    fn fill(&self, buffer: &mut [u8]) {
        let result = getrandom::fill(buffer);
        assert!(
            result.is_ok(),
            "the operating system gives no randomness, nothing may be encrypted: {result:?}"
        );
    }
}

/// Waits on the timer of the caller's tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioSleep;

#[async_trait]
impl Sleep for TokioSleep {
    #[expect(clippy::disallowed_methods, reason = "this is the waiting that everybody else is given")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn limit(&self, duration: Duration) {
        self.sleep(duration).await;
    }
}
