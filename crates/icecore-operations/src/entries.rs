//! Entries of manifests as JSON, and their names there.

use icecore_format::entry::{Entry, EntryKind, Marks};
use icecore_fs::flags;
use serde::Serialize;

use crate::{
    documents::{PathText, base64_unless_text},
    text,
};

/// Opened blocks of manifests that are kept, in bytes.
pub const MANIFEST_CACHE_BYTES: usize = 32 << 20;

/// Returns the part of a path of the host that follows the source's root; the path has lost its leading
/// slash.
pub fn below_root<'a>(root: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let root = root.strip_prefix(b"/").filter(|root| !root.is_empty())?;
    let rest = path.strip_prefix(root)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
}

/// Returns the word for a kind.
pub fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Fifo => "fifo",
        EntryKind::Socket => "socket",
        EntryKind::CharacterDevice => "character-device",
        EntryKind::BlockDevice => "block-device",
    }
}

/// An entry as JSON.
#[derive(Debug, Serialize)]
pub struct EntryDocument {
    #[serde(flatten)]
    path: PathText,
    kind: &'static str,
    mode: String,
    user_id: u32,
    group_id: u32,
    user: Option<String>,
    group: Option<String>,
    size: u64,
    modified: Option<String>,
    inode: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<[u32; 2]>,
    hard_link: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<&'static str>,
}

impl EntryDocument {
    /// Makes the document of an entry with the names of its owner, if known.
    pub fn new(entry: &Entry, (user, group): (Option<&[u8]>, Option<&[u8]>)) -> Self {
        let lossy = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let is_link = entry.kind == EntryKind::Symlink;
        let is_device = matches!(entry.kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        Self {
            path: PathText::new(&entry.path),
            kind: kind_name(entry.kind),
            mode: format!("{:04o}", entry.mode),
            user_id: entry.user_id,
            group_id: entry.group_id,
            user: user.map(lossy),
            group: group.map(lossy),
            size: entry.size,
            modified: text::utc_time(entry.modified),
            inode: entry.inode,
            target: is_link.then(|| lossy(&entry.target)),
            target_base64: is_link.then(|| base64_unless_text(&entry.target)).flatten(),
            device: is_device.then_some([(entry.special_device >> 32) as u32, entry.special_device as u32]),
            hard_link: entry.link_device.is_some(),
            flags: flag_names(entry.inode_flags),
            marks: mark_names(entry.marks),
        }
    }
}

/// Returns the names of flags as `chattr` sets them.
pub fn flag_names(inode_flags: u32) -> Vec<&'static str> {
    let names = [
        (flags::IMMUTABLE, "immutable"),
        (flags::APPEND_ONLY, "append-only"),
        (flags::NO_DUMP, "no-dump"),
        (flags::COMPRESSED, "compressed"),
    ];
    names.into_iter().filter(|(flag, _)| inode_flags & flag != 0).map(|(_, name)| name).collect()
}

fn mark_names(marks: Marks) -> Vec<&'static str> {
    let names = [
        (Marks::CHANGED_WHILE_READ, "changed-while-read"),
        (Marks::UNREADABLE, "unreadable"),
        (Marks::ATTRIBUTES_INCOMPLETE, "attributes-incomplete"),
    ];
    names.into_iter().filter(|(mark, _)| marks.contains(*mark)).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests;
