//! Rules for a manifest as a whole, applied to each entry before it is written: anything that `check` would
//! call damage never gets into a snapshot.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use icecore_format::{
    entry::{Content, Entry, EntryKind, Marks},
    error::FormatError,
    limits::{ATTRIBUTES_BYTES_MAX, ATTRIBUTES_MAX, HOLES_MAX, INLINE_CHUNKS_MAX},
    path,
};

use crate::entry_refusal::EntryRefusal;

/// Longer paths are not written, although the format allows them: an inner node that refers to such paths has
/// room for few children, and the number of levels is bounded. Four children for each node are enough for any
/// manifest.
const PATH_BYTES_WRITTEN_MAX: usize = 256 << 10;

/// How an entry relates to the earlier names of its hard-linked file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAgreement {
    /// There is none, or the entry is not a hard link.
    First,
    /// They have the same content and metadata.
    Same,
    /// They differ.
    Different,
}

/// Index of the device within the source, and inode.
type LinkGroup = (u32, u64);

/// Identifies what the names of a file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LinkState {
    content: u64,
    metadata: u64,
    /// The content was read completely and in one consistent state.
    reliable: bool,
}

/// Follows the entries of a manifest. Holds the last path, the directories around it, and 40 bytes for each
/// file with several names.
#[derive(Debug, Default)]
pub(super) struct Soundness {
    end: ManifestEnd,
    links: HashMap<LinkGroup, LinkState>,
}

/// Where the manifest ends so far.
#[derive(Clone, Debug, Default)]
struct ManifestEnd {
    begun: bool,
    last: Vec<u8>,
    /// Lengths of all directories that the last path begins with or is; ascending.
    directories: Vec<usize>,
}

impl Soundness {
    /// Takes the next entry, or returns why it must not be written; then nothing has changed.
    pub fn admit(&mut self, entry: &Entry) -> Result<(), EntryRefusal> {
        validate(entry).map_err(EntryRefusal::Format)?;
        self.end.check(&entry.path)?;
        self.admit_link(entry)?;
        self.end.advance(entry);
        Ok(())
    }

    /// Takes entries that were read from another manifest, all or none; returns the path of the refused
    /// entry.
    pub fn admit_all(&mut self, entries: &[Entry]) -> Result<(), (Vec<u8>, EntryRefusal)> {
        let before = self.end.clone();
        for entry in entries {
            let admitted = self.end.check(&entry.path).and_then(|()| self.admit_link(entry));
            if let Err(refusal) = admitted {
                self.end = before;
                return Err((entry.path.clone(), refusal));
            }
            self.end.advance(entry);
        }
        Ok(())
    }

    /// Compares an entry with the other names of its file.
    pub fn link_agreement(&self, entry: &Entry) -> LinkAgreement {
        match entry.link_group().and_then(|group| self.links.get(&group)) {
            None => LinkAgreement::First,
            Some(known) if *known == LinkState::of(entry) => LinkAgreement::Same,
            Some(_) => LinkAgreement::Different,
        }
    }

    /// As in `check`, names may differ if one of them was not read in one consistent state: both are marked
    /// and known as problems.
    fn admit_link(&mut self, entry: &Entry) -> Result<(), EntryRefusal> {
        let Some(group) = entry.link_group() else { return Ok(()) };
        let state = LinkState::of(entry);
        let known = self.links.entry(group).or_insert(state);
        if known.reliable && state.reliable && known.content != state.content {
            return Err(EntryRefusal::LinksDiffer);
        }
        if state.reliable && !known.reliable {
            *known = state;
        }
        Ok(())
    }
}

impl ManifestEnd {
    /// Returns whether an entry with this path may follow.
    fn check(&self, next: &[u8]) -> Result<(), EntryRefusal> {
        if !self.begun {
            return if path::parent(next).unwrap_or_default().is_empty() {
                Ok(())
            } else {
                Err(EntryRefusal::NoDirectory)
            };
        }
        if path::compare(&self.last, next).is_ge() {
            return Err(EntryRefusal::OutOfOrder);
        }
        let parent = path::parent(next).unwrap_or_default();
        let known = parent.is_empty()
            || self.directories.binary_search(&parent.len()).is_ok() && self.last.starts_with(parent);
        if known { Ok(()) } else { Err(EntryRefusal::NoDirectory) }
    }

    /// Moves past an entry that was checked.
    fn advance(&mut self, entry: &Entry) {
        let parent = path::parent(&entry.path).unwrap_or_default();
        // All ancestors of the entry are ancestors of the last path or the last path itself.
        let around = self.directories.partition_point(|length| *length <= parent.len());
        self.directories.truncate(around);
        let shared = path::shared_prefix(&self.last, &entry.path);
        self.last.truncate(shared);
        self.last.extend_from_slice(&entry.path[shared..]);
        if entry.kind == EntryKind::Directory && !entry.path.is_empty() {
            self.directories.push(entry.path.len());
        }
        self.begun = true;
    }
}

impl LinkState {
    fn of(entry: &Entry) -> Self {
        let mut hasher = DefaultHasher::new();
        (entry.kind, entry.size).hash(&mut hasher);
        match &entry.content {
            Content::Inline(chunks) => chunks.hash(&mut hasher),
            Content::List(list) => list.hash(&mut hasher),
        }
        entry.holes.hash(&mut hasher);
        let content = hasher.finish();
        let mut hasher = DefaultHasher::new();
        (entry.mode, entry.user_id, entry.group_id, entry.modified, entry.special_device).hash(&mut hasher);
        (&entry.attributes, &entry.target, entry.marks).hash(&mut hasher);
        let inconsistent = Marks::CHANGED_WHILE_READ.with(Marks::UNREADABLE);
        Self { content, metadata: hasher.finish(), reliable: !entry.marks.intersects(inconsistent) }
    }
}

/// Checks the rules and bounds of the format that concern a single entry.
fn validate(entry: &Entry) -> Result<(), FormatError> {
    entry.validate()?;
    let attribute_bytes: usize = entry.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    let inline = if let Content::Inline(chunks) = &entry.content { chunks.len() } else { 0 };
    for (what, found, maximum) in [
        ("length of the path in bytes", entry.path.len(), PATH_BYTES_WRITTEN_MAX),
        ("number of extended attributes", entry.attributes.len(), ATTRIBUTES_MAX),
        ("bytes of extended attributes", attribute_bytes, ATTRIBUTES_BYTES_MAX),
        ("number of holes", entry.holes.len(), HOLES_MAX),
        ("number of inline chunks", inline, INLINE_CHUNKS_MAX),
    ] {
        if found > maximum {
            let (found, maximum) = (found as u64, maximum as u64);
            return Err(FormatError::OutOfBounds { what, found, minimum: 0, maximum });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
