//! Open directories of a source, with a limit on how many are open at once.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::directory::pool::DescriptorPool;
use crate::error::{is_gone, retry_interrupted};
use crate::stat::{ObjectStat, stat_at, stat_descriptor, stat_path};

pub(crate) mod pool;

const DIRECTORY_FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory of a source. Objects in it are accessed through its descriptor, never by path.
///
/// If many directories are in use, its descriptor may be closed. When it is needed, it is opened again from
/// its parent, without following links, and only if it is still the same directory.
pub struct Directory {
    anchor: Anchor,
    /// A single component; empty for the root.
    name: Box<[u8]>,
    /// Length of the path. The path itself is not stored, because the paths of a deep chain would add up.
    path_bytes: usize,
    pool: Arc<DescriptorPool>,
    opened: Mutex<Opened>,
}

/// How a directory is found.
enum Anchor {
    /// Below another directory of the source.
    Below(Arc<Directory>),
    /// It is the root, which always stays open, or the directory of a single object.
    Root(PathBuf),
    /// It is being dropped.
    Nowhere,
}

#[derive(Default)]
struct Opened {
    descriptor: Option<Arc<OwnedFd>>,
    /// Device and inode when it was first opened.
    identity: Option<(u64, u64)>,
    /// Second chance of the pool's clock.
    recently_used: bool,
}

impl Directory {
    /// Makes the root of a source from its open descriptor; `path` leads to it.
    pub(crate) fn root(
        path: PathBuf,
        descriptor: OwnedFd,
        stat: &ObjectStat,
        pool: Arc<DescriptorPool>,
    ) -> Arc<Self> {
        let opened = Opened {
            descriptor: Some(Arc::new(descriptor)),
            identity: Some(stat.identity()),
            recently_used: true,
        };
        let anchor = Anchor::Root(path);
        Arc::new(Self { anchor, name: Box::default(), path_bytes: 0, pool, opened: Mutex::new(opened) })
    }

    /// Makes a directory below this one; it is opened when needed.
    pub(crate) fn child(self: &Arc<Self>, name: &[u8]) -> Arc<Self> {
        let separator = usize::from(self.path_bytes > 0);
        Arc::new(Self {
            anchor: Anchor::Below(Arc::clone(self)),
            name: name.into(),
            path_bytes: self.path_bytes + separator + name.len(),
            pool: Arc::clone(&self.pool),
            opened: Mutex::default(),
        })
    }

    /// Returns the path relative to the source's root; empty for the root.
    pub fn path(&self) -> Vec<u8> {
        let mut path = vec![b'/'; self.path_bytes];
        let mut end = self.path_bytes;
        let mut directory = self;
        while let Some(parent) = directory.parent() {
            path[end - directory.name.len()..end].copy_from_slice(&directory.name);
            end = parent.path_bytes;
            directory = parent;
        }
        path
    }

    /// Returns the descriptor, after opening all closed directories on the way from the root.
    pub(crate) fn descriptor(self: &Arc<Self>) -> io::Result<Arc<OwnedFd>> {
        let mut closed = Vec::new();
        let mut directory = self;
        let mut descriptor = loop {
            if let Some(descriptor) = directory.open_descriptor() {
                break descriptor;
            }
            closed.push(directory);
            // The root is never closed.
            let Some(parent) = directory.parent() else { return Err(Errno::BADF.into()) };
            directory = parent;
        };
        while let Some(directory) = closed.pop() {
            (descriptor, _) = directory.open_in(&descriptor)?;
        }
        Ok(descriptor)
    }

    /// Returns the descriptor and the current metadata. The first time, any directory with this name is
    /// accepted; later, only the same one.
    pub(crate) fn open(self: &Arc<Self>) -> io::Result<(Arc<OwnedFd>, ObjectStat)> {
        match self.parent() {
            Some(parent) if self.open_descriptor().is_none() => self.open_in(&*parent.descriptor()?),
            _ => {
                let descriptor = self.descriptor()?;
                let stat = stat_descriptor(&*descriptor)?;
                Ok((descriptor, stat))
            }
        }
    }

    /// Reads the metadata of the object that has the directory's name now.
    pub(crate) fn look_up(&self) -> io::Result<ObjectStat> {
        match &self.anchor {
            Anchor::Below(parent) => stat_at(&*parent.descriptor()?, &*self.name),
            Anchor::Root(path) => stat_path(path),
            Anchor::Nowhere => Err(Errno::NOENT.into()),
        }
    }

