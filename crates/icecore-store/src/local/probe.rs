//! Tests, on an object of its own, whether a file system can do what a store promises.

use bytes::Bytes;

use super::LocalStore;
use crate::{
    error::StoreError,
    store::{Store, StoreExt, StoreResult, Version},
};

impl LocalStore {
    /// Creates, replaces, reads and deletes an object whose name ends with `name`, and also tries each change
    /// with a wrong condition. Fails at the first thing that the file system cannot do; leaves no object
    /// behind.
    pub async fn probe(&self, name: u64) -> StoreResult<()> {
        let key = format!("probe-{name:016x}");
        // All of the same length, so that the length does not distinguish the states.
        let first = self.create(&key, Bytes::from_static(b"one..")).await?;
        let tried = self.try_changes(&key, first).await;
        let removed = self.delete(&key, None).await;
        tried?;
        removed
    }

    async fn try_changes(&self, key: &str, first: Version) -> StoreResult<()> {
        let [two, three] = ["two..", "three"].map(|text| Bytes::from_static(text.as_bytes()));
        match self.create(key, two.clone()).await {
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(self.unsupported("a file can be created a second time")),
        }
        let second = match self.replace(key, two.clone(), first.clone()).await {
            Err(StoreError::VersionMismatch { .. }) => {
                return Err(
                    self.unsupported("its file system does not keep the inode numbers and times of files")
                );
            }
            result => result?,
        };
        match self.replace(key, three, first).await {
            Err(StoreError::VersionMismatch { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => {
                return Err(self.unsupported("its file system does not distinguish two versions of a file"));
            }
        }
        if self.get_versioned(key).await? != (two, second.clone()) {
            return Err(self.unsupported("its file system returns other data than was written"));
        }
        self.delete(key, Some(second)).await?;
        if self.exists(key).await? {
            return Err(self.unsupported("a deleted file still exists"));
        }
        Ok(())
    }

    fn unsupported(&self, reason: &str) -> StoreError {
        StoreError::Unsupported { location: self.location(), reason: reason.to_owned() }
    }
}
