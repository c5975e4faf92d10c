//! Whose files and directories the store's are: the owner's of its root directory, also where root writes.
//!
//! Objects are readable for their owner alone. Were they root's, the user whose repository root backs up into
//! could read and continue it no more.

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

/// To whom root gives what it writes.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// User and group of the root directory; none if this process is that user's, or may not give files away.
    other: Option<(Uid, Gid)>,
    /// It was said already that giving fails.
    failed: AtomicBool,
}

impl Owner {
    /// Finds out to whom the store whose root directory is open belongs.
    pub(super) fn of(root: impl AsFd) -> Self {
        if !geteuid().is_root() {
            return Self::default();
        }
        let stat = rustix::fs::fstat(root).ok().filter(|stat| stat.st_uid != 0);
        let other = stat.map(|stat| (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid)));
        Self { other, failed: AtomicBool::new(false) }
    }

    /// Gives a directory to the owner of the store if it is root's and empty, and an empty file likewise.
    ///
    /// Nothing else that is root's is given away: the owner of the store can put anything of root's under a
    /// name that the store uses, if it lies in a directory of theirs, and would be made its owner.
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

    /// Gives a file that this process has just made to the owner of the store. Where the system refuses that,
    /// it is said once, and the file stays root's.
    pub(super) fn give(&self, file: impl AsFd, root: &Path) {
        let Some((user, group)) = self.other else { return };
        if let Err(errno) = rustix::fs::fchown(file, Some(user), Some(group))
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            let (path, user) = (root.display(), user.as_raw());
            let reason = std::io::Error::from(errno);
            tracing::warn!(
                "what root writes to {path} cannot be given to the user {user}, who owns it, and who will not be able to read \
                 it: {reason}"
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
