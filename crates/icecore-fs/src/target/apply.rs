//! Applies owner, mode, extended attributes and times, in the order in which none undoes another.
//!
//! 1. Attributes that are not wanted go, an old access control list above all, while they cannot hurt what follows.
//! 2. `user.*` and `trusted.*` attributes, while the mode still lets the owner write.
//! 3. Owner: changing it clears setuid, setgid and capabilities.
//! 4. Mode, without setuid and setgid where the owner is not the right one.
//! 5. Access control lists, `security.*` and the rest.
//! 6. Times.
//! 7. Flags, of which some forbid all of the above; those that are there go first, if anything has to change.
//!
//! Then it is looked at once more: file systems clip times, drop bits and ignore owners without an error.

mod inode_flags;
mod outcome;

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;

pub(super) use super::object::Object;

use super::TargetTree;
use super::acl::{ACCESS_ACL, DEFAULT_ACL, mode_without_list};
pub(super) use super::aspects::{AppliedAspect, ApplyWarning};
use super::object::Status;
use super::path;
use crate::entry::{EntryKind, ExtendedAttributes, Metadata};
use crate::error::FsError;

const CAPABILITY: &[u8] = b"security.capability";
pub(super) const SET_USER_ID: u32 = 0o4000;
pub(super) const SET_GROUP_ID: u32 = 0o2000;
const OWNER_READ_WRITE: u32 = 0o600;

/// Whom restored objects shall belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerChoice {
    /// The owner and group that the metadata names.
    #[default]
    FromMetadata,
    /// These, whatever the metadata says: the result of the caller's mapping.
    Fixed {
        /// Numeric owner.
        user_id: u32,
        /// Numeric group.
        group_id: u32,
    },
    /// As they are: usually the user who restores. Objects that so get another owner lose setuid and setgid.
    Unchanged,
}

/// What of the metadata is applied; by default everything.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Owner and group.
    pub owner: OwnerChoice,
    /// Permissions, setuid, setgid and sticky (never of symbolic links, which have none).
    pub mode: bool,
    /// Time of the last change of content; the time of the last access is left alone.
    pub times: bool,
    /// Extended attributes with access control lists and capabilities. Those that are there and not wanted are
    /// removed, except `security.*` (but capabilities) and `system.*` (but POSIX lists), which belong to the system.
    pub extended_attributes: bool,
    /// Keeps attributes that are there and not wanted: what the object had is known in part only.
    pub keep_attributes: bool,
    /// Removes flags of the inode that the metadata does not name. Those that it names are always set.
    pub clear_flags: bool,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            owner: OwnerChoice::FromMetadata,
            mode: true,
            times: true,
            extended_attributes: true,
            keep_attributes: false,
            clear_flags: true,
        }
    }
}

impl TargetTree {
    /// Applies metadata and extended attributes to an existing object of any kind (empty path: the target itself).
    ///
    /// Directories come last, deepest first: whatever is created in a directory changes its times, and its mode may
    /// forbid it. Fails if nothing is there, or something of another kind than the metadata says.
    pub fn apply_metadata(
        &self,
        path: &[u8],
        metadata: &Metadata,
        attributes: &ExtendedAttributes,
        options: &ApplyOptions,
    ) -> Result<Vec<ApplyWarning>, FsError> {
        const OPERATION: &str = "apply metadata to";
        let wanted = Wanted { metadata, attributes, options, is_temporary: false };
        let before = AttributesBefore::Unknown;
        if path.is_empty() {
            let object = Object::open_file(self.root.as_fd());
            return apply(&object, path, before, &wanted)
                .map_err(|errno| FsError::new(OPERATION, path, errno));
        }
        path::check(path).map_err(|problem| FsError::new(OPERATION, path, problem))?;
        let opened =
            self.in_parent(OPERATION, path, |parent, name| Object::open(parent, name, metadata.kind))?;
        let warnings = apply(&opened.object(), path, before, &wanted)
            .map_err(|errno| FsError::new(OPERATION, path, errno))?;
        if metadata.kind == EntryKind::Directory {
            // What new objects inherit from it may be another thing now.
            self.handles.forget(path);
        }
        Ok(warnings)
    }
}

