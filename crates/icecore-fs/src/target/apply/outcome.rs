//! Compares an object with what was applied to it: some file systems clip or drop values without an error.

use std::io::ErrorKind;

use super::{AppliedAspect, SET_GROUP_ID, SET_USER_ID, Wanted};
use crate::entry::EntryKind;
use crate::target::acl::ACCESS_ACL;
use crate::target::object::Status;

/// Why the flags differ.
pub(super) const FLAGS_DIFFER: &str = "the file system does not store them";

const SET_ID: u32 = SET_USER_ID | SET_GROUP_ID;

/// Returns the differences from the desired state, and their reasons.
pub(super) fn differences(
    wanted: &Wanted<'_>,
    found: &Status,
) -> Vec<(AppliedAspect, ErrorKind, &'static str)> {
    let mut differences = Vec::new();
    let metadata = wanted.metadata;
    let owner = (found.user_id, found.group_id);
    if wanted.owner().is_some_and(|wanted| wanted != owner) {
        differences.push((
            AppliedAspect::Owner,
            ErrorKind::Other,
            "the file system reports a different owner",
        ));
    }
    if wanted.options.mode && metadata.kind != EntryKind::Symlink {
        let differing = metadata.mode ^ found.mode;
        if differing & SET_ID != 0 {
            let text = "the system clears the bit";
            differences.push((AppliedAspect::SetIdBits, ErrorKind::PermissionDenied, text));
        }
        if differing & !SET_ID != 0 {
            // The group's bits of a list that could not be set.
            let has_list = wanted.attributes.iter().any(|(name, _)| name == ACCESS_ACL);
            let aspect = if has_list { AppliedAspect::AccessControlList } else { AppliedAspect::Mode };
            differences.push((aspect, ErrorKind::Other, "the file system reports different permissions"));
        }
    }
    if wanted.options.times && metadata.modified != found.modified {
        let text = if metadata.modified.seconds.abs_diff(found.modified.seconds) > 2 {
            "the time is outside the range of the file system"
        } else {
            "the file system stores times with less precision"
        };
        differences.push((AppliedAspect::Times, ErrorKind::Other, text));
    }
    differences
}

/// Returns whether an earlier warning already explains why an aspect differs.
pub(super) fn explains(known: &AppliedAspect, aspect: &AppliedAspect) -> bool {
    match known {
        // Nothing can be changed.
        AppliedAspect::InodeFlags => true,
        // A mode that could not be set lacks these bits, too.
        AppliedAspect::Mode => matches!(aspect, AppliedAspect::Mode | AppliedAspect::SetIdBits),
        known => known == aspect,
    }
}
