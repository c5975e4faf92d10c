//! Directories of a local store: opened part by part without following symbolic links, and created durably.

use std::{
    collections::HashMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicBool},
};

use rustix::{
    fs::{FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::{
    failure::Call, granularity::Granularity, owner::Owner, read_buffers::ReadBuffers, strays::Strays,
};
use crate::store::StoreResult;

/// Mode of new directories: only the owner may look into a repository.
pub(super) const DIRECTORY_MODE: Mode = Mode::RWXU;

const DIRECTORY_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The store's directory, held open, so that a later mount over it or a change of the working directory has
/// no effect.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) directory: OwnedFd,
    /// Owner of the files that are written.
    pub(super) owner: Owner,
    /// Whether the file system may support unnamed files (`O_TMPFILE`); cleared when it turns out that it
    /// does not.
    pub(super) has_unnamed_files: AtomicBool,
    /// Granularity of the file system's times, once it is known.
    pub(super) granularity: OnceLock<Granularity>,
    /// Directories whose own names this process has synced, with their inodes.
    durable: Mutex<HashMap<String, u64>>,
    /// Buffers of large reads.
    pub(super) read_buffers: Arc<ReadBuffers>,
    /// Foreign files found among the objects.
    pub(super) strays: Strays,
}

impl Root {
    pub(super) fn new(path: PathBuf, directory: OwnedFd) -> Self {
        Self {
            path,
            owner: Owner::of(&directory),
            directory,
            has_unnamed_files: AtomicBool::new(true),
            granularity: OnceLock::new(),
            durable: Mutex::default(),
            read_buffers: Arc::default(),
            strays: Strays::default(),
        }
    }

    /// Opens the directory of a key's file and returns it with the file's name; the directory must exist.
    pub(super) fn open_parent<'key>(&self, call: Call<'key>) -> StoreResult<(Directory<'_>, &'key str)> {
        let (parents, name) = split(call.key);
        let directory = self.open_directory(parents).map_err(|errno| call.failed(errno))?;
        Ok((directory, name))
    }

    /// Opens the directory `path`, relative and `/`-separated; empty for the root itself.
    pub(super) fn open_directory(&self, path: &str) -> Result<Directory<'_>, Errno> {
        let mut directory = Directory::Root(self.directory.as_fd());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            directory = Directory::Below(open_part(directory.as_fd(), part)?);
        }
        Ok(directory)
    }

    /// Like [`Self::open_parent`], but creates missing directories and makes their names durable.
    pub(super) fn make_parent<'key>(&self, call: Call<'key>) -> StoreResult<(Directory<'_>, &'key str)> {
        let (parents, name) = split(call.key);
        let mut directory = Directory::Root(self.directory.as_fd());
        let mut end = 0;
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            end += part.len();
            let path = &parents[..end];
            end += 1;
            let below = self.make_part(directory.as_fd(), path, part).map_err(|errno| match errno {
                // The parent was removed meanwhile, which only an administrator does.
                Errno::NOENT => call.failed_inside(errno),
                _ => call.failed(errno),
            })?;
            directory = Directory::Below(below);
        }
        Ok((directory, name))
    }

    fn make_part(&self, parent: BorrowedFd<'_>, path: &str, part: &str) -> Result<OwnedFd, Errno> {
        let (directory, is_new) = match open_part(parent, part) {
            Ok(directory) => (directory, false),
            Err(Errno::NOENT) => match rustix::fs::mkdirat(parent, part, DIRECTORY_MODE) {
                Ok(()) | Err(Errno::EXIST) => (open_part(parent, part)?, true),
                Err(errno) => return Err(errno),
            },
            Err(errno) => return Err(errno),
        };
        if is_new {
            self.owner.give_if_empty(&directory, &self.path)?;
        }
        let inode = rustix::fs::fstat(&directory)?.st_ino;
        if is_new || self.lock_durable().get(path) != Some(&inode) {
            sync_directory(parent)?;
            self.lock_durable().insert(path.to_owned(), inode);
        }
        Ok(directory)
    }

    fn lock_durable(&self) -> std::sync::MutexGuard<'_, HashMap<String, u64>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open directory: the root, which stays open, or one below it.
#[derive(Debug)]
pub(super) enum Directory<'root> {
    Root(BorrowedFd<'root>),
    Below(OwnedFd),
}

impl AsFd for Directory<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(directory) => *directory,
            Self::Below(directory) => directory.as_fd(),
        }
    }
}

impl Directory<'_> {
    /// Syncs the names in the directory.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        sync_directory(self.as_fd())
    }

    /// Returns the metadata of the file `name`, or nothing if it does not exist.
    pub(super) fn stat(&self, name: &str) -> Result<Option<Stat>, Errno> {
        match rustix::fs::statat(self, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Like [`Self::stat`], but fails if it is not a regular file.
    pub(super) fn stat_object(&self, name: &str, call: Call<'_>) -> StoreResult<Option<Stat>> {
        let Some(stat) = self.stat(name).map_err(|errno| call.failed(errno))? else { return Ok(None) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(stat)),
            other => Err(call.not_an_object(other)),
        }
    }
}

/// Splits a key into its directory (may be empty) and the file's name.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

fn open_part(parent: BorrowedFd<'_>, part: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, part, DIRECTORY_FLAGS, Mode::empty())
}

pub(super) fn sync_directory(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    match rustix::io::retry_on_intr(|| rustix::fs::fsync(directory)) {
        // Some network and user-space file systems cannot sync directories; they write names immediately.
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno),
    }
}