/// What shall become of an object.
pub(super) struct Wanted<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) attributes: &'a ExtendedAttributes,
    pub(super) options: &'a ApplyOptions,
    /// The object gets its name later: flags that forbid to rename it are not set yet.
    pub(super) is_temporary: bool,
}

impl Wanted<'_> {
    /// Returns the owner and group that the object is to have; none if they stay as they are.
    pub(super) fn owner(&self) -> Option<(u32, u32)> {
        match self.options.owner {
            OwnerChoice::FromMetadata => Some((self.metadata.user_id, self.metadata.group_id)),
            OwnerChoice::Fixed { user_id, group_id } => Some((user_id, group_id)),
            OwnerChoice::Unchanged => None,
        }
    }
}

/// What is known about the attributes of an object before anything is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttributesBefore {
    /// It is new and has none.
    None,
    /// It may have some.
    Unknown,
}

/// Applies what is wanted; fails only if the object cannot be looked at, or is of another kind.
pub(super) fn apply(
    object: &Object<'_>,
    path: &[u8],
    before: AttributesBefore,
    wanted: &Wanted<'_>,
) -> Result<Vec<ApplyWarning>, Errno> {
    let status = object.status()?;
    if status.kind != wanted.metadata.kind {
        return Err(match wanted.metadata.kind {
            EntryKind::Directory => Errno::NOTDIR,
            _ => Errno::INVAL,
        });
    }
    let mut application =
        Application { object, path, wanted, status, flags_before: status.inode_flags, warnings: Vec::new() };
    if application.run(before) {
        application.check_result()?;
    }
    Ok(application.warnings)
}

/// The work on one object.
struct Application<'a> {
    object: &'a Object<'a>,
    path: &'a [u8],
    wanted: &'a Wanted<'a>,
    /// As it is now, kept up to date.
    status: Status,
    flags_before: u32,
    warnings: Vec<ApplyWarning>,
}

impl<'a> Application<'a> {
    /// Applies everything; says whether there was anything to change.
    fn run(&mut self, before: AttributesBefore) -> bool {
        let mode_before = self.status.mode;
        let changes = self.attribute_changes(before);
        if !self.has_changes(&changes) {
            return false;
        }
        self.lift_protection();
        self.apply_early_attributes(&changes);
        self.apply_owner();
        let owner_is_right = self.check_set_ids();
        self.apply_mode(mode_before, owner_is_right, &changes);
        self.apply_late_attributes(owner_is_right, &changes);
        self.apply_times();
        self.apply_flags();
        true
    }

    /// Says whether anything differs from what is wanted: what does not is not touched, so that the next backup of the
    /// target sees no change.
    fn has_changes(&self, changes: &AttributeChanges<'_>) -> bool {
        let Wanted { metadata, options, .. } = self.wanted;
        let owner = (self.status.user_id, self.status.group_id);
        let has_mode = metadata.kind != EntryKind::Symlink;
        !changes.remove.is_empty()
            || !changes.set.is_empty()
            || self.wanted.owner().is_some_and(|wanted| wanted != owner)
            || (options.mode && has_mode && metadata.mode != self.status.mode)
            || (options.times && metadata.modified != self.status.modified)
            || self.flag_changes() != (0, 0)
    }

