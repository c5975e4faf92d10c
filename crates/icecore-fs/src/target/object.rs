//! One object of the target, held open so that all system calls refer to the same object, even if its name
//! changes.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use super::handles::DirectoryHandle;
use super::status::{MODE_BITS, metadata_of};
use crate::entry::{EntryKind, ExtendedAttributes, Timestamp};
use crate::error::retry_interrupted;
use crate::flags;
use crate::xattr::{self, AttributeOwner, descriptor_path};

/// Flags to open files and directories: does not follow links, wait, or take over a terminal.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Flags to open all other objects, and unreadable ones: has no effect on the object.
const NAME_ONLY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;

/// The result of `statx`, reduced to the values that matter for applying metadata.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) kind: EntryKind,
    pub(super) mode: u32,
    pub(super) user_id: u32,
    pub(super) group_id: u32,
    pub(super) modified: Timestamp,
    pub(super) inode_flags: u32,
    /// Whether `mode` is the object's real mode.
    pub(super) is_mode_certain: bool,
}

/// An open object that owns its descriptor.
#[derive(Debug)]
pub(super) struct OpenedObject {
    descriptor: OwnedFd,
    is_name_only: bool,
}

impl OpenedObject {
    pub(super) fn object(&self) -> Object<'_> {
        Object { descriptor: self.descriptor.as_fd(), is_name_only: self.is_name_only }
    }
}

/// An open object.
#[derive(Debug)]
pub(super) struct Object<'a> {
    descriptor: BorrowedFd<'a>,
    /// Opened with `O_PATH`: system calls access it by its path below `/proc`.
    is_name_only: bool,
}

impl<'a> Object<'a> {
    /// Wraps a file or directory that was not opened with `O_PATH`.
    pub(super) fn open_file(descriptor: BorrowedFd<'a>) -> Self {
        Self { descriptor, is_name_only: false }
    }

    /// Opens the object with a name in a directory; a symbolic link itself.
    pub(super) fn open(
        directory: &DirectoryHandle,
        name: &[u8],
        kind: EntryKind,
    ) -> Result<OpenedObject, Errno> {
        let flags = match kind {
            EntryKind::Directory => Some(READ | OFlags::DIRECTORY),
            EntryKind::File => Some(READ),
            _ => None,
        };
        if let Some(flags) = flags
            && let Ok(descriptor) =
                retry_interrupted(|| rustix::fs::openat(directory, name, flags, Mode::empty()))
        {
            return Ok(OpenedObject { descriptor, is_name_only: false });
        }
        let descriptor = retry_interrupted(|| rustix::fs::openat(directory, name, NAME_ONLY, Mode::empty()))?;
        Ok(OpenedObject { descriptor, is_name_only: true })
    }

    pub(super) fn status(&self) -> Result<Status, Errno> {
        let found = metadata_of(self.descriptor)?;
        Ok(Status {
            kind: found.kind,
            mode: found.mode,
            user_id: found.user_id,
            group_id: found.group_id,
            modified: found.modified,
            inode_flags: found.inode_flags,
            is_mode_certain: true,
        })
    }

    pub(super) fn change_owner(&self, user_id: Option<u32>, group_id: Option<u32>) -> Result<(), Errno> {
        // The highest id means "unchanged" to the kernel; no object can belong to it.
        if user_id == Some(u32::MAX) || group_id == Some(u32::MAX) {
            return Err(Errno::INVAL);
        }
        let (user_id, group_id) = (user_id.map(Uid::from_raw), group_id.map(Gid::from_raw));
        let empty = c"";
        retry_interrupted(|| {
            if self.is_name_only {
                rustix::fs::chownat(self.descriptor, empty, user_id, group_id, AtFlags::EMPTY_PATH)
            } else {
                rustix::fs::fchown(self.descriptor, user_id, group_id)
            }
        })
    }

    pub(super) fn change_mode(&self, mode: u32) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(mode & MODE_BITS);
        if self.is_name_only {
            let path = self.path()?;
            retry_interrupted(|| rustix::fs::chmod(&path, mode))
        } else {
            retry_interrupted(|| rustix::fs::fchmod(self.descriptor, mode))
        }
    }

    /// Sets the time of the last change of content, but not the time of the last access.
    pub(super) fn change_modified(&self, modified: Timestamp) -> Result<(), Errno> {
        // Larger numbers are special values, such as the one for the current time.
        if modified.nanoseconds >= NANOSECONDS_PER_SECOND {
            return Err(Errno::INVAL);
        }
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() },
        };
        if !self.is_name_only {
            return retry_interrupted(|| rustix::fs::futimens(self.descriptor, &times));
        }
        match retry_interrupted(|| rustix::fs::utimensat(self.descriptor, c"", &times, AtFlags::EMPTY_PATH)) {
            // Linux before 5.8.
            Err(Errno::INVAL) => {
                let path = self.path()?;
                retry_interrupted(|| rustix::fs::utimensat(CWD, &path, &times, AtFlags::empty()))
            }
            result => result,
        }
    }

    /// Sets and clears flags of a file or directory; the flags of unreadable objects cannot be accessed.
    pub(super) fn change_flags(&self, set: u32, clear: u32) -> Result<(), Errno> {
        flags::change(self.descriptor, set, clear)
    }

    /// Reads all attributes; unreadable ones are listed with empty values.
    pub(super) fn read_attributes(&self) -> io::Result<ExtendedAttributes> {
        let read = self.with_attributes(xattr::read_attributes)?;
        let unreadable = read.unreadable.into_iter().map(|attribute| (attribute.name, Vec::new()));
        Ok(read.attributes.into_iter().chain(unreadable).collect())
    }

    pub(super) fn write_attribute(&self, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.with_attributes(|owner| xattr::write_attribute(owner, name, value))
    }

    pub(super) fn remove_attribute(&self, name: &[u8]) -> io::Result<()> {
        self.with_attributes(|owner| xattr::remove_attribute(owner, name))
    }

    fn with_attributes<T>(&self, action: impl FnOnce(AttributeOwner<'_>) -> io::Result<T>) -> io::Result<T> {
        if self.is_name_only {
            action(AttributeOwner::FollowedPath(&self.path()?))
        } else {
            action(AttributeOwner::Descriptor(self.descriptor))
        }
    }

    /// Returns a path that leads to exactly this object, even if it is a symbolic link.
    fn path(&self) -> Result<CString, Errno> {
        descriptor_path(self.descriptor).map_err(|_| Errno::INVAL)
    }
}
