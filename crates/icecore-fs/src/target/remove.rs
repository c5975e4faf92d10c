//! Removes objects and whole trees from a target, except for objects that must be kept.

use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::removal::{OPERATION, Removal, RemovalMode, RemovalWatch};
use super::{TargetTree, absent_as_none};
use crate::entry::EntryKind;
use crate::error::FsError;

impl TargetTree {
    /// Removes anything except a directory; a symbolic link itself. Returns whether there was an object.
    pub fn remove_non_directory(&self, path: &[u8]) -> Result<bool, FsError> {
        let removed = self
            .in_parent(OPERATION, path, |parent, name| rustix::fs::unlinkat(parent, name, AtFlags::empty()));
        absent_as_none(removed).map(|removed| removed.is_some())
    }

    /// Removes an empty directory; returns `false` if it is not empty.
    pub fn remove_empty_directory(&self, path: &[u8]) -> Result<bool, FsError> {
        let removed = self.in_parent(OPERATION, path, |parent, name| {
            match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => Ok(true),
                Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
                Err(errno) => Err(errno),
            }
        })?;
        if removed {
            self.handles.forget_tree(path);
        }
        Ok(removed)
    }

    /// Removes any object; a directory with everything in it, without following links. Never touches a mount
    /// point or anything below one. Keeps the objects that the watch keeps, with the directories that lead to
    /// them. Returns whether the object itself was removed (in a survey: would be).
    ///
    /// Removes everything that can be removed, then fails with the first failure. Needs two open directories
    /// at any depth, and memory for the names of the directories on the current path and beside it.
    pub fn remove(
        &self,
        path: &[u8],
        mode: RemovalMode,
        watch: &mut dyn RemovalWatch,
    ) -> Result<bool, FsError> {
        let found = self.in_parent(OPERATION, path, |parent, name| {
            Ok((self.locate_at(parent, name)?, Arc::clone(parent), name.to_vec()))
        });
        let Some((found, parent, name)) = absent_as_none(found)? else { return Ok(false) };
        if watch.keeps(path, &found) || found.is_foreign {
            return Ok(false);
        }
        if found.kind != EntryKind::Directory {
            let is_removed = mode == RemovalMode::Survey || self.remove_non_directory(path)?;
            if is_removed {
                watch.removed(path, 1);
            }
            return Ok(is_removed);
        }
        self.handles.forget_tree(path);
        let removed = Removal::new(self, &parent, path, mode, watch).run(name);
        self.handles.forget_tree(path);
        removed
    }
}
