//! The removal of one directory and everything in it, in progress.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::handles::DirectoryHandle;
use super::location::Location;
use super::path::TargetPathProblem;
use super::{ENTER, TargetTree};
use crate::entry::EntryKind;
use crate::error::{FsError, retry_interrupted};
use crate::xattr::descriptor_path;

pub(super) const OPERATION: &str = "remove";

/// Flags to open a directory in order to empty it.
const EMPTY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Buffer for the names of a directory.
const NAMES_BYTES: usize = 32 * 1024;

/// How often, in one call, a directory is emptied again if somebody fills it meanwhile.
const ATTEMPTS_MAX: u32 = 64;

const OWNER_ALL: u32 = 0o700;

/// Whether a removal is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalMode {
    /// Objects are removed.
    Remove,
    /// Nothing is changed; the watch is notified of everything that would be removed.
    Survey,
}

/// Decides which objects a removal keeps, and is notified of removed objects.
pub trait RemovalWatch {
    /// Returns whether to keep an object and everything in it. Called for every object found, before anything
    /// in it. [Foreign](Location::is_foreign) objects are kept in any case.
    fn keeps(&mut self, path: &[u8], found: &Location) -> bool;
    /// Reports that an object was removed (in a survey: would be), with everything in it: `entries` objects
    /// together. Called for the topmost object only, unless something around it is kept.
    fn removed(&mut self, path: &[u8], entries: u64);
}

/// The removal of one directory and everything in it.
pub(super) struct Removal<'a> {
    tree: &'a TargetTree,
    parent: &'a DirectoryHandle,
    mode: RemovalMode,
    watch: &'a mut dyn RemovalWatch,
    /// From the directory to be removed down to the current one.
    levels: Vec<Level>,
    /// The directory of the last level.
    current: Option<OwnedFd>,
    /// Path of the directory of the last level, or of the parent of the whole removal.
    here: Vec<u8>,
    attempts_left: u32,
    is_removed: bool,
    failure: Option<FsError>,
    buffer: Vec<MaybeUninit<u8>>,
}

/// A directory that is being emptied.
struct Level {
    name: Vec<u8>,
    /// Length of the path of the directory above.
    above_length: usize,
    identity: Identity,
    /// Directories in it that are still to be removed.
    directories: Vec<Vec<u8>>,
    /// Removed objects in it: name, and number of objects.
    removed: Vec<(Vec<u8>, u64)>,
    /// Something in it is kept, or could not be removed.
    is_blocked: bool,
}

/// Device and inode number.
type Identity = (u64, u64);

impl<'a> Removal<'a> {
    /// Prepares the removal of the directory at `path`, which lies in `parent`.
    pub(super) fn new(
        tree: &'a TargetTree,
        parent: &'a DirectoryHandle,
        path: &[u8],
        mode: RemovalMode,
        watch: &'a mut dyn RemovalWatch,
    ) -> Self {
        let parent_length = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Self {
            tree,
            parent,
            mode,
            watch,
            levels: Vec::new(),
            current: None,
            here: path[..parent_length].to_vec(),
            attempts_left: ATTEMPTS_MAX,
            is_removed: false,
            failure: None,
            buffer: vec![MaybeUninit::uninit(); NAMES_BYTES],
        }
    }

    /// Removes the directory; returns whether it is gone.
    pub(super) fn run(mut self, name: Vec<u8>) -> Result<bool, FsError> {
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
        self.failure.map_or(Ok(self.is_removed), Err)
    }

    /// Enters a directory and removes everything in it except its directories.
    fn enter(&mut self, name: Vec<u8>) {
        match self.open(self.base(), &name) {
            Ok((descriptor, found)) if !found.is_foreign => {
                let above_length = self.here.len();
                push(&mut self.here, &name);
                self.levels.push(Level {
                    name,
                    above_length,
                    identity: (found.device, found.inode),
                    directories: Vec::new(),
                    removed: Vec::new(),
                    is_blocked: false,
                });
                self.empty(&descriptor);
                self.current = Some(descriptor);
            }
            // It was mounted just now.
            Ok((_, found)) => {
                self.is_kept(&name, &found);
            }
            Err(Errno::NOENT) => {}
            // Only the owner or root can look into the directory of another user.
            Err(Errno::ACCESS) if self.mode == RemovalMode::Survey => self.note_removed(&name, 1),
            Err(errno) => self.fail(Some(&name), errno),
        }
    }

