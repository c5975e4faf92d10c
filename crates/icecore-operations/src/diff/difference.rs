//! Which part of an entry differs.

use icecore_format::entry::{Entry, Marks};

/// Which part of an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Its kind.
    Kind,
    /// Its content.
    Content,
    /// Owner, mode, time of modification, attributes or flags.
    Metadata,
}

impl Difference {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Metadata => "metadata",
        }
    }
}

/// Returns the difference that matters to users: a new time of change or a new inode alone is not a
/// difference.
///
/// `has_flags` says whether both snapshots recorded flags of inodes.
pub(super) fn difference(old: &Entry, new: &Entry, has_flags: bool) -> Option<Difference> {
    if old.kind != new.kind {
        return Some(Difference::Kind);
    }
    let content = |entry: &Entry| (entry.size, entry.special_device);
    if content(old) != content(new)
        || old.content != new.content
        || old.holes != new.holes
        || old.target != new.target
    {
        return Some(Difference::Content);
    }
    let marks = |entry: &Entry| entry.marks.without(Marks::READ_TWICE);
    let metadata = |entry: &Entry| (entry.mode, entry.user_id, entry.group_id, entry.modified, marks(entry));
    let flags = has_flags && old.inode_flags != new.inode_flags;
    (flags || metadata(old) != metadata(new) || old.attributes != new.attributes)
        .then_some(Difference::Metadata)
}

#[cfg(test)]
mod tests;
