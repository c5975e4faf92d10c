//! The part of the raw form of POSIX access control lists that a safe restore needs.
//!
//! The form is described in `linux/posix_acl_xattr.h`: a version in 4 bytes, then entries of tag (2 bytes),
//! permissions (2 bytes) and id (4 bytes), all little-endian.

/// Name of the attribute with the access control list of an object.
pub(super) const ACCESS_ACL: &[u8] = b"system.posix_acl_access";

/// Name of the attribute with the list for new objects in a directory.
pub(super) const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";

const VERSION: [u8; 4] = 2_u32.to_le_bytes();
const ENTRY_BYTES: usize = 8;
const TAG_OWNING_GROUP: u16 = 0x04;

/// Returns `mode` with the permissions that the list gives to the owning group itself.
///
/// In the mode of an object with a list, the bits of the group are the mask of the list, which may allow
/// more. An unreadable list gives the group nothing.
pub(super) fn mode_without_list(mode: u32, list: &[u8]) -> u32 {
    let owning_group = owning_group_permissions(list).unwrap_or(0);
    mode & (!0o070 | (owning_group << 3))
}

fn owning_group_permissions(list: &[u8]) -> Option<u32> {
    let entries = list.strip_prefix(&VERSION)?;
    let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
    let entry = entries.iter().find(|entry| u16::from_le_bytes([entry[0], entry[1]]) == TAG_OWNING_GROUP)?;
    Some(u32::from(u16::from_le_bytes([entry[2], entry[3]]) & 0o7))
}
