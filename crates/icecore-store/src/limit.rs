//! Decorator: bounds how many calls are under way at once and, if wanted, how many bytes move in a second.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    environment::Environment,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

/// Bounds of a [`LimitStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most calls under way at once.
    pub calls_max: NonZeroUsize,
    /// Most bytes a second, read and written together, on average; no bound if absent.
    pub bytes_per_second_max: Option<NonZeroU64>,
}

/// Store that holds calls back until they fit the limits.
#[derive(Debug)]
pub struct LimitStore {
    inner: Arc<dyn Store>,
    permits: Semaphore,
    rate: Option<ByteRate>,
}

impl LimitStore {
    /// Wraps `inner`; of the environment, the clock and the sleep are used, and only if there is a byte rate.
    pub fn new(inner: Arc<dyn Store>, limits: Limits, environment: Environment) -> Self {
        // A larger number than tokio's own limit is as good as none.
        let permits = Semaphore::new(limits.calls_max.get().min(Semaphore::MAX_PERMITS));
        let rate =
            limits.bytes_per_second_max.map(|bytes_per_second| ByteRate::new(bytes_per_second, environment));
        Self { inner, permits, rate }
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // Fails only when the semaphore was closed, which nobody does.
        self.permits.acquire().await.ok()
    }

    /// Waits until earlier bytes are paid for, then charges `bytes`. Done before the permit is taken, so that a
    /// call that waits for its bytes does not hold up calls that move none.
    async fn pay(&self, bytes: usize) {
        if let Some(rate) = &self.rate {
            rate.pay(bytes).await;
        }
    }

    fn charge(&self, bytes: usize) {
        if let Some(rate) = &self.rate {
            rate.charge(bytes);
        }
    }
}

/// Budget of bytes: each byte moves the time at which the next call may start.
#[derive(Debug)]
struct ByteRate {
    bytes_per_second: NonZeroU64,
    environment: Environment,
    /// Monotonic time at which everything charged so far is paid for.
    paid_at: Mutex<Duration>,
}

impl ByteRate {
    fn new(bytes_per_second: NonZeroU64, environment: Environment) -> Self {
        Self { bytes_per_second, environment, paid_at: Mutex::default() }
    }

    /// Charges `bytes` and returns how long the charges before them still take.
    fn charge(&self, bytes: usize) -> Duration {
        let nanoseconds =
            u128::from(self.bytes_per_second.get()).saturating_sub(1) + bytes as u128 * 1_000_000_000;
        let nanoseconds = nanoseconds / u128::from(self.bytes_per_second.get());
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let now = self.environment.clock.monotonic();
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = now.max(*paid_at);
        *paid_at = start.saturating_add(cost);
        start.saturating_sub(now)
    }

    async fn pay(&self, bytes: usize) {
        let wait = self.charge(bytes);
        if !wait.is_zero() {
            self.environment.sleep.sleep(wait).await;
        }
    }
}

#[async_trait]
impl Store for LimitStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        // How much a get brings is known only afterwards; the next call then waits for it.
        self.pay(0).await;
        let _permit = self.permit().await;
        let bytes = self.inner.get(key, range).await?;
        self.charge(bytes.len());
        Ok(bytes)
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.pay(0).await;
        let _permit = self.permit().await;
        let (bytes, version) = self.inner.get_versioned(key).await?;
        self.charge(bytes.len());
        Ok((bytes, version))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        self.pay(bytes.len()).await;
        let _permit = self.permit().await;
        self.inner.put(key, bytes, condition).await
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        let _permit = self.permit().await;
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let _permit = self.permit().await;
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let _permit = self.permit().await;
        self.inner.delete(key, version).await
    }
}

#[cfg(test)]
mod tests;
