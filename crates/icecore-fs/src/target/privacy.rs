//! Makes an existing directory private before anything is written into it.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use super::acl::ACCESS_ACL;
use super::apply::{ApplyOptions, Object, Wanted};
use super::{TargetTree, absent_as_none, path};
use crate::entry::{EntryKind, ExtendedAttributes, Metadata};
use crate::error::{FsError, retry_interrupted};
use crate::flags;
use crate::xattr::{self, AttributeOwner};

const OWNER_ALL: u32 = 0o700;
const GROUP_ALL: u32 = 0o070;
const PERMISSIONS: u32 = 0o777;

const READ_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl TargetTree {
    /// Removes from an existing directory (empty path: the target itself) the permissions that it will not
    /// have in the end: each class of users keeps only those that it has now and will have. A directory that
    /// may stay open is not changed.
    ///
    /// Fails only if the directory cannot be examined. If the user may not change it, this is reported when
    /// it is completed.
    pub fn make_private(
        &self,
        directory_path: &[u8],
        metadata: &Metadata,
        attributes: &ExtendedAttributes,
        options: &ApplyOptions,
    ) -> Result<(), FsError> {
        const OPERATION: &str = "read the permissions of";
        let opened: Option<OwnedFd> = if directory_path.is_empty() {
            let opened =
                retry_interrupted(|| rustix::fs::openat(&self.root, c".", READ_DIRECTORY, Mode::empty()));
            Some(opened.map_err(|errno| FsError::new(OPERATION, directory_path, errno))?)
        } else {
            path::check(directory_path)
                .map_err(|problem| FsError::new(OPERATION, directory_path, problem))?;
            let open =
                |parent: &_, name: &[u8]| rustix::fs::openat(parent, name, READ_DIRECTORY, Mode::empty());
            absent_as_none(self.in_parent(OPERATION, directory_path, |parent, name| open(parent, name)))?
        };
        let Some(opened) = opened else { return Ok(()) };
        let wanted = Wanted { metadata, attributes, options, is_temporary: false };
        restrict(&opened, &wanted).map_err(|errno| FsError::new(OPERATION, directory_path, errno))
    }
}

/// Restricts an open directory.
fn restrict(directory: &OwnedFd, wanted: &Wanted<'_>) -> Result<(), rustix::io::Errno> {
    use std::os::fd::AsFd;
    let object = Object::open_file(directory.as_fd());
    let found = object.status()?;
    if found.kind != EntryKind::Directory || !wanted.options.mode {
        return Ok(());
    }
    let owner = wanted.owner().filter(|owner| *owner != (found.user_id, found.group_id));
    let mut mode = found.mode & (wanted.metadata.mode | !PERMISSIONS | OWNER_ALL);
    // The bits of the group would apply to another group, or are the mask of a list that has to be removed.
    if owner.is_some() || has_other_list(directory, wanted) {
        mode &= !GROUP_ALL;
    }
    if mode == found.mode && owner.is_none() {
        return Ok(());
    }
    if found.inode_flags & flags::PROTECTING != 0 {
        // A user who may not clear them may not write into the directory, either.
        object.change_flags(0, found.inode_flags & flags::PROTECTING)?;
    }
    if mode != found.mode {
        note(object.change_mode(mode));
    }
    if let Some((user_id, group_id)) = owner {
        note(object.change_owner(Some(user_id), Some(group_id)));
    }
    Ok(())
}

/// Returns whether the directory has an access control list that is not the wanted one.
fn has_other_list(directory: &OwnedFd, wanted: &Wanted<'_>) -> bool {
    use std::os::fd::AsFd;
    let Ok(name) = std::ffi::CString::new(ACCESS_ACL) else { return true };
    let wanted_list = wanted.attributes.iter().find(|(name, _)| name == ACCESS_ACL).map(|(_, list)| list);
    match xattr::read_attribute(AttributeOwner::Descriptor(directory.as_fd()), &name) {
        Ok(found) => found.is_some() && found.as_ref() != wanted_list,
        Err(_) => false,
    }
}

/// A missing permission is reported when the directory is completed.
fn note(result: Result<(), rustix::io::Errno>) {
    if let Err(errno) = result {
        tracing::debug!(%errno, "an existing directory could not be made private at once");
    }
}
