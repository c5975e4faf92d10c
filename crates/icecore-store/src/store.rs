//! The `Store` trait: what Icecore requires of object storage.

use std::{fmt, ops::Range, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;

/// Result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Name of one state of one object (an S3 `ETag`, or the equivalent of another store); opaque, compared for
/// equality only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// Information about an object that is available without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Key of the object, relative to the repository's root, `/`-separated.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// State of the object at the time of the call.
    pub version: Version,
    /// When the object was written, by the clock of the store.
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
/// Contract, checked for each implementation by [`crate::conformance`]:
/// keys are non-empty, relative, `/`-separated, of the characters `A-Z a-z 0-9 . _ -`, without empty, `.` or
///   `..` parts; at most [`crate::key::KEY_BYTES_MAX`] long, each part at most
///   [`crate::key::PART_BYTES_MAX`]; other keys give [`StoreError::InvalidKey`];
/// no key is a directory of another: if `a/b` is an object, `a` is not one (a local directory cannot hold
///   both);
/// `put` is atomic: readers see the whole object or none, and a failed put leaves no object under the key;
///   when it returns, the object is durable (for local directories: synced, and its directory entry, too);
/// reads and lists after a successful put or delete see its result (strong consistency);
/// many tasks may call every method at once; clones of an `Arc` share one store.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the location of the store, for messages; never contains a secret.
    fn location(&self) -> String;

    /// Returns an object's bytes, or those of `range`; fails with [`StoreError::NotFound`].
    ///
    /// A range that ends beyond the object gives the existing bytes; one that begins at or beyond its end
    /// gives [`StoreError::InvalidRange`].
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes>;

    /// Returns the bytes of an object together with their version.
    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)>;

    /// Writes a whole object if `condition` holds and returns its version.
    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version>;

    /// Returns the metadata of an object; fails with [`StoreError::NotFound`].
    async fn head(&self, key: &str) -> StoreResult<ObjectInfo>;

    /// Lists the objects whose key begins with `prefix` (empty, or a valid key followed by `/`, else
    /// [`StoreError::InvalidKey`]), sorted by key as bytes. A listing is not one moment: directories are read
    /// in the order of keys, as the pages of S3 are, so that of two directories the one with the smaller name
    /// is older. Foreign files whose names are not valid keys are left out.
    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>>;

    /// Deletes an object; if `version` is given, only in that state. Deleting a missing object is not an
    /// error.
    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()>;
}

/// Convenience methods for a [`Store`], built on its own calls.
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

    /// Returns the bytes of an object, cut off after the first `bytes_max`. Anybody who can write to the
    /// store decides how long an object is, but must not decide how much memory it takes to read it.
    async fn get_at_most(&self, key: &str, bytes_max: u64) -> StoreResult<Bytes> {
        match self.get(key, Some(0..bytes_max)).await {
            // No range can begin in an empty object.
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

    /// Returns whether there is an object under the key.
    async fn exists(&self, key: &str) -> StoreResult<bool> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
