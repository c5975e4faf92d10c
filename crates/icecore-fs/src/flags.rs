//! Inode flags (see `chattr`): reads and changes those that a backup stores.

use std::os::fd::AsFd;

use rustix::fs::IFlags;
use rustix::io::Errno;

use crate::error::retry_interrupted;

/// The content is stored compressed.
pub const COMPRESSED: u32 = 0x4;
/// Nothing about the object can be changed.
pub const IMMUTABLE: u32 = 0x10;
/// A file can only grow; a directory can only get more names.
pub const APPEND_ONLY: u32 = 0x20;
/// `dump` skips the object.
pub const NO_DUMP: u32 = 0x40;

/// All flags that are read and restored. `STATX_ATTR_*` and `FS_*_FL` of Linux have the same values for them.
pub const KNOWN: u32 = COMPRESSED | IMMUTABLE | APPEND_ONLY | NO_DUMP;

/// The flags that forbid changes, even to the superuser.
pub const PROTECTING: u32 = IMMUTABLE | APPEND_ONLY;

/// Flags that are removed from an object that should not have them. Compression is not among them: if an
/// object inherits it from a directory of the target, the owner of the target chose it.
pub(crate) const REMOVABLE: u32 = PROTECTING | NO_DUMP;

/// Sets and clears flags of an open file or directory; all others stay unchanged.
pub(crate) fn change(descriptor: impl AsFd, set: u32, clear: u32) -> Result<(), Errno> {
    let present = retry_interrupted(|| rustix::fs::ioctl_getflags(&descriptor))?;
    let wanted = IFlags::from_bits_retain((present.bits() & !clear) | set);
    if wanted == present {
        return Ok(());
    }
    retry_interrupted(|| rustix::fs::ioctl_setflags(&descriptor, wanted))
}
