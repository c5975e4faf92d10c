//! Finds the paths of a snapshot that are hard links to the same file.

use std::{
    collections::{HashMap, hash_map},
    hash::{DefaultHasher, Hash, Hasher},
};

use icecore_format::entry::{Entry, EntryKind};

use crate::{candidate::Candidate, steps::Step, tally::Tally};

/// Memory for the first paths of link groups, in bytes; members of later groups become separate files.
const TABLE_BYTES_MAX: usize = 64 << 20;
/// Memory of one group besides its path, in bytes (estimated).
const GROUP_BYTES: usize = 96;

/// Name of a link group: index of the device, inode.
pub(crate) type LinkGroup = (u32, u64);

/// Role of an entry within its link group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkRole {
    /// It is in no group.
    Alone,
    /// It is the first of its group.
    First,
    /// It is a link to the first of its group.
    Member,
    /// Claims to be in a group, but differs from the first: it is restored as a separate file.
    Stranger,
    /// There are too many groups.
    TooMany,
}

struct First {
    path: Vec<u8>,
    signature: u64,
}

/// The link groups found so far.
#[derive(Default)]
pub(crate) struct LinkTable {
    groups: HashMap<LinkGroup, First>,
    bytes: usize,
}

impl LinkTable {
    /// Classifies an entry, and notes it if it is the first of its group.
    pub fn classify(&mut self, entry: &Entry) -> LinkRole {
        let Some(group) = entry.link_group().filter(|_| entry.kind != EntryKind::Directory) else {
            return LinkRole::Alone;
        };
        let signature = signature(entry);
        match self.groups.entry(group) {
            hash_map::Entry::Occupied(first) if first.get().signature == signature => LinkRole::Member,
            hash_map::Entry::Occupied(_) => LinkRole::Stranger,
            hash_map::Entry::Vacant(_) if self.bytes >= TABLE_BYTES_MAX => LinkRole::TooMany,
            hash_map::Entry::Vacant(vacant) => {
                self.bytes += entry.path.len() + GROUP_BYTES;
                vacant.insert(First { path: entry.path.clone(), signature });
                LinkRole::First
            }
        }
    }

    /// Turns objects that are another name of a file into hard links.
    pub fn resolve(&mut self, tally: &Tally<'_>, steps: Vec<Step>) -> Vec<Step> {
        let resolve = |step| match step {
            Step::Object(candidate) => self.resolve_object(tally, candidate),
            other => other,
        };
        steps.into_iter().map(resolve).collect()
    }

    fn resolve_object(&mut self, tally: &Tally<'_>, mut candidate: Box<Candidate>) -> Step {
        let reason = match self.classify(&candidate.entry) {
            LinkRole::Member => return Step::Link(candidate),
            LinkRole::Alone | LinkRole::First => return Step::Object(candidate),
            LinkRole::Stranger => "its content differs",
            LinkRole::TooMany => "too many hard links",
        };
        tally.warn_aspect("hard link", &candidate.entry.path, reason.to_owned(), false);
        candidate.entry.link_device = None;
        Step::Object(candidate)
    }

    /// Returns the first path of a group.
    pub fn first(&self, group: LinkGroup) -> Option<&[u8]> {
        self.groups.get(&group).map(|first| first.path.as_slice())
    }

    /// Makes another member the first of its group.
    pub fn replace_first(&mut self, group: LinkGroup, path: &[u8]) {
        if let Some(first) = self.groups.get_mut(&group) {
            self.bytes = self.bytes.saturating_sub(first.path.len()) + path.len();
            first.path = path.to_vec();
        }
    }
}

/// Returns a number that is equal for entries that can be the same file.
fn signature(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (entry.kind, entry.size, entry.special_device, &entry.target, &entry.holes).hash(&mut hasher);
    match &entry.content {
        icecore_format::entry::Content::Inline(chunks) => chunks.hash(&mut hasher),
        icecore_format::entry::Content::List(list) => list.hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
