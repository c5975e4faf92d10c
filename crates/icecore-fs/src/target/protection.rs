//! Clears flags that forbid changes (`chattr +i`, `chattr +a`) if a restore has to change something.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::status::{metadata_at, metadata_of};
use crate::entry::EntryKind;
use crate::error::retry_interrupted;
use crate::flags;

/// Flags to open a file or directory in order to access its inode flags.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Clears the flags of a directory that forbid changes in it; returns whether there were any.
pub(super) fn lift_from_directory(directory: impl AsFd) -> bool {
    let Ok(found) = metadata_of(&directory) else { return false };
    let protecting = found.inode_flags & flags::PROTECTING;
    if protecting == 0 {
        return false;
    }
    let opened = retry_interrupted(|| rustix::fs::openat(&directory, c".", READ, Mode::empty()));
    opened.is_ok_and(|opened| flags::change(opened, 0, protecting).is_ok())
}

/// A file whose inode flags have been cleared.
pub(super) struct Lifted {
    descriptor: OwnedFd,
    protecting: u32,
}

impl Lifted {
    /// Sets the flags again.
    pub(super) fn put_back(&self) -> Result<(), Errno> {
        flags::change(&self.descriptor, self.protecting, 0)
    }
}

/// Clears the flags of a file that forbid changing or replacing it, if it has any.
pub(super) fn lift_from_file(directory: impl AsFd, name: &[u8]) -> Option<Lifted> {
    let found = metadata_at(&directory, name).ok()?;
    let protecting = found.inode_flags & flags::PROTECTING;
    if protecting == 0 || found.kind != EntryKind::File {
        return None;
    }
    let descriptor = retry_interrupted(|| rustix::fs::openat(&directory, name, READ, Mode::empty())).ok()?;
    flags::change(&descriptor, 0, protecting).ok()?;
    Some(Lifted { descriptor, protecting })
}

/// Renames an object within its directory and replaces the object with the new name, even if its flags
/// protect it.
pub(super) fn rename_over(directory: impl AsFd, from: &[u8], to: &[u8]) -> Result<(), Errno> {
    let rename = || retry_interrupted(|| rustix::fs::renameat(&directory, from, &directory, to));
    match rename() {
        Err(Errno::PERM) if lift_from_file(&directory, to).is_some() => rename(),
        result => result,
    }
}
