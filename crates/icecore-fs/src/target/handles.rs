//! Open directories of a target, and the bounded cache of them.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::io::Errno;

use super::acl::DEFAULT_ACL;
use super::protection::lift_from_directory;
use crate::xattr::descriptor_path;

/// Shards of the cache; more than the threads that usually restore at once.
const SHARDS: usize = 16;

/// Most bytes of paths in one shard: deep trees have long paths, and the cache must stay small.
const SHARD_PATH_BYTES_MAX: usize = 512 * 1024;

/// An open directory of the target, usable as the base of single-component system calls.
#[derive(Debug)]
pub(super) struct DirectoryHandle {
    descriptor: OwnedFd,
    /// Whether new objects inherit an access control list from the directory; looked up once.
    bequeaths_acl: OnceLock<bool>,
    /// Whether to keep the flags that forbid changes in it.
    keeps_flags: AtomicBool,
}

impl DirectoryHandle {
    /// Takes over an open directory (`O_PATH` is enough).
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self { descriptor, bequeaths_acl: OnceLock::new(), keeps_flags: AtomicBool::new(false) }
    }

    /// Returns whether objects created in the directory inherit an access control list from it.
    ///
    /// If this is unknown, the answer is yes, which costs the caller a check of each new object.
    pub(super) fn bequeaths_acl(&self) -> bool {
        *self.bequeaths_acl.get_or_init(|| {
            let Ok(path) = descriptor_path(self.as_fd()) else { return true };
            let size = rustix::fs::getxattr_query(path, DEFAULT_ACL);
            !matches!(size, Err(Errno::NODATA | Errno::OPNOTSUPP))
        })
    }

    /// Keeps the flags that forbid changes in the directory, because it is not part of the restored tree.
    pub(super) fn keep_flags(&self) {
        self.keeps_flags.store(true, Ordering::Relaxed);
    }

    /// Clears the flags that forbid changes in the directory; returns whether there were any.
    pub(super) fn lift_protection(&self) -> bool {
        !self.keeps_flags.load(Ordering::Relaxed) && lift_from_directory(self)
    }

    /// Returns whether the directory has been removed, so that another one may have its name.
    pub(super) fn is_removed(&self) -> bool {
        match rustix::fs::fstat(self) {
            Ok(status) => status.st_nlink == 0,
            Err(errno) => errno == Errno::STALE,
        }
    }
}

impl AsFd for DirectoryHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The most recently used directories by path: a sharded, bounded, least-recently-used cache.
#[derive(Debug)]
pub(super) struct HandleCache {
    shards: Vec<Mutex<Shard>>,
    hashing: RandomState,
    handles_per_shard_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    /// By the hash of the path. Two paths with the same hash evict each other.
    slots: HashMap<u64, Slot>,
    path_bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    path: Box<[u8]>,
    handle: Arc<DirectoryHandle>,
    last_use: u64,
}

impl HandleCache {
    /// Makes a cache of about `handles_max` directories; none if that is 0.
    pub(super) fn new(handles_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashing: RandomState::new(),
            handles_per_shard_max: handles_max.div_ceil(SHARDS),
        }
    }

    /// Returns the handle of exactly this path.
    pub(super) fn get(&self, path: &[u8]) -> Option<Arc<DirectoryHandle>> {
        self.get_hashed(path, self.hash(path))
    }

    /// Returns the deepest cached proper ancestor of a path, with the length of its path.
    pub(super) fn deepest_ancestor(&self, path: &[u8]) -> Option<(usize, Arc<DirectoryHandle>)> {
        let mut prefixes = Vec::new();
        let mut hasher = self.hashing.build_hasher();
        let mut end = 0;
        for component in path.split(|byte| *byte == b'/') {
            if end > 0 {
                prefixes.push((end, hasher.finish()));
                end += 1;
            }
            write_component(&mut hasher, component);
            end += component.len();
        }
        prefixes.iter().rev().find_map(|&(end, hash)| Some((end, self.get_hashed(&path[..end], hash)?)))
    }

    /// Adds a directory, and evicts the least recently used ones.
    pub(super) fn insert(&self, path: &[u8], handle: &Arc<DirectoryHandle>) {
        if self.handles_per_shard_max == 0 {
            return;
        }
        let hash = self.hash(path);
        let mut shard = self.shard(hash);
        shard.remove(hash);
        while shard.slots.len() >= self.handles_per_shard_max
            || (!shard.slots.is_empty() && shard.path_bytes + path.len() > SHARD_PATH_BYTES_MAX)
        {
            shard.remove_oldest();
        }
        shard.uses += 1;
        shard.path_bytes += path.len();
        let slot = Slot { path: path.into(), handle: Arc::clone(handle), last_use: shard.uses };
        shard.slots.insert(hash, slot);
    }

    /// Evicts exactly this directory.
    pub(super) fn forget(&self, path: &[u8]) {
        let hash = self.hash(path);
        self.shard(hash).remove(hash);
    }

    /// Evicts this directory and all below it.
    pub(super) fn forget_tree(&self, path: &[u8]) {
        self.forget_if(|cached| is_at_or_below(cached, path));
    }

    /// Evicts this directory and all that lead to it.
    pub(super) fn forget_ancestry(&self, path: &[u8]) {
        self.forget_if(|cached| is_at_or_below(path, cached));
    }

    /// Evicts, and so closes, all directories that are not in use.
    pub(super) fn clear(&self) {
        self.forget_if(|_| true);
    }

    fn forget_if(&self, is_forgotten: impl Fn(&[u8]) -> bool) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.slots.retain(|_, slot| !is_forgotten(&slot.path));
            shard.path_bytes = shard.slots.values().map(|slot| slot.path.len()).sum();
        }
    }

    fn get_hashed(&self, path: &[u8], hash: u64) -> Option<Arc<DirectoryHandle>> {
        let mut shard = self.shard(hash);
        shard.uses += 1;
        let uses = shard.uses;
        let slot = shard.slots.get_mut(&hash).filter(|slot| *slot.path == *path)?;
        slot.last_use = uses;
        Some(Arc::clone(&slot.handle))
    }

    fn hash(&self, path: &[u8]) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        for component in path.split(|byte| *byte == b'/') {
            write_component(&mut hasher, component);
        }
        hasher.finish()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[hash as usize % SHARDS])
    }
}

impl Shard {
    fn remove(&mut self, hash: u64) {
        if let Some(slot) = self.slots.remove(&hash) {
            self.path_bytes -= slot.path.len();
        }
    }

    fn remove_oldest(&mut self) {
        let oldest = self.slots.iter().min_by_key(|(_, slot)| slot.last_use).map(|(hash, _)| *hash);
        if let Some(hash) = oldest {
            self.remove(hash);
        }
    }
}

/// Hashes one component, so that the hashes of all prefixes of a path are available on the way.
fn write_component(hasher: &mut impl Hasher, component: &[u8]) {
    hasher.write(component);
    hasher.write_u8(b'/');
}

fn is_at_or_below(path: &[u8], ancestor: &[u8]) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || ancestor.is_empty())
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // No invariant spans a panic: at worst the cache contains less than it could.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
