//! A directory of this host (or a mounted network file system) as a store.
//!
//! Every key is a file with the same relative path, mode 0400, in directories of mode 0700. Beside them are
//! two names that are not valid keys, and therefore never collide with an object:
//! `+tmp/` holds files that are being written, if the file system has no unnamed files;
//! `+lock` serializes replacement and deletion between tasks, processes and, if the locks of the file system
//!   reach that far, hosts. It must not be deleted while the store is in use.
//!
//! **Versions.** The version of an object names its file: inode, time of modification and length. File
//! systems soon reuse the number of a free inode. Their clocks tick every few milliseconds at best (and may
//! be set back). Therefore the fraction of the second in the time of modification is not a time. It is the
//! *generation*, a counter that is stored as the time of modification of `+lock`. Two rules make (inode,
//! generation) unique among all states of all keys:
//! a writer that replaces or deletes an object raises the counter first, under the exclusive lock, and only
//!    then releases the inode;
//! a writer of a new file reads the counter after the file has its inode.
//!
//! So when an inode number is reused, the counter was raised between the stamps of the old and the new file.
//! The fraction wraps after ten million steps. A repeated version would then need the same inode number in
//! the same second, that is ten million deletions within a second.
//!
//! If times have no fractions (ext4 with inodes of 128 bytes, FAT, sshfs), the seconds themselves are the
//! generation. Rule 1 raises the counter above the stamp of the file that is released, unless it is above it
//! already. Rule 2 stamps a file with the current time, but never below the counter. So the stamps of one
//! inode number strictly increase. An object that is replaced several times within a second has a time a few
//! seconds ahead; this has no other effect.
//!
//! Unlike the time of change, the time of modification stays the same when an administrator runs `chown` or
//! `chmod`. Listing does not need to read contents.
//!
//! **Durability.** A file is synced before it gets its name, and its directory after that. The name of a
//! directory is synced by the first put of each process that uses it, even if another process created it:
//! that process may not have synced it yet.
//!
//! **Owner.** All files belong to the owner of the root directory, even those that root writes: see
//! `owner.rs`.
//!
//! **Network file systems.** On NFS, `flock` is passed to the server as a byte-range lock (Linux 2.6.12 and
//! later), so it works between hosts. With the mount options `nolock` or `local_lock=flock` it does not: then
//! only one host may change the repository at a time. Creation is always safe between hosts, because `link`
//! is atomic on the server.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    error::StoreError,
    key::{check_key, check_prefix},
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

mod content;
mod directory;
mod failure;
mod generation;
mod granularity;
mod open;
mod owner;
mod probe;
mod read;
mod read_buffers;
mod strays;
mod temporary;
mod write;

use directory::Root;

/// Store in a local directory; the text of the module describes how it keeps its promises.
#[derive(Clone)]
pub struct LocalStore {
    root: Arc<Root>,
}

impl LocalStore {
    /// Opens the store in the directory `path`, which must exist (else [`StoreError::NoSuchDirectory`]).
    ///
    /// Removes files older than a day that killed processes left in `+tmp`, by the clock of the file system.
    /// Blocks briefly.
    pub fn open(path: &Path) -> StoreResult<Self> {
        let root = open::open(path)?;
        temporary::remove_leftovers(&root);
        Ok(Self { root: Arc::new(root) })
    }

    /// Opens the store in the directory `path`. Creates it with mode 0700 if it does not exist, and its
    /// parents, too.
    ///
    /// Existing content of the directory stays. The caller must find out whether it contains a repository.
    pub fn create(path: &Path) -> StoreResult<Self> {
        open::create_directories(path)?;
        Self::open(path)
    }

    /// Returns the absolute path of the store's directory.
    pub fn path(&self) -> PathBuf {
        self.root.path.clone()
    }

    async fn read(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<(Bytes, Version)> {
        check_key(key)?;
        let open = move |root: &Root, key: &str| {
            let object = read::open(root, key, range.as_ref())?;
            if object.is_large() {
                return Ok(Err(object));
            }
            let buffer = object.buffer(root, key)?;
            object.read(key, buffer).map(Ok)
        };
        match self.blocking("get", key, open).await? {
            Ok(read) => Ok(read),
            Err(object) => {
                // Allocated here and not where it is read: an allocator keeps memory for each thread that
                // takes large buffers.
                let buffer = object.buffer(&self.root, key)?;
                self.blocking("get", key, move |_, key| object.read(key, buffer)).await
            }
        }
    }

    /// Runs `work` on a thread that may block.
    async fn blocking<T, Work>(&self, operation: &'static str, key: &str, work: Work) -> StoreResult<T>
    where
        T: Send + 'static,
        Work: FnOnce(&Root, &str) -> StoreResult<T> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        let owned_key = key.to_owned();
        match tokio::task::spawn_blocking(move || work(&root, &owned_key)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(StoreError::Io { operation, key: key.to_owned(), source: error.into() }),
        }
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalStore").field("path", &self.root.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for LocalStore {
    fn location(&self) -> String {
        self.root.path.display().to_string()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.read(key, range).await.map(|(bytes, _)| bytes)
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.read(key, None).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        check_key(key)?;
        let work = move |root: &Root, key: &str| match condition {
            PutCondition::Absent => write::create(root, key, &bytes),
            PutCondition::Version(version) => write::replace(root, key, &bytes, &version),
        };
        self.blocking("put", key, work).await
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        check_key(key)?;
        self.blocking("head", key, read::head).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        check_prefix(prefix)?;
        self.blocking("list", prefix, read::list).await
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        check_key(key)?;
        self.blocking("delete", key, move |root, key| write::delete(root, key, version.as_ref())).await
    }
}

#[cfg(test)]
mod tests;
