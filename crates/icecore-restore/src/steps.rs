//! Steps that the walk through the manifest finds, in path order.

use icecore_fs::entry::EntryKind as FsKind;

use crate::{candidate::Candidate, report::KeptReason};

/// A step.
#[derive(Debug)]
pub(crate) enum Step {
    /// Restore an object that is not a directory.
    Object(Box<Candidate>),
    /// Make a hard link to the first file of the group: the walk finds an object, and the table of links
    /// decides.
    Link(Box<Candidate>),
    /// Remove an object that the newer snapshot no longer has.
    Remove(Removal),
    /// Only for counting deletions: a directory of the target is in the way of something else.
    Displace(Vec<u8>),
    /// Complete a directory, after everything before it.
    Leave(Box<LeftDirectory>),
}

/// An object that is not a directory and that the newer snapshot no longer has.
#[derive(Debug)]
pub(crate) struct Removal {
    /// Path relative to the target.
    pub path: Vec<u8>,
    /// Why it stays, if it does.
    pub shield: Option<KeptReason>,
}

/// A directory that the walk has left.
#[derive(Debug)]
pub(crate) struct LeftDirectory {
    /// Path relative to the target.
    pub path: Vec<u8>,
    /// Metadata to apply to it; none if the snapshot does not have it.
    pub candidate: Option<Box<Candidate>>,
    /// Names in it to be removed; for a directory that the newer snapshot does not have, its names in the
    /// older one.
    pub extras: Vec<(Vec<u8>, FsKind)>,
    /// Why everything in it stays that the snapshot does not have.
    pub shield: Option<KeptReason>,
    /// Why it is completed.
    pub state: LeftState,
}

/// Why a directory is completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftState {
    /// It was created, or something in it was restored.
    Entered,
    /// It exists, and stays as it is.
    LeftAlone,
    /// Something in it may have been removed.
    Touched,
    /// The newer snapshot no longer has it.
    Removed,
}

impl Step {
    /// Estimates the memory that the step holds, in bytes.
    pub fn weight(&self) -> usize {
        256 + match self {
            Self::Object(candidate) | Self::Link(candidate) => weight(candidate),
            Self::Remove(removal) => removal.path.len(),
            Self::Displace(path) => path.len(),
            Self::Leave(left) => {
                let extras: usize = left.extras.iter().map(|(name, _)| name.len() + 64).sum();
                left.path.len() + extras + left.candidate.as_deref().map_or(0, weight)
            }
        }
    }
}

fn weight(candidate: &Candidate) -> usize {
    let entry = &candidate.entry;
    let attributes: usize = entry.attributes.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
    let chunks =
        if let icecore_format::entry::Content::Inline(chunks) = &entry.content { chunks.len() } else { 1 };
    entry.path.len() + entry.target.len() + attributes + chunks * 64 + entry.holes.len() * 16
}