    /// Returns whether the directory still has its name. Does not check the directories above it.
    fn is_in_place(&self) -> bool {
        match self.look_up() {
            Ok(stat) => self.lock().identity.is_none_or(|identity| identity == stat.identity()),
            // Any other error proves nothing about the name.
            Err(error) => !is_gone(&error),
        }
    }

    /// Returns the path of this directory if it was moved or removed; if directories above it were, too, the
    /// path of the topmost.
    pub(crate) fn gone_ancestor(&self) -> Option<Vec<u8>> {
        let (mut gone, mut directory) = (None, Some(self));
        while let Some(looked_at) = directory.take_if(|directory| !directory.is_in_place()) {
            gone = Some(looked_at);
            directory = looked_at.parent().map(Arc::as_ref);
        }
        gone.map(Self::path)
    }

    fn parent(&self) -> Option<&Arc<Self>> {
        match &self.anchor {
            Anchor::Below(parent) => Some(parent),
            Anchor::Root(_) | Anchor::Nowhere => None,
        }
    }

    fn take_parent(&mut self) -> Option<Arc<Self>> {
        match std::mem::replace(&mut self.anchor, Anchor::Nowhere) {
            Anchor::Below(parent) => Some(parent),
            Anchor::Root(_) | Anchor::Nowhere => None,
        }
    }

    /// Closes half of the walk's open directories, to be called when descriptors have run out.
    pub(crate) fn relieve_descriptors(&self) {
        self.pool.close_half();
    }

    /// Closes the descriptor unless it was used since the last call. Returns whether it is closed.
    pub(crate) fn close_unless_used(&self) -> bool {
        let mut opened = self.lock();
        if opened.recently_used {
            opened.recently_used = false;
            return false;
        }
        opened.descriptor = None;
        true
    }

    fn open_descriptor(&self) -> Option<Arc<OwnedFd>> {
        let mut opened = self.lock();
        opened.recently_used = true;
        opened.descriptor.clone()
    }

    fn open_in(self: &Arc<Self>, parent: &OwnedFd) -> io::Result<(Arc<OwnedFd>, ObjectStat)> {
        let descriptor = match open_directory(parent, &*self.name) {
            Err(errno) if is_out_of_descriptors(&errno.into()) => {
                self.relieve_descriptors();
                open_directory(parent, &*self.name)?
            }
            result => result?,
        };
        let stat = stat_descriptor(&descriptor)?;
        let identity = stat.identity();
        let descriptor = Arc::new(descriptor);
        {
            let mut opened = self.lock();
            if *opened.identity.get_or_insert(identity) != identity {
                return Err(Errno::STALE.into());
            }
            if let Some(first) = &opened.descriptor {
                // Another thread was faster.
                return Ok((Arc::clone(first), stat));
            }
            opened.descriptor = Some(Arc::clone(&descriptor));
        }
        self.pool.admit(self);
        Ok((descriptor, stat))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Directory {
    /// Releases a chain of ancestors in a loop: recursion would overflow the stack in a very deep tree.
    fn drop(&mut self) {
        let mut next = self.take_parent();
        while let Some(directory) = next {
            next = Arc::into_inner(directory).and_then(|mut last| last.take_parent());
        }
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Directory")
            .field("name", &String::from_utf8_lossy(&self.name))
            .field("path_bytes", &self.path_bytes)
            .finish_non_exhaustive()
    }
}

/// Opens a directory for reading. Does not follow a link in the last component, and does not change the
/// access time if permitted.
fn open_directory(parent: impl AsFd, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | DIRECTORY_FLAGS;
    without_access_time(flags, |flags| rustix::fs::openat(parent.as_fd(), name, flags, Mode::empty()))
}

/// Calls `open` with `O_NOATIME`, and again without it if only the owner may use it.
pub(crate) fn without_access_time(
    flags: OFlags,
    open: impl Fn(OFlags) -> Result<OwnedFd, Errno>,
) -> Result<OwnedFd, Errno> {
    match retry_interrupted(|| open(flags | OFlags::NOATIME)) {
        Err(Errno::PERM) => retry_interrupted(|| open(flags)),
        result => result,
    }
}

/// Returns whether the process or the system has run out of file descriptors.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Opens the root of a source, following links, and reads its metadata.
pub(crate) fn open_root(path: &std::path::Path) -> io::Result<(OwnedFd, ObjectStat)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let descriptor = without_access_time(flags, |flags| rustix::fs::open(path, flags, Mode::empty()))?;
    let stat = stat_descriptor(&descriptor)?;
    Ok((descriptor, stat))
}

#[cfg(test)]
mod tests;
