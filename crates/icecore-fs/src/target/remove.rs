//! Removes objects and whole trees from a target.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::handles::DirectoryHandle;
use super::path::TargetPathProblem;
use super::status::metadata_at;
use super::{ENTER, TargetTree, absent_as_none};
use crate::entry::EntryKind;
use crate::error::{FsError, retry_interrupted};
use crate::xattr::descriptor_path;

/// How a directory is opened to empty it.
const EMPTY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Buffer for names of a directory.
const NAMES_BYTES: usize = 32 * 1024;

/// How often directories that are filled while they are emptied are emptied again, in one call.
const ATTEMPTS_MAX: u32 = 64;

const OWNER_ALL: u32 = 0o700;

const OPERATION: &str = "remove";

impl TargetTree {
    /// Removes anything but a directory; a symbolic link itself. Returns whether there was something.
    pub fn remove_non_directory(&self, path: &[u8]) -> Result<bool, FsError> {
        let removed = self
            .in_parent(OPERATION, path, |parent, name| rustix::fs::unlinkat(parent, name, AtFlags::empty()));
        absent_as_none(removed).map(|removed| removed.is_some())
    }

    /// Removes anything; a directory with everything in it, without following links. Returns whether there was
    /// something.
    ///
    /// Removes all that can be removed, then fails with the first failure. Needs two open directories and memory for
    /// the names of the directories beside the current path, whatever the depth.
    pub fn remove_tree(&self, path: &[u8]) -> Result<bool, FsError> {
        let found = self.in_parent(OPERATION, path, |parent, name| {
            match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
                Err(errno @ (Errno::ISDIR | Errno::PERM)) => match metadata_at(parent, name)?.kind {
                    EntryKind::Directory => Ok(Some((Arc::clone(parent), name.to_vec()))),
                    _ => Err(errno),
                },
                result => result.map(|()| None),
            }
        });
        let Some(directory) = absent_as_none(found)? else { return Ok(false) };
        let Some((parent, name)) = directory else { return Ok(true) };
        self.handles.forget_tree(path);
        let removed = Removal::new(&parent, path, self.user_id).run(name);
        self.handles.forget_tree(path);
        removed.map(|()| true)
    }
}

/// The removal of one directory and everything in it, on its way through the tree.
struct Removal<'a> {
    parent: &'a DirectoryHandle,
    path: &'a [u8],
    user_id: u32,
    /// From the directory to be removed down to the current one.
    levels: Vec<Level>,
    /// The directory of the last level.
    current: Option<OwnedFd>,
    attempts_left: u32,
    failure: Option<FsError>,
    buffer: Vec<MaybeUninit<u8>>,
}

/// A directory that is being emptied.
struct Level {
    name: Vec<u8>,
    identity: Identity,
    /// Directories in it that are still to be removed.
    directories: Vec<Vec<u8>>,
    /// Something in it could not be removed.
    is_blocked: bool,
}

/// Device and inode number.
type Identity = (u64, u64);

impl<'a> Removal<'a> {
    fn new(parent: &'a DirectoryHandle, path: &'a [u8], user_id: u32) -> Self {
        Self {
            parent,
            path,
            user_id,
            levels: Vec::new(),
            current: None,
            attempts_left: ATTEMPTS_MAX,
            failure: None,
            buffer: vec![MaybeUninit::uninit(); NAMES_BYTES],
        }
    }

    fn run(mut self, name: Vec<u8>) -> Result<(), FsError> {
        let mut again = Some(name);
        while let Some(name) = again.take() {
            self.enter(name);
            while let Some(level) = self.levels.last_mut() {
                if let Some(child) = level.directories.pop() {
                    self.enter(child);
                } else {
                    again = self.leave()?;
                }
            }
        }
        self.failure.map_or(Ok(()), Err)
    }

    /// Goes down into a directory and removes everything in it but its directories.
    fn enter(&mut self, name: Vec<u8>) {
        let base = self.base();
        match self.open(base, &name) {
            Ok((descriptor, identity)) => {
                self.levels.push(Level { name, identity, directories: Vec::new(), is_blocked: false });
                self.empty(&descriptor);
                self.current = Some(descriptor);
            }
            Err(Errno::NOENT) => {}
            // Somebody replaced it by something else.
            Err(Errno::NOTDIR | Errno::LOOP) => match rustix::fs::unlinkat(base, &*name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => self.fail(Some(&name), errno),
            },
            Err(errno) => self.fail(Some(&name), errno),
        }
    }

    /// Goes up and removes the directory just left; returns its name if all has to be done again.
    fn leave(&mut self) -> Result<Option<Vec<u8>>, FsError> {
        let left = self.current.take();
        let Some(level) = self.levels.pop() else { return Ok(None) };
        if let (Some(left), Some(above)) = (left, self.levels.last()) {
            self.current = Some(self.open_above(&left, above.identity)?);
        }
        if level.is_blocked {
            self.block();
            return Ok(None);
        }
        match retry_interrupted(|| rustix::fs::unlinkat(self.base(), &*level.name, AtFlags::REMOVEDIR)) {
            Ok(()) | Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.attempts_left > 0 => {
                self.attempts_left -= 1;
                let Some(above) = self.levels.last_mut() else { return Ok(Some(level.name)) };
                above.directories.push(level.name);
                Ok(None)
            }
            Err(errno) => {
                self.fail(Some(&level.name), errno);
                Ok(None)
            }
        }
    }

