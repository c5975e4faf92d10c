//! A request to stop: a flag to check, and an event to wait for.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    error::StoreError,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

/// A request to stop, which tasks can check or wait for. Clones share one request.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
    changed: Arc<Notify>,
}

impl Stop {
    /// Requests a stop; this cannot be undone.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Returns whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Returns the flag for code that only checks it. Setting it wakes no task: use [`Self::request`] for
    /// that.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.requested)
    }

    /// Returns as soon as a stop is requested.
    pub async fn requested(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_requested() {
                return;
            }
            changed.await;
        }
    }

    /// Returns the result of `work`, or [`StoreError::Interrupted`] as soon as a stop is requested; `work` is
    /// then dropped.
    pub async fn interrupts<T>(&self, work: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        tokio::select! {
            biased;
            () = self.requested() => Err(StoreError::Interrupted),
            result = work => result,
        }
    }
}

/// Decorator: ends every running call as soon as a stop is requested.
#[derive(Clone, Debug)]
pub struct StopStore {
    inner: Arc<dyn Store>,
    stop: Stop,
}

impl StopStore {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, stop: Stop) -> Self {
        Self { inner, stop }
    }
}

#[async_trait]
impl Store for StopStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.stop.interrupts(self.inner.get(key, range)).await
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.stop.interrupts(self.inner.get_versioned(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        self.stop.interrupts(self.inner.put(key, bytes, condition)).await
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.stop.interrupts(self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        self.stop.interrupts(self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        self.stop.interrupts(self.inner.delete(key, version)).await
    }
}

#[cfg(test)]
mod tests;
