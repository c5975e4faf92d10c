//! A store in memory whose versions are those of S3: hashes of the content, so that an object that is removed
//! and written again with the same bytes has the same version.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_store::{
    MemoryStore, ObjectInfo, PutCondition, Store, StoreError, StoreResult, Version, environment::Clock,
};

/// A memory store with the versions of S3.
#[derive(Debug)]
pub(crate) struct Bucket {
    memory: MemoryStore,
    /// Hashes by the versions of the memory store.
    hashes: Mutex<HashMap<String, String>>,
}

impl Bucket {
    /// Makes a store that contains these objects.
    pub(crate) fn new(clock: Arc<dyn Clock>, objects: &BTreeMap<String, Bytes>) -> Self {
        let bucket = Self { memory: MemoryStore::new(clock), hashes: Mutex::default() };
        for (key, bytes) in objects {
            now(bucket.put(key, bytes.clone(), PutCondition::Absent)).unwrap();
        }
        bucket
    }

    /// Returns all objects.
    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        let listed = now(self.memory.list("")).unwrap();
        listed
            .into_iter()
            .map(|object| (object.key.clone(), now(self.memory.get(&object.key, None)).unwrap()))
            .collect()
    }

    fn hash(&self, version: &Version) -> Version {
        Version(self.hashes.lock().unwrap()[&version.0].clone())
    }

    fn with_hash(&self, object: ObjectInfo) -> ObjectInfo {
        ObjectInfo { version: self.hash(&object.version), ..object }
    }

    /// Returns the version of the memory store that a hash stands for now.
    fn version(&self, key: &str, hash: &Version) -> StoreResult<Option<Version>> {
        let found = match now(self.memory.head(key)) {
            Ok(found) => found.version,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if self.hash(&found) == *hash {
            Ok(Some(found))
        } else {
            Err(StoreError::VersionMismatch { key: key.to_owned() })
        }
    }
}

/// Returns the answer of a store in memory, which is there at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => unreachable!("memory never waits"),
    }
}

#[async_trait]
impl Store for Bucket {
    fn location(&self) -> String {
        "bucket".to_owned()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.memory.get(key, range).await
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        let (bytes, version) = self.memory.get_versioned(key).await?;
        Ok((bytes, self.hash(&version)))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        let mismatch = || StoreError::VersionMismatch { key: key.to_owned() };
        let condition = match condition {
            PutCondition::Absent => PutCondition::Absent,
            PutCondition::Version(hash) => {
                PutCondition::Version(self.version(key, &hash)?.ok_or_else(mismatch)?)
            }
        };
        let hash = blake3::hash(&bytes).to_hex()[..16].to_owned();
        let version = self.memory.put(key, bytes, condition).await?;
        self.hashes.lock().unwrap().insert(version.0, hash.clone());
        Ok(Version(hash))
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        Ok(self.with_hash(self.memory.head(key).await?))
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let listed = self.memory.list(prefix).await?;
        Ok(listed.into_iter().map(|object| self.with_hash(object)).collect())
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let version = match version {
            None => None,
            Some(hash) => match self.version(key, &hash)? {
                None => return Ok(()),
                found => found,
            },
        };
        self.memory.delete(key, version).await
    }
}