    /// Leaves the current directory and removes it; returns its name if all has to be repeated.
    fn leave(&mut self) -> Result<Option<Vec<u8>>, FsError> {
        let left = self.current.take();
        let Some(level) = self.levels.pop() else { return Ok(None) };
        if let (Some(left), Some(above)) = (left, self.levels.last()) {
            match self.open_above(&left, above.identity) {
                Ok(above) => self.current = Some(above),
                Err(error) => {
                    self.report_all(&level);
                    return Err(error);
                }
            }
        }
        let is_blocked = level.is_blocked;
        let removed = if is_blocked { Err(Errno::NOTEMPTY) } else { self.remove_directory(&level.name) };
        if removed.is_err() {
            self.report(&level);
        }
        self.here.truncate(level.above_length);
        match removed {
            Ok(()) => {
                let entries = level.removed.iter().map(|(_, entries)| entries).sum::<u64>() + 1;
                self.note_removed(&level.name, entries);
            }
            Err(Errno::NOENT) => {}
            Err(_) if is_blocked => self.block(),
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.attempts_left > 0 => {
                self.attempts_left -= 1;
                let Some(above) = self.levels.last_mut() else { return Ok(Some(level.name)) };
                above.directories.push(level.name);
            }
            Err(errno) => self.keep_or_fail(&level.name, errno),
        }
        Ok(None)
    }

    fn remove_directory(&self, name: &[u8]) -> Result<(), Errno> {
        if self.mode == RemovalMode::Survey {
            return Ok(());
        }
        retry_interrupted(|| rustix::fs::unlinkat(self.base(), name, AtFlags::REMOVEDIR))
    }

    /// Opens the directory above, by `..`, and checks that it is the same one as on the way down.
    fn open_above(&self, left: &OwnedFd, expected: Identity) -> Result<OwnedFd, FsError> {
        let opened = retry_interrupted(|| rustix::fs::openat(left, c"..", ENTER, Mode::empty()))
            .and_then(|above| Ok((self.tree.locate_descriptor(&above)?, above)));
        match opened {
            Ok((found, above)) if (found.device, found.inode) == expected => Ok(above),
            Ok(_) => Err(FsError::new(OPERATION, self.here.as_slice(), TargetPathProblem::Moved)),
            Err(errno) => Err(FsError::new(OPERATION, self.here.as_slice(), errno)),
        }
    }

    /// Opens a directory in order to empty it; if the user is its unprivileged owner, makes it accessible
    /// first.
    fn open(&self, base: BorrowedFd<'_>, name: &[u8]) -> Result<(OwnedFd, Location), Errno> {
        let opened = retry_interrupted(|| rustix::fs::openat(base, name, EMPTY, Mode::empty()));
        let changes_mode = self.tree.user_id != 0 && self.mode == RemovalMode::Remove;
        let descriptor = match opened {
            Err(Errno::ACCESS) if changes_mode => {
                let closed = rustix::fs::openat(base, name, ENTER, Mode::empty())?;
                let path = descriptor_path(closed.as_fd()).map_err(|_| Errno::ACCESS)?;
                rustix::fs::chmod(path, Mode::from_raw_mode(OWNER_ALL)).map_err(|_| Errno::ACCESS)?;
                rustix::fs::openat(base, name, EMPTY, Mode::empty())?
            }
            result => result?,
        };
        let found = self.tree.locate_descriptor(&descriptor)?;
        if changes_mode && !found.is_foreign {
            let mode = retry_interrupted(|| rustix::fs::fstat(&descriptor))?.st_mode;
            if mode & OWNER_ALL != OWNER_ALL {
                // Emptying the directory will show whether this helped.
                let _: Result<(), Errno> = rustix::fs::fchmod(&descriptor, Mode::from_raw_mode(OWNER_ALL));
            }
        }
        Ok((descriptor, found))
    }

