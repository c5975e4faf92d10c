//! The attempts of one call: decides whether to try again, and waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Patience, RetryPolicy};
use crate::{
    environment::Environment,
    error::StoreError,
    stop::Stop,
    store::StoreResult,
    waits::{CallNumber, Unobserved, Wait, WaitState, Waits},
};

/// Numbers for calls. They are unique in the process, so stores can share an observer.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// Values that all calls of one store share when they are repeated.
#[derive(Clone, Debug)]
pub struct Repetition {
    /// Time, randomness and waiting.
    pub environment: Environment,
    /// How long no call has succeeded.
    pub patience: Arc<Patience>,
    /// Observer of the waits.
    pub waits: Arc<dyn Waits>,
    /// Ends all waits.
    pub stop: Stop,
}

impl Repetition {
    /// Creates one that nobody observes and nobody stops.
    pub fn new(environment: Environment) -> Self {
        Self { environment, patience: Arc::default(), waits: Arc::new(Unobserved), stop: Stop::default() }
    }
}

/// Attempts of one call so far. Dropping it ends the call for the observer.
#[derive(Debug)]
pub struct Attempts<'store> {
    repetition: &'store Repetition,
    call: CallNumber,
    wait: Wait,
    /// Longest time in the latest policy.
    total_max: Duration,
    /// When the first failed attempt began.
    failing_since: Option<Duration>,
    attempt_began: Duration,
    failed: u32,
}

impl<'store> Attempts<'store> {
    /// Begins a call that waits for its first attempt.
    pub fn start(
        repetition: &'store Repetition,
        policy: &RetryPolicy,
        operation: &'static str,
        key: &str,
        endpoint: String,
    ) -> Self {
        let now = repetition.environment.clock.monotonic();
        let call = CallNumber(CALLS.fetch_add(1, Ordering::Relaxed));
        let wait = Wait {
            operation,
            key: key.to_owned(),
            endpoint,
            since: now,
            moved: now,
            attempt: 1,
            state: WaitState::Queued,
            gives_up: now.saturating_add(policy.total_max),
            last_error: None,
        };
        repetition.waits.changed(call, &wait);
        let total_max = policy.total_max;
        Self { repetition, call, wait, total_max, failing_since: None, attempt_began: now, failed: 0 }
    }

    /// Records that an attempt begins.
    pub fn begin(&mut self) {
        let now = self.now();
        self.attempt_began = now;
        self.wait.attempt = self.failed.saturating_add(1);
        self.wait.state = WaitState::Attempting;
        self.wait.moved = now;
        self.wait.gives_up = self.deadline(self.total_max);
        self.tell();
    }

    /// Records when bytes last moved in the attempt. If they were useful, the attempt counts as a success,
    /// even if it fails in the end.
    pub fn moved(&mut self, at: Duration, is_of_use: bool) {
        self.attempt_began = self.attempt_began.max(at);
        if is_of_use {
            self.failing_since = None;
            self.repetition.patience.renew();
        }
    }

    /// Returns how many attempts have failed.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Returns how long the call will continue from now, unless something succeeds.
    pub fn left(&self) -> Duration {
        self.deadline(self.total_max).saturating_sub(self.now())
    }

    /// Returns the recorder of byte movements of the call.
    pub fn movement(&self) -> CallMovement {
        CallMovement { waits: Arc::clone(&self.repetition.waits), call: self.call }
    }

    /// Records a proper answer of the server: all calls of the store may wait again.
    pub fn succeeded(&self) {
        self.repetition.patience.renew();
    }

    /// Waits before the next attempt, or returns `error` if there is none.
    pub async fn wait(&mut self, policy: &RetryPolicy, error: StoreError) -> StoreResult<()> {
        self.failed += 1;
        self.failing_since.get_or_insert(self.attempt_began);
        self.repetition.patience.failed(self.attempt_began, self.now());
        self.total_max = policy.total_max;
        let (now, delay, key) = (self.now(), self.delay(policy, &error), self.wait.key.as_str());
        let next = now.saturating_add(delay);
        let elapsed = now.saturating_sub(self.wait.since);
        if self.failed >= policy.attempts_max.get() || next > self.deadline(policy.total_max) {
            tracing::info!(key, attempts = self.failed, ?elapsed, %error, "giving up on a store call");
            return Err(error);
        }
        // The observer and the caller learn of the error, so this is not a warning.
        tracing::info!(key, attempts = self.failed, ?delay, %error, "repeating a store call");
        self.wait.state = WaitState::Pausing { until: next };
        self.wait.gives_up = self.deadline(policy.total_max);
        self.wait.last_error = Some(error.to_string());
        self.tell();
        let pause = self.repetition.environment.sleep.sleep(delay);
        self.repetition
            .stop
            .interrupts(async {
                pause.await;
                Ok(())
            })
            .await
    }

    /// Returns the latest time at which an attempt may begin: neither this call nor all calls together may
    /// fail for longer than `total_max`.
    fn deadline(&self, total_max: Duration) -> Duration {
        let own = self.failing_since.unwrap_or(self.attempt_began);
        let since =
            self.repetition.patience.failing_since(self.attempt_began).map_or(own, |since| since.min(own));
        since.saturating_add(total_max)
    }

    fn now(&self) -> Duration {
        self.repetition.environment.clock.monotonic()
    }

    fn tell(&self) {
        self.repetition.waits.changed(self.call, &self.wait);
    }

    /// Returns the time to wait. It grows exponentially, and its upper half is random, so that many clients
    /// that failed together do not return together.
    fn delay(&self, policy: &RetryPolicy, error: &StoreError) -> Duration {
        let doublings = self.failed.saturating_sub(1).min(31);
        let bound = policy.delay_first.saturating_mul(1 << doublings).min(policy.delay_max);
        let mut random = [0; 4];
        self.repetition.environment.entropy.fill(&mut random);
        let share = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        let delay = bound / 2 + (bound / 2).mul_f64(share);
        match error {
            StoreError::Unavailable { retry_after: Some(asked), .. } => delay.max(*asked),
            _ => delay,
        }
    }
}

impl Drop for Attempts<'_> {
    fn drop(&mut self) {
        self.repetition.waits.ended(self.call);
    }
}

/// Reports byte movements of a call to the observer.
#[derive(Clone, Debug)]
pub struct CallMovement {
    waits: Arc<dyn Waits>,
    call: CallNumber,
}

impl CallMovement {
    /// Records that bytes moved, at a monotonic time of the environment's clock.
    pub fn moved(&self, at: Duration) {
        self.waits.moved(self.call, at);
    }
}
