//! Files that are being written and have no key yet.

use std::{
    fs::File,
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, Stat},
    io::Errno,
};

use super::{
    content,
    directory::{DIRECTORY_MODE, Directory, Root},
    failure::Call,
    generation,
};
use crate::store::StoreResult;

/// Name of the directory for named temporary files; not a valid key.
pub(super) const TEMPORARY_NAME: &str = "+tmp";
/// Prefix of the names of temporary files.
const FILE_PREFIX: &str = "put-";
/// A temporary file of this age or older is a leftover; a put takes minutes at most.
const LEFTOVER_SECONDS: i64 = 24 * 60 * 60;
/// The content of objects never changes; they are only replaced.
const FILE_MODE: Mode = Mode::RUSR;

/// Distinguishes the temporary files of this process. Those of other processes differ by process id and
/// `O_EXCL`.
static FILES_MADE: AtomicU64 = AtomicU64::new(0);

/// A file that is complete and synced but has no key yet; it vanishes unless [`Self::publish`] is called.
#[derive(Debug)]
pub(super) struct Temporary {
    file: File,
    /// Directory and name, if it has one.
    named: Option<(OwnedFd, String)>,
}

impl Temporary {
    /// Writes `bytes` to a new file in (or for) `directory` and syncs it. Only a named file can replace
    /// another.
    pub(super) fn write(
        root: &Root,
        directory: &Directory<'_>,
        bytes: &[u8],
        is_for_replacement: bool,
        call: Call<'_>,
    ) -> StoreResult<Self> {
        let unnamed = if is_for_replacement { None } else { Self::make_unnamed(root, directory, call)? };
        let temporary = match unnamed {
            Some(temporary) => temporary,
            None => Self::make_named(root).map_err(|errno| call.failed_inside(errno))?,
        };
        root.owner.give(&temporary.file, &root.path);
        content::write(&temporary.file, bytes).map_err(|error| call.failed_io(error))?;
        generation::stamp(root, &temporary.file, call)?;
        temporary.file.sync_all().map_err(|error| call.failed_io(error))?;
        Ok(temporary)
    }