    /// Opens the directory above, by `..`, and makes sure that it is the one that it was on the way down.
    fn open_above(&self, left: &OwnedFd, expected: Identity) -> Result<OwnedFd, FsError> {
        let opened = retry_interrupted(|| rustix::fs::openat(left, c"..", ENTER, Mode::empty()))
            .and_then(|above| Ok((identity_and_mode(&above)?.0, above)));
        match opened {
            Ok((identity, above)) if identity == expected => Ok(above),
            Ok(_) => Err(FsError::new(OPERATION, self.path_of(None), TargetPathProblem::Moved)),
            Err(errno) => Err(FsError::new(OPERATION, self.path_of(None), errno)),
        }
    }

    /// Opens a directory to empty it; makes it accessible first where the user is its unprivileged owner.
    fn open(&self, base: BorrowedFd<'_>, name: &[u8]) -> Result<(OwnedFd, Identity), Errno> {
        let opened = retry_interrupted(|| rustix::fs::openat(base, name, EMPTY, Mode::empty()));
        if self.user_id == 0 {
            let descriptor = opened?;
            let (identity, _) = identity_and_mode(&descriptor)?;
            return Ok((descriptor, identity));
        }
        let descriptor = match opened {
            Err(Errno::ACCESS) => {
                let closed = rustix::fs::openat(base, name, ENTER, Mode::empty())?;
                let path = descriptor_path(closed.as_fd()).map_err(|_| Errno::ACCESS)?;
                rustix::fs::chmod(path, Mode::from_raw_mode(OWNER_ALL)).map_err(|_| Errno::ACCESS)?;
                rustix::fs::openat(base, name, EMPTY, Mode::empty())?
            }
            result => result?,
        };
        let (identity, mode) = identity_and_mode(&descriptor)?;
        if mode & OWNER_ALL != OWNER_ALL {
            // Whether that helped, emptying the directory will show.
            let _: Result<(), Errno> = rustix::fs::fchmod(&descriptor, Mode::from_raw_mode(OWNER_ALL));
        }
        Ok((descriptor, identity))
    }

    /// Removes everything in the directory of the last level but directories, which are noted.
    fn empty(&mut self, descriptor: &OwnedFd) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut names = RawDir::new(descriptor, &mut buffer);
        while let Some(entry) = names.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                // Removed by somebody else.
                Err(Errno::NOENT) => break,
                Err(errno) => {
                    self.fail(None, errno);
                    break;
                }
            };
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let removed = if entry.file_type() == FileType::Directory {
                Err(Errno::ISDIR)
            } else {
                retry_interrupted(|| rustix::fs::unlinkat(descriptor, name, AtFlags::empty()))
            };
            match removed {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => self.note_directory(name),
                // File systems that do not say the kind in the listing, and not by the error either.
                Err(Errno::PERM) if is_directory(descriptor, name) => self.note_directory(name),
                Err(errno) => self.fail(Some(name), errno),
            }
        }
        self.buffer = buffer;
    }

    fn note_directory(&mut self, name: &[u8]) {
        if let Some(level) = self.levels.last_mut() {
            level.directories.push(name.to_vec());
        }
    }

    /// Returns the directory of the last level, or the parent of everything.
    fn base(&self) -> BorrowedFd<'_> {
        self.current.as_ref().map_or_else(|| self.parent.as_fd(), AsFd::as_fd)
    }

    fn fail(&mut self, name: Option<&[u8]>, errno: Errno) {
        if self.failure.is_none() {
            self.failure = Some(FsError::new(OPERATION, self.path_of(name), errno));
        }
        self.block();
    }

    fn block(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.is_blocked = true;
        }
    }

    /// Returns the path of the directory of the last level, or of a name in it.
    fn path_of(&self, name: Option<&[u8]>) -> Vec<u8> {
        let mut path = self.path.to_vec();
        let below_first = self.levels.iter().skip(1).map(|level| level.name.as_slice());
        let name = name.filter(|_| !self.levels.is_empty());
        for component in below_first.chain(name) {
            path.push(b'/');
            path.extend_from_slice(component);
        }
        path
    }
}

fn is_directory(base: &OwnedFd, name: &[u8]) -> bool {
    metadata_at(base, name).is_ok_and(|metadata| metadata.kind == EntryKind::Directory)
}

fn identity_and_mode(descriptor: &OwnedFd) -> Result<(Identity, u32), Errno> {
    let status = retry_interrupted(|| rustix::fs::fstat(descriptor))?;
    Ok(((status.st_dev, status.st_ino), status.st_mode))
}
