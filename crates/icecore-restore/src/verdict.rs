//! Decides how to handle an entry, given what exists at its path.

use icecore_format::entry::EntryKind;
use icecore_fs::entry::{EntryKind as FsKind, Metadata};

use crate::{
    candidate::{Candidate, fs_kind, timestamp},
    comparison::Comparison,
    restoration::Restoration,
};

/// How to handle an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing exists there.
    Create,
    /// An object of another kind exists there, or a link or device with another target.
    Replace {
        /// It is of another kind.
        other_kind: bool,
    },
    /// A directory exists there.
    Directory,
    /// The content, target or device is right.
    Right {
        /// The time is right, too.
        time: bool,
    },
    /// A file exists there whose content may differ.
    Compare {
        /// It has another name that the snapshot does not know, so it must not be changed, but replaced.
        replace: bool,
    },
}

impl Candidate {
    /// Decides like [`Self::judge`]; reads a link that looks right, because its length and time do not show
    /// its target.
    pub fn judge_in(&self, restoration: &Restoration<'_>, found: Option<&Metadata>) -> Verdict {
        let verdict = self.judge(found, restoration.comparison);
        if self.is_file() && matches!(verdict, Verdict::Right { .. }) {
            restoration.tally.count(|counts| counts.files_not_compared += 1);
        }
        let looks_right = matches!(verdict, Verdict::Right { .. }) && self.entry.kind == EntryKind::Symlink;
        if looks_right
            && let Some(tree) = restoration.tree
            && !tree
                .read_link(&self.entry.path)
                .is_ok_and(|target| target.as_ref() == Some(&self.entry.target))
        {
            return Verdict::Replace { other_kind: false };
        }
        verdict
    }

    /// Decides what to do, given what exists there.
    pub fn judge(&self, found: Option<&Metadata>, comparison: Comparison) -> Verdict {
        let Some(found) = found else { return Verdict::Create };
        let entry = &self.entry;
        if found.kind == FsKind::Directory {
            return Verdict::Directory;
        }
        if found.kind != fs_kind(entry.kind) {
            return Verdict::Replace { other_kind: true };
        }
        let time = found.modified == timestamp(entry.modified);
        match entry.kind {
            EntryKind::File => {
                let replace = found.links > 1 && entry.link_group().is_none();
                let looks_right = time && found.size == entry.size && !self.is_changed;
                if replace || !looks_right || !comparison.trusts(entry, found) {
                    Verdict::Compare { replace }
                } else {
                    Verdict::Right { time }
                }
            }
            EntryKind::Symlink if !time || found.size != entry.target.len() as u64 => {
                Verdict::Replace { other_kind: false }
            }
            EntryKind::CharacterDevice | EntryKind::BlockDevice
                if found.special_device != entry.special_device =>
            {
                Verdict::Replace { other_kind: false }
            }
            _ => Verdict::Right { time },
        }
    }
}

#[cfg(test)]
mod tests;
