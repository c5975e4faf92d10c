//! Decorator: makes calls again that failed for now, and finds out how a change ended whose answer was lost.

use std::{num::NonZeroU32, ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    environment::Environment,
    error::StoreError,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

/// After how many failed attempts of a call the user is told that it is repeated: a few seconds with the usual policy.
const TOLD_ATTEMPTS: u32 = 5;

/// How often and how long a [`RetryStore`] tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most attempts of one call, the first one included.
    pub attempts_max: NonZeroU32,
    /// Longest time from the first attempt to the beginning of the last one.
    pub total_max: Duration,
    /// Upper bound of the wait after the first attempt; it doubles with each further one.
    pub delay_first: Duration,
    /// Upper bound of every wait, unless the store itself asks for a longer one.
    pub delay_max: Duration,
}

impl Default for RetryPolicy {
    /// Returns 10 attempts within 5 minutes, waiting 200 ms at first and 30 s at most.
    fn default() -> Self {
        Self {
            attempts_max: const { NonZeroU32::new(10).unwrap() },
            total_max: Duration::from_mins(5),
            delay_first: Duration::from_millis(200),
            delay_max: Duration::from_secs(30),
        }
    }
}

/// Store that repeats calls whose errors are transient ([`StoreError::is_transient`]); other errors pass at once.
///
/// A put whose answer was lost may have been applied. When the repeated put then finds the key taken (or changed), the
/// object is read back, and if its bytes are those of the put, the put has succeeded. Hence, where a put decides who of
/// several writers wins, each writer's bytes must be its own (a run's id in them is enough). And where somebody else
/// replaces the object between the lost answer and the repetition, the put reports a mismatch although it was applied for
/// a while: who is told of a mismatch reads the object again and looks for its own work before it repeats it.
#[derive(Clone, Debug)]
pub struct RetryStore {
    inner: Arc<dyn Store>,
    policy: RetryPolicy,
    environment: Environment,
}

impl RetryStore {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, policy: RetryPolicy, environment: Environment) -> Self {
        Self { inner, policy, environment }
    }

    async fn retry<T, Call, Answer>(&self, key: &str, call: Call) -> StoreResult<T>
    where
        T: Send,
        Call: Fn() -> Answer + Send,
        Answer: Future<Output = StoreResult<T>> + Send,
    {
        let mut attempts = Attempts::start(&self.policy, &self.environment);
        loop {
            match call().await {
                Err(error) if error.is_transient() => attempts.wait(key, error).await?,
                result => return result,
            }
        }
    }

    /// Finds out whether `refused` is the echo of an earlier attempt of the same put, whose answer was lost.
    async fn resolve(&self, key: &str, bytes: &Bytes, refused: StoreError) -> StoreResult<Version> {
        match self.get_versioned(key).await {
            Ok((stored, version)) if stored == *bytes => Ok(version),
            // Somebody else's object, or none any more: the put did not succeed, or was undone since.
            Ok(_) | Err(StoreError::NotFound { .. }) => Err(refused),
            Err(error) => Err(error),
        }
    }
}

/// Attempts of one call so far: decides whether there may be another one, and waits for it.
#[derive(Debug)]
pub struct Attempts<'policy> {
    policy: &'policy RetryPolicy,
    environment: &'policy Environment,
    started: Duration,
    made: u32,
}

impl<'policy> Attempts<'policy> {
    /// Begins to count.
    pub fn start(policy: &'policy RetryPolicy, environment: &'policy Environment) -> Self {
        Self { policy, environment, started: environment.clock.monotonic(), made: 0 }
    }

    /// Returns how many attempts have failed.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Waits before the next attempt, or gives `error` back if there may be none.
    pub async fn wait(&mut self, key: &str, error: StoreError) -> StoreResult<()> {
        self.made += 1;
        let delay = self.delay(&error);
        let elapsed = self.environment.clock.monotonic().saturating_sub(self.started);
        let policy = self.policy;
        if self.made >= policy.attempts_max.get() || elapsed.saturating_add(delay) > policy.total_max {
            tracing::warn!(key, attempts = self.made, ?elapsed, %error, "giving up on a store call");
            return Err(error);
        }
        if self.made < TOLD_ATTEMPTS {
            tracing::info!(key, attempts = self.made, ?delay, %error, "repeating a store call");
        } else {
            tracing::warn!(key, attempts = self.made, ?delay, %error, "repeating a store call");
        }
        self.environment.sleep.sleep(delay).await;
        Ok(())
    }

    /// Returns the time to wait: exponential, of which the upper half is left to chance so that many clients that
    /// failed together do not come back together.
    fn delay(&self, error: &StoreError) -> Duration {
        let policy = self.policy;
        let doublings = self.made.saturating_sub(1).min(31);
        let bound = policy.delay_first.saturating_mul(1 << doublings).min(policy.delay_max);
        let mut random = [0; 4];
        self.environment.entropy.fill(&mut random);
        let share = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        let delay = bound / 2 + (bound / 2).mul_f64(share);
        match error {
            StoreError::Unavailable { retry_after: Some(asked), .. } => delay.max(*asked),
            _ => delay,
        }
    }
}

#[async_trait]
impl Store for RetryStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.retry(key, || self.inner.get(key, range.clone())).await
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.retry(key, || self.inner.get_versioned(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        let mut attempts = Attempts::start(&self.policy, &self.environment);
        loop {
            match self.inner.put(key, bytes.clone(), condition.clone()).await {
                Err(error) if error.is_transient() => attempts.wait(key, error).await?,
                Err(refused @ (StoreError::AlreadyExists { .. } | StoreError::VersionMismatch { .. }))
                    if attempts.made > 0 =>
                {
                    return self.resolve(key, &bytes, refused).await;
                }
                result => return result,
            }
        }
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.retry(key, || self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        self.retry(prefix, || self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        self.retry(key, || self.inner.delete(key, version.clone())).await
    }
}

#[cfg(test)]
mod tests;
