//! Paths and names in the target.

use icecore_fs::{entry::EntryKind as FsKind, target::is_temporary_name};

/// Joins a directory and a name.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    if !directory.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Returns the last component of a path.
pub(crate) fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Returns whether a name was left over by a killed restore.
pub(crate) fn is_leftover(name: &[u8], kind: FsKind) -> bool {
    is_temporary_name(name) && kind != FsKind::Directory
}
