//! The store: a place in a bucket, and how requests to it are repeated.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;
use icecore_store::{
    Environment, ObjectInfo, PutCondition, Store, StoreResult, Version,
    key::{check_key, check_prefix},
    retry::Repetition,
};

use crate::{
    action::Action,
    client::{self, Connection},
    endpoint::{aws_endpoint, is_access_point},
    gate::Gate,
    location::S3Location,
    metadata::{SINGLE_WRITER, is_for_single_writer},
    options::S3Options,
    usage::{RequestCount, RequestMeter},
};

/// The SDK's client, which keeps the credentials.
#[derive(Clone)]
struct CurrentClient {
    client: Client,
    /// How many were there before it.
    renewals: u64,
}

/// A place in a bucket of S3, or of a server that is like it, as a store.
///
/// It repeats its requests itself (decision 0009), so it is not to be put into a `RetryStore`.
pub struct S3Store {
    client: RwLock<CurrentClient>,
    /// Held by whoever makes a new client.
    renewal: tokio::sync::Mutex<()>,
    pub(crate) options: S3Options,
    pub(crate) location: S3Location,
    pub(crate) environment: Environment,
    pub(crate) repetition: Repetition,
    is_encrypted: bool,
    meter: Arc<RequestMeter>,
    pub(crate) gate: Gate,
    /// The server has answered at least once, …
    pub(crate) is_reached: AtomicBool,
    /// … and at least once in a way that only S3 and servers like it do.
    pub(crate) is_proven: AtomicBool,
    single_writer: AtomicBool,
    pub(crate) has_uploaded_in_parts: AtomicBool,
    /// One connection was too slow for a large object, …
    pub(crate) is_slow: AtomicBool,
    /// … and that was known before.
    is_expected_slow: AtomicBool,
    /// The server compares an `ETag` without its quotes.
    pub(crate) has_bare_etags: AtomicBool,
    /// The server makes the `ETag` of an object from something else than its bytes.
    pub(crate) has_other_etags: AtomicBool,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("S3Store").field("location", &self.location.text()).finish_non_exhaustive()
    }
}

impl S3Store {
    /// Opens a place in a bucket. Makes no request to the bucket; whether it can be used shows with the first one.
    pub async fn open(options: S3Options, environment: Environment) -> Self {
        let Connection { client, region, endpoint_url, is_encrypted } = client::connect(&options).await;
        let location = S3Location::new(&options, region, endpoint_url, environment.clone());
        let repetition = Repetition {
            environment: environment.clone(),
            patience: Arc::default(),
            waits: Arc::clone(&options.waits),
            stop: options.stop.clone(),
        };
        Self {
            repetition,
            client: RwLock::new(CurrentClient { client, renewals: 0 }),
            renewal: tokio::sync::Mutex::default(),
            location,
            is_encrypted,
            meter: Arc::default(),
            gate: Gate::new(options.requests_max, Arc::clone(&environment.clock)),
            is_reached: AtomicBool::new(false),
            is_proven: AtomicBool::new(false),
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

    /// Returns the client.
    pub(crate) fn client(&self) -> Client {
        self.current_client().client
    }

    fn current_client(&self) -> CurrentClient {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how often the client was renewed.
    pub(crate) fn renewals(&self) -> u64 {
        self.current_client().renewals
    }

    /// Makes a new client, which fetches the credentials anew, unless somebody has done so since `renewals` was read. Credentials
    /// without a time of expiry (in a profile that a tool writes again and again) are kept for ever otherwise.
    pub(crate) async fn renew_client(&self, renewals: u64) {
        let _renewing = self.renewal.lock().await;
        if self.current_client().renewals != renewals {
            return;
        }
        let Connection { client, .. } = client::connect(&self.options).await;
        let renewed = CurrentClient { client, renewals: renewals + 1 };
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = renewed;
    }

    /// Returns the counts of requests, which go on counting.
    pub fn meter(&self) -> Arc<RequestMeter> {
        Arc::clone(&self.meter)
    }

    /// Returns the region that requests are signed for.
    pub fn region(&self) -> &str {
        &self.location.region
    }

    /// Says whether requests go to an access point, which answers nothing about the bucket behind it.
    pub(crate) fn is_access_point(&self) -> bool {
        is_access_point(&self.location.bucket)
    }

    /// Says whether any object has been uploaded in parts so far.
    pub fn has_uploaded_in_parts(&self) -> bool {
        self.has_uploaded_in_parts.load(Ordering::Relaxed)
    }

    /// Says whether one connection was too slow for a large object, so that those that follow go in parts.
    pub fn has_slow_connections(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// Has large objects go in parts from the first one on: an earlier command found that its connections are slow.
    pub fn expect_slow_connections(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
        self.is_expected_slow.store(true, Ordering::Relaxed);
    }

    /// Says whether that was known before.
    pub fn expected_slow_connections(&self) -> bool {
        self.is_expected_slow.load(Ordering::Relaxed)
    }

    /// Says whether something failed lately, and nothing has succeeded since.
    pub fn is_failing(&self) -> bool {
        let now = self.environment.clock.monotonic();
        self.repetition.patience.failing_since(now).is_some()
    }

    /// Returns the URL of the server if it is not S3's own.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.location.endpoint_url.as_deref()
    }

    /// Returns the region of Amazon's S3 that answers, and whose prices hold; nothing if the server is another one.
    pub fn aws_region(&self) -> Option<&str> {
        let is_other = self.location.endpoint_url.as_deref().is_some_and(|url| aws_endpoint(url).is_none());
        (!is_other).then_some(self.location.region.as_str())
    }

    /// Says whether only one writer may be at work: because the options say so, or because an object that was read says
    /// that the repository was made so.
    pub fn is_single_writer(&self) -> bool {
        self.single_writer.load(Ordering::Relaxed)
    }

    /// Says whether the bodies of requests need not be signed, because TLS protects them and their checksum is signed.
    pub(crate) fn may_skip_signing(&self) -> bool {
        self.is_encrypted
    }

    /// Returns metadata that every object of a repository for a single writer carries.
    pub(crate) fn writer_metadata(&self) -> Option<(&'static str, &'static str)> {
        self.is_single_writer().then_some(SINGLE_WRITER)
    }

    /// Learns from an object's metadata what the repository was made for.
    pub(crate) fn learn_from(&self, metadata: &HashMap<String, String>) {
        if is_for_single_writer(metadata) {
            self.single_writer.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a request that is about to be made.
    pub(crate) fn count(&self, action: Action, class: &str, bytes_sent: u64) {
        self.meter.add(action.class(), class, RequestCount { requests: 1, bytes_sent, bytes_received: 0 });
    }

    /// Counts bytes that came for an earlier request.
    pub(crate) fn count_received(&self, class: &str, bytes_received: u64) {
        let count = RequestCount { requests: 0, bytes_sent: 0, bytes_received };
        self.meter.add(Action::Get.class(), class, count);
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
