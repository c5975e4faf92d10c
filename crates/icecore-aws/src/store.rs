//! The store: a prefix in a bucket, and the known properties of its server.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_store::{
    Environment, ObjectInfo, PutCondition, Store, StoreResult, Version,
    key::{check_key, check_prefix},
};

use crate::{
    client::{self, Connection},
    endpoint::{aws_endpoint, is_access_point},
    location::S3Location,
    metadata::{SINGLE_WRITER, is_for_single_writer},
    options::S3Options,
    requester::Requester,
    usage::RequestMeter,
};

/// A prefix in a bucket of S3, or of a compatible server, as a store.
///
/// It repeats its requests itself (decision 0009), so do not wrap it in a `RetryStore`.
pub struct S3Store {
    pub(crate) requester: Requester,
    pub(crate) options: Arc<S3Options>,
    pub(crate) location: Arc<S3Location>,
    pub(crate) environment: Environment,
    is_encrypted: bool,
    single_writer: AtomicBool,
    pub(crate) has_uploaded_in_parts: AtomicBool,
    /// One connection was too slow for a large object, …
    pub(crate) is_slow: AtomicBool,
    /// … and that was known before.
    is_expected_slow: AtomicBool,
    /// The server compares `ETag`s without their quotes.
    pub(crate) has_bare_etags: AtomicBool,
    /// The server derives the `ETag` of an object from something other than its bytes.
    pub(crate) has_other_etags: AtomicBool,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("S3Store").field("location", &self.location.text()).finish_non_exhaustive()
    }
}

impl S3Store {
    /// Opens a prefix in a bucket. Makes no request to the bucket; only the first request shows whether it
    /// can be used.
    pub async fn open(options: S3Options, environment: Environment) -> Self {
        let Connection { client, region, endpoint_url, is_encrypted } = client::connect(&options).await;
        let location = S3Location::new(&options, region, endpoint_url, environment.clone());
        let (options, location) = (Arc::new(options), Arc::new(location));
        let requester =
            Requester::new(client, Arc::clone(&options), Arc::clone(&location), environment.clone());
        Self {
            requester,
            location,
            is_encrypted,
            single_writer: AtomicBool::new(options.single_writer),
            has_uploaded_in_parts: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
            is_expected_slow: AtomicBool::new(false),
            has_bare_etags: AtomicBool::new(false),
            has_other_etags: AtomicBool::new(false),
            options,
            environment,
        }
    }

    /// Returns the counts of requests, which continue to change.
    pub fn meter(&self) -> Arc<RequestMeter> {
        self.requester.meter()
    }

    /// Returns the region for which requests are signed.
    pub fn region(&self) -> &str {
        &self.location.region
    }

    /// Returns whether requests go to an access point, which does not answer questions about its bucket.
    pub(crate) fn is_access_point(&self) -> bool {
        is_access_point(&self.location.bucket)
    }

    /// Returns whether any object has been uploaded in parts so far.
    pub fn has_uploaded_in_parts(&self) -> bool {
        self.has_uploaded_in_parts.load(Ordering::Relaxed)
    }

    /// Returns whether one connection was too slow for a large object, so later ones are uploaded in parts.
    pub fn has_slow_connections(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// Uploads large objects in parts from the first one on, because an earlier command found slow
    /// connections.
    pub fn expect_slow_connections(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
        self.is_expected_slow.store(true, Ordering::Relaxed);
    }

    /// Returns whether that was known before.
    pub fn expected_slow_connections(&self) -> bool {
        self.is_expected_slow.load(Ordering::Relaxed)
    }

    /// Returns whether a request has failed recently, and none has succeeded since.
    pub fn is_failing(&self) -> bool {
        self.requester.is_failing()
    }

    /// Returns the URL of the server if it is not S3 itself.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.location.endpoint_url.as_deref()
    }

    /// Returns the region of Amazon's S3 that answers, and whose prices apply; nothing if it is another
    /// server.
    pub fn aws_region(&self) -> Option<&str> {
        let is_other = self.location.endpoint_url.as_deref().is_some_and(|url| aws_endpoint(url).is_none());
        (!is_other).then_some(self.location.region.as_str())
    }

    /// Returns whether only a single writer is allowed: either by the options, or because an object that was
    /// read says so about its repository.
    pub fn is_single_writer(&self) -> bool {
        self.single_writer.load(Ordering::Relaxed)
    }

    /// Returns whether the bodies of requests need not be signed, because TLS protects them and their
    /// checksum is signed.
    pub(crate) fn may_skip_signing(&self) -> bool {
        self.is_encrypted
    }

    /// Returns the metadata of every object of a repository for a single writer.
    pub(crate) fn writer_metadata(&self) -> Option<(&'static str, &'static str)> {
        self.is_single_writer().then_some(SINGLE_WRITER)
    }

    /// Learns from the metadata of an object whether the repository is for a single writer.
    pub(crate) fn learn_from(&self, metadata: &HashMap<String, String>) {
        if is_for_single_writer(metadata) {
            self.single_writer.store(true, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl Store for S3Store {
    fn location(&self) -> String {
        self.location.text()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        check_key(key)?;
        Ok(self.read(key, range).await?.0)
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        check_key(key)?;
        self.read(key, None).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        check_key(key)?;
        self.write(key, bytes, condition).await
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        check_key(key)?;
        Ok(self.look(key).await?.info)
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        check_prefix(prefix)?;
        self.list_all(prefix).await
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        check_key(key)?;
        self.remove(key, version).await
    }
}

#[cfg(test)]
mod tests;