    /// Compares the attributes that are there with the wanted ones.
    fn attribute_changes(&mut self, before: AttributesBefore) -> AttributeChanges<'a> {
        let mut changes = AttributeChanges::default();
        if !self.wanted.options.extended_attributes {
            return changes;
        }
        let wanted = self.wanted.attributes;
        // Symbolic links inherit nothing, and users cannot give them attributes.
        let is_plain_symlink = self.wanted.metadata.kind == EntryKind::Symlink && wanted.is_empty();
        let present = if before == AttributesBefore::None || is_plain_symlink {
            ExtendedAttributes::new()
        } else {
            match self.object.read_attributes() {
                Ok(present) => present,
                Err(error) => {
                    self.warn(AppliedAspect::ExtendedAttributes, error);
                    ExtendedAttributes::new()
                }
            }
        };
        // An attribute whose value could not be read is listed with an empty one.
        let is_set = |attribute: &&_| present.contains(*attribute);
        changes.set =
            wanted.iter().filter(|attribute| attribute.1.is_empty() || !is_set(attribute)).collect();
        let keeps_others = self.wanted.options.keep_attributes;
        let is_unwanted =
            |name: &Vec<u8>| !keeps_others && is_ours(name) && !wanted.iter().any(|(other, _)| other == name);
        changes.remove = present.into_iter().map(|(name, _)| name).filter(is_unwanted).collect();
        changes
    }

    fn apply_early_attributes(&mut self, changes: &AttributeChanges<'_>) {
        let needs_access = !changes.remove.is_empty() || changes.set.iter().any(|(name, _)| is_early(name));
        let has_access = self.status.mode & OWNER_READ_WRITE == OWNER_READ_WRITE;
        if needs_access && !has_access && self.wanted.metadata.kind != EntryKind::Symlink {
            // Only helps where the user is the owner and not privileged; otherwise it does not matter.
            let mode = self.status.mode | OWNER_READ_WRITE;
            if self.object.change_mode(mode).is_ok() {
                self.status.mode = mode;
            }
        }
        for name in &changes.remove {
            if let Err(error) = self.object.remove_attribute(name) {
                self.warn(aspect_of(name), error);
            }
        }
        for (name, value) in changes.set.iter().filter(|(name, _)| is_early(name)) {
            self.set_attribute(name, value);
        }
    }

    fn apply_owner(&mut self) {
        let Some((user_id, group_id)) = self.wanted.owner() else { return };
        let user_id = Some(user_id).filter(|id| *id != self.status.user_id);
        let group_id = Some(group_id).filter(|id| *id != self.status.group_id);
        if user_id.is_none() && group_id.is_none() {
            return;
        }
        let Err(errno) = self.change_owner(user_id, group_id) else { return };
        self.warn(AppliedAspect::Owner, errno);
        // Users may not give objects away, but may give them to another one of their own groups.
        if user_id.is_some() && group_id.is_some() {
            // Counted above already, whether or not this helps.
            let _: Result<(), Errno> = self.change_owner(None, group_id);
        }
    }

    fn change_owner(&mut self, user_id: Option<u32>, group_id: Option<u32>) -> Result<(), Errno> {
        self.object.change_owner(user_id, group_id)?;
        self.status.user_id = user_id.unwrap_or(self.status.user_id);
        self.status.group_id = group_id.unwrap_or(self.status.group_id);
        // The kernel may clear these, depending on kind and privilege; unless they are, too much is set for now.
        self.status.is_mode_certain = false;
        Ok(())
    }

    /// Compares the owner with the one that setuid, setgid and capabilities were meant for.
    fn check_set_ids(&self) -> OwnerIsRight {
        let metadata = self.wanted.metadata;
        let (user_id, group_id) = self.wanted.owner().unwrap_or((metadata.user_id, metadata.group_id));
        OwnerIsRight { user: self.status.user_id == user_id, group: self.status.group_id == group_id }
    }

    fn apply_mode(&mut self, mode_before: u32, owner_is_right: OwnerIsRight, changes: &AttributeChanges<'_>) {
        if self.wanted.metadata.kind == EntryKind::Symlink {
            return;
        }
        if !self.wanted.options.mode {
            // As it was, after a moment with more; setuid and setgid may be gone with the old owner.
            if self.status.mode != mode_before {
                self.change_mode(mode_before & !(SET_USER_ID | SET_GROUP_ID));
            }
            return;
        }
        let mut mode = self.wanted.metadata.mode;
        let denied = owner_is_right.denied_mode();
        if mode & denied != 0 {
            mode &= !denied;
            self.warn(AppliedAspect::SetIdBits, Errno::PERM);
        }
        if let Some((_, list)) = changes.set.iter().find(|(name, _)| name == ACCESS_ACL) {
            // Setting the list sets the group's bits to its mask; without the list they would allow too much.
            mode = mode_without_list(mode, list);
        }
        if !self.status.is_mode_certain || mode != self.status.mode {
            self.change_mode(mode);
        }
    }

    fn change_mode(&mut self, mode: u32) {
        if let Err(errno) = self.object.change_mode(mode) {
            self.warn(AppliedAspect::Mode, errno);
        }
    }

    fn apply_late_attributes(&mut self, owner_is_right: OwnerIsRight, changes: &AttributeChanges<'_>) {
        for (name, value) in changes.set.iter().filter(|(name, _)| !is_early(name)) {
            if name == CAPABILITY && !(owner_is_right.user && owner_is_right.group) {
                self.warn(aspect_of(name), Errno::PERM);
            } else {
                self.set_attribute(name, value);
            }
        }
    }

    fn apply_times(&mut self) {
        if self.wanted.options.times
            && self.wanted.metadata.modified != self.status.modified
            && let Err(errno) = self.object.change_modified(self.wanted.metadata.modified)
        {
            self.warn(AppliedAspect::Times, errno);
        }
    }

    /// Looks at the object again, and notes what is not as it was set although no call failed.
    fn check_result(&mut self) -> Result<(), Errno> {
        let found = self.object.status()?;
        for (aspect, kind, text) in outcome::differences(self.wanted, &found) {
            let is_known = self.warnings.iter().any(|warning| outcome::explains(&warning.aspect, &aspect));
            if !is_known {
                self.warn(aspect, io::Error::new(kind, text));
            }
        }
        self.status.inode_flags = found.inode_flags;
        if self.flag_changes() != (0, 0)
            && !self.warnings.iter().any(|warning| warning.aspect == AppliedAspect::InodeFlags)
        {
            self.warn(AppliedAspect::InodeFlags, io::Error::other(outcome::FLAGS_DIFFER));
        }
        Ok(())
    }

    fn set_attribute(&mut self, name: &[u8], value: &[u8]) {
        if let Err(error) = self.object.write_attribute(name, value) {
            self.warn(aspect_of(name), error);
        }
    }

    fn warn(&mut self, aspect: AppliedAspect, source: impl Into<io::Error>) {
        self.warnings.push(ApplyWarning { path: self.path.to_vec(), aspect, source: source.into() });
    }
}

