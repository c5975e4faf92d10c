//! The owner of the store's files and directories: the owner of its root directory, even if root writes.
//!
//! Objects are readable only for their owner. If they belonged to root, a user whose repository root backs up
//! into could no longer read or continue it.

use std::{
    os::fd::AsFd,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{Dir, FileType, Gid, Uid},
    io::Errno,
    process::geteuid,
};

/// The user to whom root gives the files that it writes.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// User and group of the root directory; none if this process runs as that user, or may not give files
    /// away.
    other: Option<(Uid, Gid)>,
    /// A failure to give a file away has been reported already.
    failed: AtomicBool,
}

impl Owner {
    /// Finds the owner of the store whose root directory is open.
    pub(super) fn of(root: impl AsFd) -> Self {
        if !geteuid().is_root() {
            return Self::default();
        }
        let stat = rustix::fs::fstat(root).ok().filter(|stat| stat.st_uid != 0);
        let other = stat.map(|stat| (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid)));
        Self { other, failed: AtomicBool::new(false) }
    }

    /// Gives a directory to the owner of the store if it is empty and belongs to root, and an empty file
    /// likewise.
    ///
    /// Nothing else of root is given away: in their own directories, the owner of the store can put any file
    /// of root under a name that the store uses, and would become its owner.
    pub(super) fn give_if_empty(&self, file: impl AsFd, root: &Path) -> Result<(), Errno> {
        if self.other.is_none() {
            return Ok(());
        }
        let stat = rustix::fs::fstat(&file)?;
        let is_empty = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => stat.st_size == 0 && stat.st_nlink == 1,
            FileType::Directory => is_empty_directory(&file)?,
            _ => false,
        };
        if stat.st_uid == 0 && is_empty {
            self.give(file, root);
        }
        Ok(())
    }

    /// Gives a file that this process has just created to the owner of the store. If the system refuses that,
    /// it is reported once, and the file stays with root.
    pub(super) fn give(&self, file: impl AsFd, root: &Path) {
        let Some((user, group)) = self.other else { return };
        if let Err(errno) = rustix::fs::fchown(file, Some(user), Some(group))
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            let (path, user) = (root.display(), user.as_raw());
            let reason = std::io::Error::from(errno);
            tracing::warn!(
                "the user {user}, who owns {path}, cannot read the files that root creates there: failed to change their owner: \
                 {reason}"
            );
        }
    }
}

fn is_empty_directory(directory: impl AsFd) -> Result<bool, Errno> {
    for entry in Dir::read_from(directory)? {
        if ![c".", c".."].contains(&entry?.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}
