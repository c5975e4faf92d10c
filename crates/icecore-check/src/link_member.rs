//! What is remembered about a hard link.

use icecore_format::entry::{Content, Entry, Marks};

/// One of several hard links to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkMember {
    /// Device, as the entry numbers it.
    pub(crate) device: u32,
    /// Inode.
    pub(crate) inode: u64,
    /// Number of the kind.
    pub(crate) kind: u8,
    /// Identifies size and content.
    pub(crate) content: u64,
}

impl LinkMember {
    /// Returns the member for an entry. Returns none if the entry is not a hard link, or if its content was
    /// not read consistently, because it may differ for that reason.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let (device, inode) = entry.link_group()?;
        let inconsistent = Marks::CHANGED_WHILE_READ.with(Marks::UNREADABLE);
        if entry.marks.0 & inconsistent.0 != 0 {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&entry.size.to_le_bytes());
        match &entry.content {
            Content::Inline(chunks) => chunks.iter().for_each(|chunk| _ = hasher.update(&chunk.id.0)),
            Content::List(list) => _ = hasher.update(&[list.level]).update(&list.id.0),
        }
        for hole in &entry.holes {
            hasher.update(&hole.offset.to_le_bytes()).update(&hole.length.to_le_bytes());
        }
        let mut content = [0; 8];
        content.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Some(Self { device, inode, kind: entry.kind as u8, content: u64::from_le_bytes(content) })
    }
}
