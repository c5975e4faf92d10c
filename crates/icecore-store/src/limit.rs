//! Decorator: limits the number of concurrent calls and, optionally, the bytes moved per second.

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
    /// Most concurrent calls.
    pub calls_max: NonZeroUsize,
    /// Most bytes written per second, on average; unlimited if absent.
    pub upload_bytes_per_second_max: Option<NonZeroU64>,
    /// Most bytes read per second, on average; unlimited if absent.
    pub download_bytes_per_second_max: Option<NonZeroU64>,
}

/// Store that delays calls until they fit the limits.
#[derive(Debug)]
pub struct LimitStore {
    inner: Arc<dyn Store>,
    permits: Semaphore,
    upload: Option<ByteRate>,
    download: Option<ByteRate>,
}

impl LimitStore {
    /// Wraps `inner`. Uses the clock and the sleep of the environment, and only if there is a byte rate.
    pub fn new(inner: Arc<dyn Store>, limits: Limits, environment: &Environment) -> Self {
        // Tokio's maximum is as good as no limit.
        let permits = Semaphore::new(limits.calls_max.get().min(Semaphore::MAX_PERMITS));
        let rate = |bytes_per_second: NonZeroU64| ByteRate::new(bytes_per_second, environment.clone());
        let upload = limits.upload_bytes_per_second_max.map(rate);
        let download = limits.download_bytes_per_second_max.map(rate);
        Self { inner, permits, upload, download }
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // Fails only if the semaphore was closed, which never happens.
        self.permits.acquire().await.ok()
    }

    /// Waits until the bytes of earlier gets are paid for: the size of a get is known only afterwards. Every
    /// payment is made before the permit is taken, so that a call that waits for its bytes does not hold up
    /// calls that move none.
    async fn pay_earlier_gets(&self) {
        if let Some(rate) = &self.download {
            rate.pay(0).await;
        }
    }

    fn charge_get(&self, bytes: usize) {
        if let Some(rate) = &self.download {
            rate.charge(bytes);
        }
    }
}

/// Budget of bytes: each byte moves the time at which the next call may start.
#[derive(Debug)]
struct ByteRate {
    bytes_per_second: NonZeroU64,
    environment: Environment,
    /// Monotonic time at which all bytes charged so far are paid for.
    paid_at: Mutex<Duration>,
}

impl ByteRate {
    fn new(bytes_per_second: NonZeroU64, environment: Environment) -> Self {
        Self { bytes_per_second, environment, paid_at: Mutex::default() }
    }

    /// Charges `bytes` and returns how long the earlier charges still take.
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
        self.pay_earlier_gets().await;
        let _permit = self.permit().await;
        let bytes = self.inner.get(key, range).await?;
        self.charge_get(bytes.len());
        Ok(bytes)
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.pay_earlier_gets().await;
        let _permit = self.permit().await;
        let (bytes, version) = self.inner.get_versioned(key).await?;
        self.charge_get(bytes.len());
        Ok((bytes, version))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        if let Some(rate) = &self.upload {
            rate.pay(bytes.len()).await;
        }
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