/// What is to be done with attributes.
#[derive(Default)]
struct AttributeChanges<'a> {
    remove: Vec<Vec<u8>>,
    set: Vec<&'a (Vec<u8>, Vec<u8>)>,
}

/// Whether owner and group are those that setuid, setgid and capabilities were meant for.
#[derive(Clone, Copy)]
struct OwnerIsRight {
    user: bool,
    group: bool,
}

impl OwnerIsRight {
    fn denied_mode(self) -> u32 {
        let user_bits = if self.user { 0 } else { SET_USER_ID };
        let group_bits = if self.group { 0 } else { SET_GROUP_ID };
        user_bits | group_bits
    }
}

/// Returns whether an attribute that is not wanted is removed, rather than left to the system.
fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || (name.starts_with(b"trusted.") && !name.starts_with(b"trusted.overlay."))
        || [CAPABILITY, ACCESS_ACL, DEFAULT_ACL].contains(&name)
}

/// Returns whether an attribute is set before owner and mode, which may take the permission to set it.
fn is_early(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name.starts_with(b"trusted.")
}

fn aspect_of(name: &[u8]) -> AppliedAspect {
    // There are no other lists than these in `system.`: POSIX and NFSv4 ones.
    if name.starts_with(b"system.") {
        AppliedAspect::AccessControlList
    } else {
        AppliedAspect::ExtendedAttribute(name.to_vec())
    }
}
