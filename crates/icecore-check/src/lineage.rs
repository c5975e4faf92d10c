//! The ancestors of consecutive entries.

use std::sync::Arc;

use icecore_format::{
    entry::{Entry, EntryKind},
    path,
};

/// What consecutive entries need and provide in ancestors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// Path of the first entry.
    pub(crate) first: Arc<[u8]>,
    last: Arc<[u8]>,
    /// Lengths of the prefixes of the first path that must be directories further to the left; sorted.
    wanted: Vec<usize>,
    /// Lengths of the prefixes of the last path, or of all of it, that are directories here; sorted.
    open: Vec<usize>,
}

/// A [`Lineage`] in one piece of memory, because each leaf has one; the common beginning of the first and the
/// last path is stored once.
#[derive(Debug)]
pub(crate) struct PackedLineage(Box<[u8]>);

/// A path that has entries below it but is not a directory of the snapshot.
pub(crate) type Orphaned = Arc<[u8]>;

impl Lineage {
    /// Looks at the entries of a leaf. Also returns the first path that should be a directory but is not,
    /// whatever is to the left. The root may be missing.
    pub(crate) fn of(entries: &[Entry]) -> (Option<Self>, Option<Orphaned>) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return (None, None) };
        let (mut directories, mut wanted, mut orphaned) = (Vec::<&[u8]>::new(), Vec::new(), None);
        for Entry { path: entry, kind, .. } in entries {
            while directories.pop_if(|directory| !path::is_within(entry, directory)).is_some() {}
            let parent = path::parent(entry).unwrap_or_default();
            if !parent.is_empty() && directories.last() != Some(&parent) {
                if is_above(parent, &first.path) {
                    wanted.push(parent.len());
                } else {
                    orphaned.get_or_insert_with(|| Arc::from(parent));
                }
            }
            if *kind == EntryKind::Directory && !entry.is_empty() {
                directories.push(entry);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let open = directories.iter().map(|directory| directory.len()).collect();
        let (first, last) = (first.path.as_slice().into(), last.path.as_slice().into());
        (Some(Self { first, last, wanted, open }), orphaned)
    }

    /// Appends the entries to the right of these. Also returns the first path that should be a directory but
    /// is not.
    pub(crate) fn join(mut self, right: &Self) -> (Self, Option<Orphaned>) {
        let mut orphaned = None;
        for &length in &right.wanted {
            let directory = &right.first[..length];
            let is_open = self.open.binary_search(&length).is_ok() && path::is_within(&self.last, directory);
            if is_open {
                continue;
            }
            if is_above(directory, &self.first) {
                self.wanted.push(length);
            } else {
                orphaned.get_or_insert_with(|| Arc::from(directory));
            }
        }
        self.wanted.sort_unstable();
        self.wanted.dedup();
        let last = Arc::clone(&self.last);
        self.open.retain(|&length| path::is_within(&right.last, &last[..length]));
        self.open.extend_from_slice(&right.open);
        self.open.sort_unstable();
        self.last = Arc::clone(&right.last);
        (self, orphaned)
    }

    /// Returns a path that should be a directory but is not, if nothing is to the left.
    pub(crate) fn of_root(&self) -> Option<Orphaned> {
        self.wanted.first().map(|&length| Arc::from(&self.first[..length]))
    }
}

impl PackedLineage {
    /// Packs a lineage: four lengths, the two lists of lengths, the first path, and the rest of the last
    /// path.
    pub(crate) fn new(lineage: &Lineage) -> Self {
        let Lineage { first, last, wanted, open } = lineage;
        let common = first.iter().zip(last.iter()).take_while(|(left, right)| left == right).count();
        let lengths = [common, first.len(), wanted.len(), open.len()];
        let lengths = lengths.iter().chain(wanted).chain(open);
        // A path is far shorter than 4 GiB.
        let mut packed: Vec<u8> = lengths.flat_map(|&length| (length as u32).to_le_bytes()).collect();
        packed.extend_from_slice(first);
        packed.extend_from_slice(&last[common..]);
        Self(packed.into())
    }

    /// Returns the lineage.
    pub(crate) fn unpack(&self) -> Lineage {
        let (words, _) = self.0.as_chunks::<4>();
        let length = |place: usize| u32::from_le_bytes(words[place]) as usize;
        let (wanted, open) = (4..4 + length(2), 4 + length(2)..4 + length(2) + length(3));
        let paths = &self.0[open.end * 4..];
        let (first, rest) = paths.split_at(length(1));
        Lineage {
            first: first.into(),
            last: [&first[..length(0)], rest].concat().into(),
            wanted: wanted.map(length).collect(),
            open: open.map(length).collect(),
        }
    }
}

/// Returns whether `path` is below `directory`.
fn is_above(directory: &[u8], path: &[u8]) -> bool {
    directory.len() < path.len() && path::is_within(path, directory)
}
