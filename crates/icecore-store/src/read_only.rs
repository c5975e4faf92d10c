//! Decorator: refuses every change.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    error::StoreError,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

/// Store that can be read but not changed, even if the inner store can be.
#[derive(Clone, Debug)]
pub struct ReadOnlyStore {
    inner: Arc<dyn Store>,
}

impl ReadOnlyStore {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl Store for ReadOnlyStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.inner.get(key, range).await
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.inner.get_versioned(key).await
    }

    async fn put(&self, key: &str, _bytes: Bytes, _condition: PutCondition) -> StoreResult<Version> {
        Err(StoreError::ReadOnly { key: key.to_owned() })
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &str, _version: Option<Version>) -> StoreResult<()> {
        Err(StoreError::ReadOnly { key: key.to_owned() })
    }
}

#[cfg(test)]
mod tests;
