//! A directory of this host (or a mounted network file system) as a store.
//!
//! Every key is a file of the same relative path, mode 0400, in directories of mode 0700. Beside them, under
//! names that are no valid keys and can therefore never collide with an object:
//! - `+tmp/` holds files that are being written, where the file system has no unnamed ones;
//! - `+lock` serializes replacement and deletion between tasks, processes and, as far as the file system's
//!   locks reach, hosts. It must not be deleted while the store is in use.
//!
//! **Versions.** An object's version names its file: inode, time of modification and length. An inode number
//! alone comes back soon after a file is gone, and file systems' clocks tick every few milliseconds at best
//! (and may be set back), so the fraction of the second in the time of modification is not a time: it is the
//! *generation*, a counter kept as `+lock`'s own time of modification. Two rules make (inode, generation)
//! unique among all states of all keys:
//! 1. who replaces or deletes an object raises the counter first, under the exclusive lock, and only then
//!    lets go of the inode;
//! 2. who writes a new file reads the counter after the file has its inode.
//!
//! So when an inode number comes back, the counter was raised between the old file's stamp and the new one's.
//! The fraction wraps after ten million steps; a repetition then still needs the same inode number in the
//! same second, hence ten million deletions in a second.
//!
//! Where times have no fractions (ext4 with inodes of 128 bytes, FAT, sshfs), the seconds themselves are the
//! generation: rule 1 raises the counter above the stamp of the file that it lets go of, if it is not above
//! it already, and rule 2 stamps a file with the time of now, but never below the counter. The stamps of one
//! inode number so rise strictly. An object that is replaced several times within a second has a time that is
//! some seconds ahead; nothing else follows from it.
//!
//! Time of modification, unlike time of change, also stays what it is when
//! an administrator runs `chown` or `chmod`, and listing needs no reading of contents.
//!
//! **Durability.** A file is synced before it gets its name, its directory after; a directory's own name is
//! synced by the first put of each process that uses it, even if another process made it, for that one may
//! not have come to it.
//!
//! **Owner.** Everything belongs to the owner of the root directory, also what root writes: see `owner.rs`.
//!
//! **Network file systems.** On NFS, `flock` is passed to the server as a byte-range lock (Linux 2.6.12 and
//! later) and so works between hosts, unless the mount says `nolock` or `local_lock=flock`: then only one
//! host may change the repository at a time. Creation is safe between hosts in any case, for `link` is atomic
//! on the server.

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

/// Store in a local directory; see the module's text for how it keeps its promises.
#[derive(Clone)]
pub struct LocalStore {
    root: Arc<Root>,
}

impl LocalStore {
    /// Opens the store in the directory `path`, which must exist (else [`StoreError::NoSuchDirectory`]).
    ///
    /// Removes what killed processes left in `+tmp` more than a day ago, by the file system's own clock.
    /// Blocks briefly.
    pub fn open(path: &Path) -> StoreResult<Self> {
        let root = open::open(path)?;
        temporary::remove_leftovers(&root);
        Ok(Self { root: Arc::new(root) })
    }

    /// Opens the store in the directory `path`, which is created with mode 0700 if it does not exist, like
    /// its parents.
    ///
    /// What already is in the directory stays; whether a repository is there is for the caller to find out.
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
                // Here and not where it is read: an allocator keeps memory for each thread that large buffers
                // come from.
                let buffer = object.buffer(&self.root, key)?;
                self.blocking("get", key, move |_, key| object.read(key, buffer)).await
            }
        }
    }

    /// Runs `work` where it may block.
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
