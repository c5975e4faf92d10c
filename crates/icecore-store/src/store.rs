//! The `Store` trait: what Icecore asks of a place that keeps objects.

use std::{fmt, ops::Range, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;

/// Result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Name of one state of one object (an S3 `ETag`, or the store's own counterpart); opaque, compared for
/// equality only.
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
/// - keys are non-empty, relative, `/`-separated, of the characters `A-Z a-z 0-9 . _ -`, without empty, `.`
///   or `..` parts; at most [`crate::key::KEY_BYTES_MAX`] long, each part at most
///   [`crate::key::PART_BYTES_MAX`]; other keys give [`StoreError::InvalidKey`];
/// - no key is a directory of another: where `a/b` is an object, `a` is none (a local directory cannot hold
///   both);
/// - `put` is atomic: readers see the whole object or none, and a failed put leaves no object under the key;
///   when it returns, the object is durable (for local directories: synced, and its directory entry too);
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

    /// Lists the objects whose key begins with `prefix` (empty, or a valid key with a `/` behind it, else
    /// [`StoreError::InvalidKey`]), sorted by key as bytes; foreign files whose names are not valid keys are
    /// left out.
    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>>;

    /// Deletes an object, if `version` is given only in that state; deleting what is not there is no error.
    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()>;
}

/// What callers often want of a [`Store`], made of its own calls.
#[async_trait]
pub trait StoreExt: Store {
    /// Writes an object that must not exist yet.
    async fn create(&self, key: &str, bytes: Bytes) -> StoreResult<Version> {
        self.put(key, bytes, PutCondition::Absent).await
    }

    /// Replaces an object that must be in the state `version`.
    async fn replace(&self, key: &str, bytes: Bytes, version: Version) -> StoreResult<Version> {
        self.put(key, bytes, PutCondition::Version(version)).await
    }

    /// Returns an object's bytes, cut off behind the first `bytes_max`: whoever writes to the store decides
    /// how long an object is, and not how much memory it takes to read it.
    async fn get_at_most(&self, key: &str, bytes_max: u64) -> StoreResult<Bytes> {
        match self.get(key, Some(0..bytes_max)).await {
            // No range begins in an empty object.
            Err(StoreError::InvalidRange { size: 0, .. }) => Ok(Bytes::new()),
            other => other,
        }
    }

    /// Returns an object's bytes and version, or nothing if it does not exist.
    async fn get_if_exists(&self, key: &str) -> StoreResult<Option<(Bytes, Version)>> {
        match self.get_versioned(key).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says whether there is an object under the key.
    async fn exists(&self, key: &str) -> StoreResult<bool> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