    /// Creates a file without a name, which vanishes by itself when the process is killed; returns nothing if
    /// that is impossible.
    fn make_unnamed(root: &Root, directory: &Directory<'_>, call: Call<'_>) -> StoreResult<Option<Self>> {
        if !root.has_unnamed_files.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(directory, ".", flags, FILE_MODE) {
            Ok(file) => File::from(file),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT | Errno::NOSYS) => {
                root.has_unnamed_files.store(false, Ordering::Relaxed);
                return Ok(None);
            }
            Err(errno) => return Err(call.failed_inside(errno)),
        };
        // Naming the file needs /proc, which some containers lack.
        if rustix::fs::lstat(descriptor_path(&file)).is_err() {
            root.has_unnamed_files.store(false, Ordering::Relaxed);
            return Ok(None);
        }
        Ok(Some(Self { file, named: None }))
    }

    fn make_named(root: &Root) -> Result<Self, Errno> {
        let directory = open_temporary_directory(root)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let process = rustix::process::getpid().as_raw_nonzero();
        loop {
            let name = format!("{FILE_PREFIX}{process}-{}", FILES_MADE.fetch_add(1, Ordering::Relaxed));
            match rustix::fs::openat(&directory, &name, flags, FILE_MODE) {
                Ok(file) => return Ok(Self { file: File::from(file), named: Some((directory, name)) }),
                // Left by a killed process with the same id, or in use on another host.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Returns the metadata of the file; inode, time and size stay the same when it gets its key.
    pub(super) fn stat(&self) -> Result<Stat, Errno> {
        rustix::fs::fstat(&self.file)
    }

    /// Gives the file the name `name` in `directory`; fails with [`Errno::EXIST`] if the name exists.
    pub(super) fn publish(&self, directory: &Directory<'_>, name: &str) -> Result<(), Errno> {
        let linked = match &self.named {
            None => {
                let path = descriptor_path(&self.file);
                rustix::fs::linkat(rustix::fs::CWD, path, directory, name, AtFlags::SYMLINK_FOLLOW)
            }
            Some((temporary, old_name)) => {
                match rustix::fs::linkat(temporary, old_name, directory, name, AtFlags::empty()) {
                    // Most file systems without hard links support this instead.
                    Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => rustix::fs::renameat_with(
                        temporary,
                        old_name,
                        directory,
                        name,
                        RenameFlags::NOREPLACE,
                    ),
                    result => result,
                }
            }
        };
        // On NFS, the answer may get lost, and the client's repetition then finds the result of its first
        // attempt.
        match linked {
            Err(errno @ (Errno::EXIST | Errno::NOENT)) if !self.is_at(directory, name) => Err(errno),
            Err(Errno::EXIST | Errno::NOENT) => Ok(()),
            result => result,
        }
    }

    /// Replaces the file `name` in `directory` by this file.
    pub(super) fn replace(mut self, directory: &Directory<'_>, name: &str) -> Result<(), Errno> {
        let Some((temporary, old_name)) = &self.named else { return Err(Errno::INVAL) };
        match rustix::fs::renameat(temporary, old_name, directory, name) {
            Ok(()) => {}
            Err(Errno::NOENT) if self.is_at(directory, name) => {}
            Err(errno) => return Err(errno),
        }
        self.named = None;
        Ok(())
    }

    /// Returns whether the file has a temporary name, and could therefore be renamed.
    pub(super) fn is_named(&self) -> bool {
        self.named.is_some()
    }

    fn is_at(&self, directory: &Directory<'_>, name: &str) -> bool {
        match (self.stat(), directory.stat(name)) {
            (Ok(own), Ok(Some(named))) => own.st_ino == named.st_ino && own.st_dev == named.st_dev,
            _ => false,
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some((directory, name)) = &self.named {
            // After a rename it is gone already; after any other failure, the next `open` removes the file.
            if let Err(errno) = rustix::fs::unlinkat(directory, name, AtFlags::empty())
                && errno != Errno::NOENT
            {
                tracing::debug!(name, %errno, "could not remove a temporary file");
            }
        }
    }
}

fn descriptor_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn open_temporary_directory(root: &Root) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&root.directory, TEMPORARY_NAME, flags, Mode::empty());
    match open() {
        Err(Errno::NOENT) => {
            match rustix::fs::mkdirat(&root.directory, TEMPORARY_NAME, DIRECTORY_MODE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let directory = open()?;
            root.owner.give_if_empty(&directory, &root.path)?;
            Ok(directory)
        }
        result => result,
    }
}

/// Removes temporary files that are more than a day older than a file created now, so that no other clock
/// matters. Failures do not concern the caller: the store may be read-only.
pub(super) fn remove_leftovers(root: &Root) {
    match try_remove_leftovers(root) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed temporary files of killed processes"),
        Err(errno) => tracing::debug!(%errno, "could not look for temporary files of killed processes"),
    }
}

fn try_remove_leftovers(root: &Root) -> Result<u64, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match rustix::fs::openat(&root.directory, TEMPORARY_NAME, flags, Mode::empty()) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(0),
        Err(errno) => return Err(errno),
    };
    let mut candidates = Vec::new();
    for entry in rustix::fs::Dir::read_from(&directory)? {
        let entry = entry?;
        if entry.file_name().to_bytes().starts_with(FILE_PREFIX.as_bytes()) {
            candidates.push(entry.file_name().to_owned());
        }
    }
    if candidates.is_empty() {
        return Ok(0);
    }
    let now = Temporary::make_named(root)?.stat()?.st_mtime;
    let mut removed = 0;
    for name in candidates {
        let stat = match rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Its writer has just finished.
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno),
        };
        let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        if is_file && now.saturating_sub(stat.st_mtime) > LEFTOVER_SECONDS {
            rustix::fs::unlinkat(&directory, &name, AtFlags::empty())?;
            removed += 1;
        }
    }
    Ok(removed)
}
