//! Re-creates objects below one directory, the target, and never writes outside of it.
//!
//! All paths are relative to the target, raw bytes with components separated by `/`, and checked. Directories
//! are entered one component at a time from an open directory, with `O_NOFOLLOW`. So no symbolic link in the
//! target is ever followed, even if somebody changes the target meanwhile. If the last component is a link,
//! the link itself is meant.

mod acl;
mod apply;
mod aspects;
mod create;
mod file;
mod handles;
mod holes;
mod list;
mod location;
mod object;
mod path;
mod privacy;
mod protection;
mod removal;
mod remove;
mod status;

use std::fs::DirBuilder;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Resource;

pub use self::apply::{ApplyOptions, OwnerChoice};
pub use self::aspects::{AppliedAspect, ApplyWarning};
pub use self::create::DirectoryOutcome;
pub use self::file::{ExistingFile, TargetFile};
pub use self::holes::HoleFile;
pub use self::location::Location;
pub use self::path::TargetPathProblem;
pub use self::removal::{RemovalMode, RemovalWatch};

use self::handles::{DirectoryHandle, HandleCache};
use self::location::Mount;
use crate::entry::{EntryKind, Metadata};
use crate::error::{FsError, retry_interrupted};

/// Most directories that are kept open; fewer if the process may only open few files.
const HANDLES_MAX: u64 = 512;

/// How many of the directories entered on the way to one object are kept open.
const ANCESTORS_KEPT: usize = 8;

/// Prefix and suffix of temporary names; see [`is_temporary_name`].
const TEMPORARY_PREFIX: &[u8] = b".icecore-";
const TEMPORARY_SUFFIX: &[u8] = b".part";

/// Flags to open a directory in order to enter it: needs no permission to read it, does not follow links.
const ENTER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory below which many threads re-create objects at once.
///
/// Holds a bounded number of open directories, so each of hundreds of files in one directory costs one system
/// call to reach. If somebody moves a directory that is in use out of the target, objects that are created in
/// it move with it.
#[derive(Debug)]
pub struct TargetTree {
    root: Arc<DirectoryHandle>,
    /// Mount of the root.
    mount: Mount,
    handles: HandleCache,
    /// Part of all temporary names, so that they differ from those of any other run.
    temporary_seed: u64,
    temporary_count: AtomicU64,
    /// The effective user of the process.
    user_id: u32,
}

