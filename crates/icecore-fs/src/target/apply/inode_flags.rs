//! Inode flags: some forbid all other changes, so they are cleared first and set last.

use super::super::aspects::AppliedAspect;
use super::Application;
use crate::flags;

impl Application<'_> {
    /// Clears the flags that forbid every change.
    pub(super) fn lift_protection(&mut self) {
        let protecting = self.status.inode_flags & flags::PROTECTING;
        if protecting == 0 {
            return;
        }
        match self.object.change_flags(0, protecting) {
            Ok(()) => self.status.inode_flags &= !protecting,
            Err(errno) => self.warn(AppliedAspect::InodeFlags, errno),
        }
    }

    /// Returns the flags to set, and the flags to clear.
    pub(super) fn flag_changes(&self) -> (u32, u32) {
        let kept = if self.wanted.options.clear_flags { 0 } else { self.flags_before };
        let deferred = if self.wanted.is_temporary { flags::PROTECTING } else { 0 };
        let wanted = (self.wanted.metadata.inode_flags & flags::KNOWN & !deferred) | kept;
        let present = self.status.inode_flags;
        (wanted & !present, present & !wanted & flags::REMOVABLE)
    }

    /// Sets the flags one by one, because a file system may support only some; protecting flags come last.
    pub(super) fn apply_flags(&mut self) {
        let (set, clear) = self.flag_changes();
        for flag in [flags::COMPRESSED, flags::NO_DUMP, flags::APPEND_ONLY, flags::IMMUTABLE] {
            if (set | clear) & flag == 0 {
                continue;
            }
            match self.object.change_flags(set & flag, clear & flag) {
                Ok(()) => self.status.inode_flags ^= flag,
                Err(errno) => self.warn(AppliedAspect::InodeFlags, errno),
            }
        }
    }
}
