//! Identity of an object of a target, and the mount that it is on.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use super::status::kind_of;
use super::{TargetTree, absent_as_none};
use crate::entry::EntryKind;
use crate::error::{FsError, retry_interrupted};

/// Flags to open an object only to find its mount.
const NAME_ONLY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Identity of an object, and whether it is on the same mount as the target's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Kind of the object.
    pub kind: EntryKind,
    /// Its device, as in [`Metadata::device`](crate::entry::Metadata::device).
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// It is a mount point or lies below one, or it is a directory on another device than the target's root.
    pub is_foreign: bool,
}

/// The mount and the device of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    device: u64,
    /// None if the system does not report it.
    id: Option<u64>,
}

impl Mount {
    /// Finds the mount of an open directory.
    pub(super) fn of(directory: impl AsFd) -> Result<Self, Errno> {
        Ok(examine(directory, c"", AtFlags::EMPTY_PATH)?.mount)
    }
}

impl TargetTree {
    /// Returns identity and mount of the object at a path (empty for the target itself), or none if there is
    /// no object. Describes a symbolic link itself; for a mount point, describes the mounted directory.
    pub fn locate(&self, path: &[u8]) -> Result<Option<Location>, FsError> {
        const OPERATION: &str = "look up";
        if path.is_empty() {
            let found = self.locate_descriptor(&*self.root);
            return found.map(Some).map_err(|errno| FsError::new(OPERATION, path, errno));
        }
        absent_as_none(self.in_parent(OPERATION, path, |parent, name| self.locate_at(parent, name)))
    }

    /// Returns whether something is mounted at exactly this path (not the target itself).
    pub fn is_mount_point(&self, path: &[u8]) -> Result<bool, FsError> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let found = self.in_parent("look up", path, |parent, name| {
            Ok((Mount::of(parent)?.id, examine(parent, name, flags)?.mount.id))
        });
        let found = absent_as_none(found)?;
        Ok(matches!(found, Some((Some(parent), Some(own))) if parent != own))
    }

    /// Does the same for a name in an open directory.
    pub(super) fn locate_at(&self, directory: impl AsFd, name: &[u8]) -> Result<Location, Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        Ok(self.location(&examine(directory, name, flags)?))
    }

    /// Does the same for an open object.
    pub(super) fn locate_descriptor(&self, descriptor: impl AsFd) -> Result<Location, Errno> {
        Ok(self.location(&examine(descriptor, c"", AtFlags::EMPTY_PATH)?))
    }

    fn location(&self, found: &Examined) -> Location {
        let Examined { kind, inode, mount } = *found;
        let is_other_mount = matches!((mount.id, self.mount.id), (Some(id), Some(root)) if id != root);
        // For files, overlay file systems may report the device of a lower layer.
        let is_other_device = kind == EntryKind::Directory && mount.device != self.mount.device;
        Location { kind, device: mount.device, inode, is_foreign: is_other_mount || is_other_device }
    }
}

struct Examined {
    kind: EntryKind,
    inode: u64,
    mount: Mount,
}

fn examine(directory: impl AsFd, name: impl Arg + Copy, flags: AtFlags) -> Result<Examined, Errno> {
    let wanted = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::MNT_ID;
    let found = retry_interrupted(|| rustix::fs::statx(directory.as_fd(), name, flags, wanted))?;
    let kind = kind_of(FileType::from_raw_mode(u32::from(found.stx_mode))).ok_or(Errno::INVAL)?;
    let device = u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor);
    let id = if found.stx_mask & StatxFlags::MNT_ID.bits() != 0 {
        Some(found.stx_mnt_id)
    } else {
        // Linux before 5.8.
        mount_id_in_proc(directory, name, flags)
    };
    Ok(Examined { kind, inode: found.stx_ino, mount: Mount { device, id } })
}

/// Reads the number of the mount from `/proc`; none if that is impossible.
fn mount_id_in_proc(directory: impl AsFd, name: impl Arg + Copy, flags: AtFlags) -> Option<u64> {
    if flags.contains(AtFlags::EMPTY_PATH) {
        return mount_id_of(directory).ok().flatten();
    }
    let opened: OwnedFd =
        retry_interrupted(|| rustix::fs::openat(directory.as_fd(), name, NAME_ONLY, Mode::empty())).ok()?;
    mount_id_of(opened).ok().flatten()
}

fn mount_id_of(descriptor: impl AsFd) -> io::Result<Option<u64>> {
    let mut text = String::new();
    let path = format!("/proc/self/fdinfo/{}", descriptor.as_fd().as_raw_fd());
    std::fs::File::open(path)?.read_to_string(&mut text)?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    Ok(line.and_then(|number| number.trim().parse().ok()))
}

#[cfg(test)]
mod tests;
