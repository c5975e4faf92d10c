//! The `Store` trait: what Icecore asks of a place that keeps objects.

use std::{fmt, ops::Range, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;

/// Result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Name of one state of one object (an S3 ETag, or the store's own counterpart); opaque, compared for equality only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// What is known about an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Key of the object, relative to the repository's root, `/`-separated.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// State of the object at the time of the call.
    pub version: Version,
    /// When the object was written, by the store's own clock.
    pub modified: SystemTime,
}

/// Condition of a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutCondition {
    /// The key must not exist (`If-None-Match: *`); else [`StoreError::AlreadyExists`].
    Absent,
    /// The object must be in this state (`If-Match`); else [`StoreError::VersionMismatch`].
    Version(Version),
}

/// An object store: keys to immutable bytes, with single-key compare-and-swap.
///
/// Contract, proved for each implementation by [`crate::conformance`]:
/// - keys are non-empty, relative, `/`-separated, of the characters `A-Z a-z 0-9 . _ -`, without empty, `.` or `..` parts;
///   other keys give [`StoreError::InvalidKey`];
/// - `put` is atomic: readers see the whole object or none, and a failed put leaves no object under the key; when it
///   returns, the object is durable (for local directories: synced, and its directory entry too);
/// - reads and lists after a successful put or delete see it (strong consistency);
/// - every method may be called from many tasks at once; clones of an `Arc` share one store.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns where the store is, for messages; never contains a secret.
    fn location(&self) -> String;

    /// Returns an object's bytes, or those of `range`; fails with [`StoreError::NotFound`].
    ///
    /// A range that ends beyond the object gives what there is; one that begins at or beyond its end gives
    /// [`StoreError::InvalidRange`].
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes>;

    /// Returns an object's bytes together with the version that they are of.
    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)>;

    /// Writes a whole object if `condition` holds and returns its version.
    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version>;

    /// Returns what is known about an object; fails with [`StoreError::NotFound`].
    async fn head(&self, key: &str) -> StoreResult<ObjectInfo>;

    /// Lists the objects whose key begins with `prefix` (empty, or ending in `/`), sorted by key as bytes; foreign
    /// files whose names are not valid keys are left out.
    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>>;

    /// Deletes an object, if `version` is given only in that state; deleting what is not there is no error.
    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()>;
}