    /// Removes everything in the directory of the last level except directories, which are recorded.
    fn empty(&mut self, descriptor: &OwnedFd) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut names = RawDir::new(descriptor, &mut buffer);
        while let Some(entry) = names.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                // Somebody else removed it.
                Err(Errno::NOENT) => break,
                Err(errno) => {
                    self.fail(None, errno);
                    break;
                }
            };
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                self.empty_of(descriptor, name, entry.file_type());
            }
        }
        self.buffer = buffer;
    }

    /// Removes one name in the directory of the last level, or records it as a directory.
    fn empty_of(&mut self, descriptor: &OwnedFd, name: &[u8], listed: FileType) {
        let found = match self.tree.locate_at(descriptor, name) {
            Ok(found) => found,
            Err(Errno::NOENT) => return,
            // A survey does not open directories that a removal would make accessible.
            Err(Errno::ACCESS) if self.mode == RemovalMode::Survey => {
                return if listed == FileType::Directory {
                    self.note_directory(name);
                } else {
                    self.note_removed(name, 1);
                };
            }
            Err(errno) => return self.fail(Some(name), errno),
        };
        if self.is_kept(name, &found) {
            return;
        }
        if found.kind == EntryKind::Directory {
            return self.note_directory(name);
        }
        let removed = match self.mode {
            RemovalMode::Survey => Ok(()),
            RemovalMode::Remove => {
                retry_interrupted(|| rustix::fs::unlinkat(descriptor, name, AtFlags::empty()))
            }
        };
        match removed {
            Ok(()) => self.note_removed(name, 1),
            Err(Errno::NOENT) => {}
            Err(errno) => self.fail(Some(name), errno),
        }
    }

    /// Returns whether a name in the current directory is kept, and with it the directory.
    fn is_kept(&mut self, name: &[u8], found: &Location) -> bool {
        let length = self.here.len();
        push(&mut self.here, name);
        let is_kept = self.watch.keeps(&self.here, found) || found.is_foreign;
        self.here.truncate(length);
        if is_kept {
            self.block();
        }
        is_kept
    }

    /// Records that a directory could not be removed: either something was mounted on it just now, or the
    /// removal failed.
    fn keep_or_fail(&mut self, name: &[u8], errno: Errno) {
        match self.tree.locate_at(self.base(), name) {
            Ok(found) if found.is_foreign => {
                self.is_kept(name, &found);
            }
            _ => self.fail(Some(name), errno),
        }
    }

    fn note_directory(&mut self, name: &[u8]) {
        if let Some(level) = self.levels.last_mut() {
            level.directories.push(name.to_vec());
        }
    }

    /// Records a removal in the directory of the last level; without levels, everything is removed.
    fn note_removed(&mut self, name: &[u8], entries: u64) {
        if let Some(level) = self.levels.last_mut() {
            level.removed.push((name.to_vec(), entries));
        } else {
            self.is_removed = true;
            push(&mut self.here, name);
            self.watch.removed(&self.here, entries);
        }
    }

    /// Reports the removed objects of a kept directory, whose path is the current one.
    fn report(&mut self, level: &Level) {
        let length = self.here.len();
        for (name, entries) in &level.removed {
            push(&mut self.here, name);
            self.watch.removed(&self.here, *entries);
            self.here.truncate(length);
        }
    }

    /// Reports the removed objects of the directory that was just left and of all above it.
    fn report_all(&mut self, left: &Level) {
        self.report(left);
        self.here.truncate(left.above_length);
        while let Some(level) = self.levels.pop() {
            self.report(&level);
            self.here.truncate(level.above_length);
        }
    }

    /// Returns the directory of the last level, or the parent of the whole removal.
    fn base(&self) -> BorrowedFd<'_> {
        self.current.as_ref().map_or_else(|| self.parent.as_fd(), AsFd::as_fd)
    }

    fn fail(&mut self, name: Option<&[u8]>, errno: Errno) {
        if self.failure.is_none() {
            let mut path = self.here.clone();
            if let Some(name) = name {
                push(&mut path, name);
            }
            self.failure = Some(FsError::new(OPERATION, path, errno));
        }
        self.block();
    }

    fn block(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.is_blocked = true;
        }
    }
}

/// Adds a component to a path.
fn push(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
