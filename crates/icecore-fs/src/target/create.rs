//! Creates directories, links and special objects.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;

use super::apply::{AppliedAspect, ApplyWarning};
use super::handles::DirectoryHandle;
use super::path::TargetPathProblem;
use super::protection::{lift_from_file, rename_over};
use super::status::metadata_at;
use super::{ENTER, TargetTree, path, remove_temporary};
use crate::entry::EntryKind;
use crate::error::FsError;
use crate::stat::kernel_device_number;
use crate::xattr::descriptor_path;

/// Permissions that the owner needs to create objects in a directory.
const OWNER_ALL: u32 = 0o700;

/// Result of [`TargetTree::create_directory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryOutcome {
    /// The directory is new.
    Created,
    /// The directory existed already.
    Existed,
}

impl TargetTree {
    /// Creates a directory with mode 700; the final mode is applied when its content is complete.
    ///
    /// An existing directory is kept. If it belongs to the (unprivileged) user of the process and does not
    /// let its owner in, mode 700 is added for now. Fails if anything else has the name (the cause is then
    /// [`TargetPathProblem::SymbolicLink`] or [`TargetPathProblem::NotADirectory`]): to replace it, remove it
    /// first.
    pub fn create_directory(&self, path: &[u8]) -> Result<DirectoryOutcome, FsError> {
        const OPERATION: &str = "create the directory";
        let created = self.in_parent(OPERATION, path, |parent, name| {
            match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(OWNER_ALL)) {
                Ok(()) => Ok(None),
                Err(Errno::EXIST) => metadata_at(parent, name).map(Some),
                Err(errno) => Err(errno),
            }
        })?;
        let Some(existing) = created else { return Ok(DirectoryOutcome::Created) };
        match existing.kind {
            EntryKind::Directory => {}
            EntryKind::Symlink => return Err(FsError::new(OPERATION, path, TargetPathProblem::SymbolicLink)),
            _ => return Err(FsError::new(OPERATION, path, TargetPathProblem::NotADirectory)),
        }
        let is_closed = existing.mode & OWNER_ALL != OWNER_ALL;
        if is_closed && self.user_id != 0 && existing.user_id == self.user_id {
            self.in_parent("add permissions for the owner to", path, |parent, name| {
                let directory = rustix::fs::openat(parent, name, ENTER, Mode::empty())?;
                let descriptor = descriptor_path(directory.as_fd()).map_err(|_| Errno::INVAL)?;
                rustix::fs::chmod(descriptor, Mode::from_raw_mode(existing.mode | OWNER_ALL))
            })?;
        }
        Ok(DirectoryOutcome::Existed)
    }

    /// Creates a symbolic link, replacing anything except a directory.
    ///
    /// The target of the link is arbitrary bytes without NUL; it is never examined.
    pub fn create_symlink(&self, path: &[u8], target: &[u8]) -> Result<(), FsError> {
        self.create_replacing("create the symbolic link", path, |parent, name| {
            rustix::fs::symlinkat(target, parent, name)
        })
    }

    /// Creates a named pipe, a socket or a device node, replacing anything except a directory.
    ///
    /// `special_device` has the form of [`Metadata::special_device`](crate::entry::Metadata::special_device).
    /// The permissions in `mode` are used as far as the umask allows. Returns a warning, and changes nothing,
    /// if the user may not create devices. Fails with invalid input for other kinds.
    pub fn create_special(
        &self,
        path: &[u8],
        kind: EntryKind,
        special_device: u64,
        mode: u32,
    ) -> Result<Option<ApplyWarning>, FsError> {
        const OPERATION: &str = "create the special file";
        let (file_type, device) = match kind {
            EntryKind::Fifo => (FileType::Fifo, 0),
            EntryKind::Socket => (FileType::Socket, 0),
            EntryKind::CharacterDevice => (FileType::CharacterDevice, kernel_device_number(special_device)),
            EntryKind::BlockDevice => (FileType::BlockDevice, kernel_device_number(special_device)),
            _ => return Err(FsError::new(OPERATION, path, Errno::INVAL)),
        };
        let mode = Mode::from_raw_mode(mode & 0o777);
        let created = self.create_replacing(OPERATION, path, |parent, name| {
            rustix::fs::mknodat(parent, name, file_type, mode, device)
        });
        let is_device = matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        match created {
            Ok(()) => Ok(None),
            Err(error) if is_device && error.is_permission_denied() => Ok(Some(ApplyWarning {
                path: path.to_vec(),
                aspect: AppliedAspect::Device,
                source: error.source,
            })),
            Err(error) => Err(error),
        }
    }

    /// Gives an existing object of the target a second name, replacing anything except a directory.
    pub fn create_hard_link(&self, existing_path: &[u8], new_path: &[u8]) -> Result<(), FsError> {
        const OPERATION: &str = "create the hard link";
        let (existing_parent, existing_name) =
            path::split(existing_path).map_err(|problem| FsError::new(OPERATION, existing_path, problem))?;
        let existing_parent = self.directory(existing_parent)?;
        let link = || {
            self.create_replacing(OPERATION, new_path, |parent, name| {
                rustix::fs::linkat(&existing_parent, existing_name, parent, name, AtFlags::empty())
            })
        };
        match link() {
            // Immutable or append-only objects cannot get more names.
            Err(error) if error.source.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                let Some(lifted) = lift_from_file(&existing_parent, existing_name) else { return Err(error) };
                let linked = link();
                lifted.put_back().map_err(|errno| FsError::new("set the flags of", existing_path, errno))?;
                linked
            }
            result => result,
        }
    }

    /// Creates an object under its name. If the name is taken, creates it under a temporary name and then
    /// replaces the old object atomically.
    fn create_replacing(
        &self,
        operation: &'static str,
        path: &[u8],
        create: impl Fn(&DirectoryHandle, &[u8]) -> Result<(), Errno>,
    ) -> Result<(), FsError> {
        self.in_parent(operation, path, |parent, name| match create(parent, name) {
            Err(Errno::EXIST) => {
                let ((), temporary) = self.create_temporary(|temporary| create(parent, temporary))?;
                let renamed = rename_over(parent, &temporary, name);
                // Renaming one hard link over another of the same object succeeds and does nothing, so the
                // temporary name may still exist even after success.
                remove_temporary(parent, &temporary);
                renamed
            }
            result => result,
        })
    }
}