impl TargetTree {
    /// Opens an existing directory as the target. Follows a symbolic link in `path` itself.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let open_files_max = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::open_with(path, HANDLES_MAX.min(open_files_max / 4) as usize)
    }

    /// Creates the target with mode 700, and its parents, if it does not exist; then opens it.
    pub fn create(path: &Path) -> Result<Self, FsError> {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
        created.map_err(|error| FsError::new("create the directory", path.as_os_str().as_bytes(), error))?;
        Self::open(path)
    }

    fn open_with(path: &Path, handles_max: usize) -> Result<Self, FsError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = retry_interrupted(|| rustix::fs::open(path, flags, Mode::empty()));
        let root =
            root.map_err(|errno| FsError::new("open the directory", path.as_os_str().as_bytes(), errno))?;
        let mount =
            Mount::of(&root).map_err(|errno| FsError::new("look up", path.as_os_str().as_bytes(), errno))?;
        Ok(Self {
            root: Arc::new(DirectoryHandle::new(root)),
            mount,
            handles: HandleCache::new(handles_max),
            // A hash with a random key is a random number; it need not be secret.
            temporary_seed: RandomState::new().hash_one(0_u64),
            temporary_count: AtomicU64::new(0),
            user_id: rustix::process::geteuid().as_raw(),
        })
    }

    /// Returns whether the process runs as the superuser, who may set everything.
    pub fn is_privileged(&self) -> bool {
        self.user_id == 0
    }

    /// Keeps the flags of the target itself that forbid changes in it (`chattr +i`). The flags of all
    /// directories below it are cleared if something in them has to change.
    pub fn keep_root_flags(&self) {
        self.root.keep_flags();
    }

    /// Returns the metadata of the object at a path (empty for the target itself), or none. Describes a
    /// symbolic link itself.
    pub fn look_up(&self, path: &[u8]) -> Result<Option<Metadata>, FsError> {
        const OPERATION: &str = "look up";
        if path.is_empty() {
            let metadata = status::metadata_of(&self.root);
            return metadata.map(Some).map_err(|errno| FsError::new(OPERATION, path, errno));
        }
        absent_as_none(self.in_parent(OPERATION, path, |parent, name| status::metadata_at(parent, name)))
    }

    /// Returns the target of a symbolic link; none if there is no object, or it is not a link.
    pub fn read_link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, FsError> {
        let read =
            self.in_parent("read the target of the link", path, |parent, name| {
                match retry_interrupted(|| rustix::fs::readlinkat(parent, name, Vec::new())) {
                    Ok(target) => Ok(Some(target.into_bytes())),
                    Err(Errno::INVAL) => Ok(None),
                    Err(errno) => Err(errno),
                }
            });
        absent_as_none(read).map(Option::flatten)
    }

    /// Returns the number of bytes that an unprivileged user can still write to the file system of the
    /// target.
    pub fn free_bytes(&self) -> Result<u64, FsError> {
        let status = retry_interrupted(|| rustix::fs::fstatvfs(&self.root));
        let status = status.map_err(|errno| FsError::new("read the free space of", b"", errno))?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    /// Waits until all written data is durable (`syncfs` of the file system of the target's root).
    pub fn sync(&self) -> Result<(), FsError> {
        let synced = retry_interrupted(|| rustix::fs::syncfs(&self.root));
        synced.map_err(|errno| FsError::new("synchronise", b"", errno))
    }

    /// Runs a system call on a name in an open directory. Repeats it if the directory was removed, if too
    /// many files are open, or if the directory's flags forbid changes.
    fn in_parent<T>(
        &self,
        operation: &'static str,
        path: &[u8],
        action: impl Fn(&Arc<DirectoryHandle>, &[u8]) -> Result<T, Errno>,
    ) -> Result<T, FsError> {
        let (parent_path, name) =
            path::split(path).map_err(|problem| FsError::new(operation, path, problem))?;
        let mut recovered = false;
        loop {
            let parent = self.directory(parent_path)?;
            match retry_interrupted(|| action(&parent, name)) {
                Ok(value) => return Ok(value),
                Err(errno) if !recovered && self.recover(errno, parent_path, &parent) => recovered = true,
                Err(errno) => return Err(FsError::new(operation, path, errno)),
            }
        }
    }

    /// Prepares another attempt; returns whether it makes sense.
    fn recover(&self, errno: Errno, directory_path: &[u8], directory: &DirectoryHandle) -> bool {
        match errno {
            Errno::NOENT | Errno::STALE if directory.is_removed() => {
                self.handles.forget_ancestry(directory_path);
                true
            }
            Errno::PERM => directory.lift_protection(),
            Errno::MFILE | Errno::NFILE => {
                self.handles.clear();
                true
            }
            _ => false,
        }
    }

    /// Opens a directory by its (checked) path, starting from the deepest ancestor that is still open.
    fn directory(&self, path: &[u8]) -> Result<Arc<DirectoryHandle>, FsError> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        if let Some(handle) = self.handles.get(path) {
            return Ok(handle);
        }
        let (start, ancestor) =
            self.handles.deepest_ancestor(path).unwrap_or_else(|| (0, Arc::clone(&self.root)));
        let failure = match self.descend(path, start, &ancestor) {
            Err(failure) if self.recover(failure.errno, &path[..start], &ancestor) => {
                match self.descend(path, 0, &self.root) {
                    Err(failure) => failure,
                    Ok(handle) => return Ok(handle),
                }
            }
            Err(failure) => failure,
            Ok(handle) => return Ok(handle),
        };
        Err(failure.explain(path))
    }

    /// Enters the components of `path` after the first `start` bytes, which lead to `ancestor`.
    fn descend(
        &self,
        path: &[u8],
        start: usize,
        ancestor: &Arc<DirectoryHandle>,
    ) -> Result<Arc<DirectoryHandle>, DescendFailure> {
        let kept_from =
            path.iter().rev().enumerate().filter(|(_, byte)| **byte == b'/').nth(ANCESTORS_KEPT - 1);
        let kept_from = kept_from.map_or(0, |(bytes_after, _)| path.len() - bytes_after);
        let mut current = Arc::clone(ancestor);
        let mut end = start;
        while end < path.len() {
            let begin = if end == 0 { 0 } else { end + 1 };
            let length = path[begin..].iter().position(|byte| *byte == b'/').unwrap_or(path.len() - begin);
            end = begin + length;
            let name = &path[begin..end];
            let opened = retry_interrupted(|| rustix::fs::openat(&current, name, ENTER, Mode::empty()));
            let opened = opened.map_err(|errno| DescendFailure {
                errno,
                end,
                is_symlink: status::metadata_at(&current, name)
                    .is_ok_and(|found| found.kind == EntryKind::Symlink),
            })?;
            current = Arc::new(DirectoryHandle::new(opened));
            if begin >= kept_from {
                self.handles.insert(&path[..end], &current);
            }
        }
        Ok(current)
    }

    /// Returns an unused name.
    fn temporary_name(&self) -> Vec<u8> {
        let count = self.temporary_count.fetch_add(1, Ordering::Relaxed);
        let mut name = TEMPORARY_PREFIX.to_vec();
        name.extend_from_slice(format!("{:016x}-{count:x}", self.temporary_seed).as_bytes());
        name.extend_from_slice(TEMPORARY_SUFFIX);
        name
    }

    /// Creates an object under a temporary name; if that exists, tries another one.
    fn create_temporary<T>(&self, create: impl Fn(&[u8]) -> Result<T, Errno>) -> Result<(T, Vec<u8>), Errno> {
        loop {
            let name = self.temporary_name();
            match retry_interrupted(|| create(&name)) {
                Ok(created) => return Ok((created, name)),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// A directory on the way to an object could not be entered.
struct DescendFailure {
    errno: Errno,
    /// End of the component that could not be entered, as an offset in the path.
    end: usize,
    is_symlink: bool,
}

impl DescendFailure {
    fn explain(self, path: &[u8]) -> FsError {
        let path = &path[..self.end];
        match self.errno {
            Errno::NOTDIR | Errno::LOOP if self.is_symlink => {
                FsError::new("open the directory", path, TargetPathProblem::SymbolicLink)
            }
            Errno::NOTDIR | Errno::LOOP => {
                FsError::new("open the directory", path, TargetPathProblem::NotADirectory)
            }
            errno => FsError::new("open the directory", path, errno),
        }
    }
}

/// Returns whether a name (one component) may be a leftover of an interrupted restore.
pub fn is_temporary_name(name: &[u8]) -> bool {
    name.strip_prefix(TEMPORARY_PREFIX)
        .and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX))
        .and_then(|middle| middle.split_at_checked(16))
        .and_then(|(seed, rest)| Some((seed, rest.strip_prefix(b"-")?)))
        .is_some_and(|(seed, count)| !count.is_empty() && seed.iter().chain(count).all(u8::is_ascii_hexdigit))
}

fn absent_as_none<T>(result: Result<T, FsError>) -> Result<Option<T>, FsError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a temporary name; a failure is ignored, because it does not affect anything else.
fn remove_temporary(directory: impl AsFd, name: &[u8]) {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => {
            tracing::warn!(%errno, name = %name.escape_ascii(), "a temporary file could not be removed");
        }
    }
}

#[cfg(test)]
mod tests;
