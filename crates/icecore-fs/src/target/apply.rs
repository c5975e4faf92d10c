//! Applies owner, mode, extended attributes and times, in an order in which no step undoes another.
//!
//! Unwanted attributes are removed, especially an old access control list, before they can affect the next
//!    steps.
//! 2. `user.*` and `trusted.*` attributes, while the mode still lets the owner write.
//! 3. Owner: changing it clears setuid, setgid and capabilities.
//! Mode, without setuid and setgid if the owner is wrong.
//! 5. Access control lists, `security.*` and the rest.
//! 6. Times.
//! Flags, some of which forbid all other steps; existing flags are cleared first if anything has to change.
//!
//! Finally, the object is examined once more: file systems clip times, drop bits and ignore owners without an
//! error.

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

/// Owner of restored objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerChoice {
    /// The owner and group in the metadata.
    #[default]
    FromMetadata,
    /// The given ones, independent of the metadata: the result of the caller's mapping.
    Fixed {
        /// Numeric owner.
        user_id: u32,
        /// Numeric group.
        group_id: u32,
    },
    /// Unchanged: usually the user who restores. Objects that get another owner in this way lose setuid and
    /// setgid.
    Unchanged,
}

/// Which parts of the metadata are applied; all by default.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Owner and group.
    pub owner: OwnerChoice,
    /// Permissions, setuid, setgid and sticky (never of symbolic links, which have none).
    pub mode: bool,
    /// Time of the last change of content; the time of the last access is not changed.
    pub times: bool,
    /// Extended attributes with access control lists and capabilities. Existing unwanted ones are removed,
    /// except `security.*` (but capabilities are removed) and `system.*` (but POSIX lists are removed), which
    /// belong to the system.
    pub extended_attributes: bool,
    /// Keeps existing unwanted attributes: the attributes of the original are only partly known.
    pub keep_attributes: bool,
    /// Removes inode flags that the metadata does not name. Flags that it names are always set.
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
    /// Directories come last, deepest first: creating something in a directory changes its times, and its
    /// mode may forbid it. Fails if there is no object, or if its kind differs from the metadata.
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
            // New objects may now inherit other attributes from it.
            self.handles.forget(path);
        }
        Ok(warnings)
    }
}

/// Desired state of an object.
pub(super) struct Wanted<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) attributes: &'a ExtendedAttributes,
    pub(super) options: &'a ApplyOptions,
    /// The object gets its name later: flags that forbid renaming are not set yet.
    pub(super) is_temporary: bool,
}

impl Wanted<'_> {
    /// Returns the desired owner and group; none if they stay unchanged.
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

/// Applies the desired state; fails only if the object cannot be examined, or is of another kind.
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
    /// Its current status, kept up to date.
    status: Status,
    flags_before: u32,
    warnings: Vec<ApplyWarning>,
}

impl<'a> Application<'a> {
    /// Applies everything; returns whether there was anything to change.
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

    /// Returns whether anything differs from the desired state. Objects without differences are not changed,
    /// so the next backup of the target sees no change.
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

    /// Compares the existing attributes with the wanted ones.
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
        // An attribute whose value could not be read is listed with an empty value.
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
            // Helps only if the user is the unprivileged owner; otherwise it does not matter.
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
        // Users may not give objects to other users, but may give them to another one of their own groups.
        if user_id.is_some() && group_id.is_some() {
            // Counted above already, whether this helps or not.
            let _: Result<(), Errno> = self.change_owner(None, group_id);
        }
    }

    fn change_owner(&mut self, user_id: Option<u32>, group_id: Option<u32>) -> Result<(), Errno> {
        self.object.change_owner(user_id, group_id)?;
        self.status.user_id = user_id.unwrap_or(self.status.user_id);
        self.status.group_id = group_id.unwrap_or(self.status.group_id);
        // The kernel may clear these, depending on kind and privilege; if it does not, too much is set for
        // now.
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
            // Restores the mode after a moment with more permissions; setuid and setgid may be gone with the
            // old owner.
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
            // Setting the list sets the bits of the group to its mask; without the list they would allow too
            // much.
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

    /// Examines the object again, and records differences for which no call failed.
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

/// Changes of attributes.
#[derive(Default)]
struct AttributeChanges<'a> {
    remove: Vec<Vec<u8>>,
    set: Vec<&'a (Vec<u8>, Vec<u8>)>,
}

/// Whether owner and group are those for which setuid, setgid and capabilities were meant.
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

/// Returns whether an unwanted attribute is removed instead of being left to the system.
fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || (name.starts_with(b"trusted.") && !name.starts_with(b"trusted.overlay."))
        || [CAPABILITY, ACCESS_ACL, DEFAULT_ACL].contains(&name)
}

/// Returns whether an attribute is set before owner and mode, which may remove the permission to set it.
fn is_early(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name.starts_with(b"trusted.")
}

fn aspect_of(name: &[u8]) -> AppliedAspect {
    // `system.` has no other lists than these: POSIX and NFSv4 ones.
    if name.starts_with(b"system.") {
        AppliedAspect::AccessControlList
    } else {
        AppliedAspect::ExtendedAttribute(name.to_vec())
    }
}
