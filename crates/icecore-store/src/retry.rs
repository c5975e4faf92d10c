//! Decorator: repeats calls after transient errors, and finds the outcome of a change whose answer was lost.

use std::{num::NonZeroU32, ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    environment::Environment,
    error::StoreError,
    method::Method,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
    waits::Waits,
};

mod attempts;
mod patience;

pub use self::{
    attempts::{Attempts, CallMovement, Repetition},
    patience::Patience,
};

/// How often and how long a [`RetryStore`] tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most attempts of one call, including the first one.
    pub attempts_max: NonZeroU32,
    /// Longest time from the start of the first failed attempt to the start of the last one. It also applies
    /// to all calls of a store together, from the first failed attempt after the latest success.
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

/// Store that repeats calls whose errors are transient ([`StoreError::is_transient`]); other errors pass at
/// once.
///
/// A put whose answer was lost may have been applied. If the repeated put then finds the key taken (or
/// changed), the object is read back. If its bytes are those of the put, the put has succeeded. Hence, if a
/// put decides which of several writers wins, the bytes of each writer must be unique (the id of a run in
/// them is enough). If another writer replaces the object between the lost answer and the repetition, the put
/// reports a mismatch although it was applied for a while. A caller that gets a mismatch therefore reads the
/// object again and looks for its own work before it repeats it.
#[derive(Clone, Debug)]
pub struct RetryStore {
    inner: Arc<dyn Store>,
    policy: RetryPolicy,
    repetition: Repetition,
}

impl RetryStore {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, policy: RetryPolicy, environment: Environment) -> Self {
        Self { inner, policy, repetition: Repetition::new(environment) }
    }

    /// Reports waits to `waits`.
    #[must_use]
    pub fn observed(mut self, waits: Arc<dyn Waits>) -> Self {
        self.repetition.waits = waits;
        self
    }

    fn attempts(&self, method: Method, key: &str) -> Attempts<'_> {
        Attempts::start(&self.repetition, &self.policy, method.name(), key, self.inner.location())
    }

    async fn retry<T, Call, Answer>(&self, method: Method, key: &str, call: Call) -> StoreResult<T>
    where
        T: Send,
        Call: Fn() -> Answer + Send,
        Answer: Future<Output = StoreResult<T>> + Send,
    {
        let mut attempts = self.attempts(method, key);
        loop {
            attempts.begin();
            match call().await {
                Err(error) if error.is_transient() => attempts.wait(&self.policy, error).await?,
                result => {
                    attempts.succeeded();
                    return result;
                }
            }
        }
    }

    /// Finds out whether `refused` is the echo of an earlier attempt of the same put whose answer was lost.
    async fn resolve(&self, key: &str, bytes: &Bytes, refused: StoreError) -> StoreResult<Version> {
        match self.get_versioned(key).await {
            Ok((stored, version)) if stored == *bytes => Ok(version),
            // Another writer's object, or no object: the put did not succeed, or was undone since.
            Ok(_) | Err(StoreError::NotFound { .. }) => Err(refused),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Store for RetryStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.retry(Method::Get, key, || self.inner.get(key, range.clone())).await
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.retry(Method::GetVersioned, key, || self.inner.get_versioned(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        let mut attempts = self.attempts(Method::Put, key);
        loop {
            attempts.begin();
            match self.inner.put(key, bytes.clone(), condition.clone()).await {
                Err(error) if error.is_transient() => attempts.wait(&self.policy, error).await?,
                Err(refused @ (StoreError::AlreadyExists { .. } | StoreError::VersionMismatch { .. }))
                    if attempts.failed() > 0 =>
                {
                    return self.resolve(key, &bytes, refused).await;
                }
                result => {
                    attempts.succeeded();
                    return result;
                }
            }
        }
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.retry(Method::Head, key, || self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        self.retry(Method::List, prefix, || self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        self.retry(Method::Delete, key, || self.inner.delete(key, version.clone())).await
    }
}

#[cfg(test)]
mod tests;
