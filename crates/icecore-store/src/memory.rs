//! A store in memory, for tests and as the model that other stores are compared with.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    environment::Clock,
    error::StoreError,
    key::{check_key, check_prefix, clip_range},
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    version: u64,
    modified: SystemTime,
}

impl Object {
    fn version(&self) -> Version {
        Version(format!("memory-{}", self.version))
    }

    fn info(&self, key: &str) -> ObjectInfo {
        ObjectInfo {
            key: key.to_owned(),
            size: self.bytes.len() as u64,
            version: self.version(),
            modified: self.modified,
        }
    }
}

#[derive(Clone, Default)]
struct Objects {
    by_key: BTreeMap<String, Object>,
    /// Version of the latest put; never decreases, so that no two states of a key share one.
    version_last: u64,
}

/// Store that keeps its objects in memory until it is dropped.
pub struct MemoryStore {
    objects: Mutex<Objects>,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// Creates an empty store; `clock` provides the times of modification.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { objects: Mutex::default(), clock }
    }

    /// Returns an independent store with the same objects and versions, like a copy of a disk.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { objects: Mutex::new(self.lock().clone()), clock: Arc::clone(&self.clock) }
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        // Every change below is complete before anything could panic.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &str) -> StoreResult<Object> {
        check_key(key)?;
        let found = self.lock().by_key.get(key).cloned();
        found.ok_or_else(|| StoreError::NotFound { key: key.to_owned() })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = self.lock().by_key.len();
        formatter.debug_struct("MemoryStore").field("objects", &objects).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        let object = self.find(key)?;
        let Some(range) = range else { return Ok(object.bytes) };
        let clipped = clip_range(key, object.bytes.len() as u64, &range)?;
        Ok(object.bytes.slice(clipped.start as usize..clipped.end as usize))
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        let object = self.find(key)?;
        let version = object.version();
        Ok((object.bytes, version))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        check_key(key)?;
        let modified = self.clock.now();
        let mut objects = self.lock();
        match (condition, objects.by_key.get(key)) {
            (PutCondition::Absent, None) => {}
            (PutCondition::Absent, Some(_)) => return Err(StoreError::AlreadyExists { key: key.to_owned() }),
            (PutCondition::Version(version), Some(object)) if object.version() == version => {}
            (PutCondition::Version(_), _) => return Err(StoreError::VersionMismatch { key: key.to_owned() }),
        }
        objects.version_last += 1;
        let object = Object { bytes, version: objects.version_last, modified };
        let version = object.version();
        objects.by_key.insert(key.to_owned(), object);
        Ok(version)
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        Ok(self.find(key)?.info(key))
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        check_prefix(prefix)?;
        let objects = self.lock();
        let below = objects.by_key.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(below.map(|(key, object)| object.info(key)).collect())
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        check_key(key)?;
        let mut objects = self.lock();
        if let (Some(version), Some(object)) = (version, objects.by_key.get(key))
            && object.version() != version
        {
            return Err(StoreError::VersionMismatch { key: key.to_owned() });
        }
        objects.by_key.remove(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
