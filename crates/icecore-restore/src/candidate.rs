//! One entry that is to be restored, and what has to be done for it.

use icecore_format::entry::{Entry, EntryKind, Marks, Time};
use icecore_fs::{
    entry::{EntryKind as FsKind, Metadata, Timestamp},
    target::{ApplyOptions, OwnerChoice},
};

use crate::{comparison::Comparison, context::Context, request::RestoreRequest};

/// An entry that is to be restored; its path is relative to the target.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// What the snapshot says.
    pub entry: Entry,
    /// Whom it shall belong to.
    pub owner: OwnerChoice,
    /// The directory that it is in was empty or new, or does not have the name.
    pub is_new: bool,
    /// A file of which the snapshot that the target is in the state of has other content: a right size and time prove
    /// nothing.
    pub is_changed: bool,
}

/// What has to be done for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is nothing.
    Create,
    /// Something of another kind is there, or a link or device that leads elsewhere.
    Replace {
        /// It is of another kind.
        other_kind: bool,
    },
    /// A directory is there.
    Directory,
    /// Content, target or device are right.
    Right {
        /// The time is right, too.
        time: bool,
    },
    /// There is a file whose content may be wrong in part.
    Compare {
        /// It has another name that the snapshot does not know: it must not be changed, but replaced.
        replace: bool,
    },
}

impl Candidate {
    /// Returns the metadata as the file system takes it.
    pub fn metadata(&self) -> Metadata {
        let entry = &self.entry;
        Metadata {
            kind: fs_kind(entry.kind),
            mode: entry.mode,
            user_id: entry.user_id,
            group_id: entry.group_id,
            size: entry.size,
            modified: timestamp(entry.modified),
            changed: timestamp(entry.changed),
            inode: entry.inode,
            device: 0,
            links: 1,
            special_device: entry.special_device,
            inode_flags: entry.inode_flags,
        }
    }

    /// Returns how the metadata is applied.
    pub fn apply_options(&self, request: &RestoreRequest) -> ApplyOptions {
        // Programs that did not number snapshots did not record flags.
        let clear_flags = request.snapshot.origin.sequence > 0 || self.entry.inode_flags != 0;
        let keep_attributes = self.entry.marks.contains(Marks::ATTRIBUTES_INCOMPLETE);
        ApplyOptions { owner: self.owner, keep_attributes, clear_flags, ..ApplyOptions::default() }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(entry: Entry) -> Self {
        Self { entry, owner: OwnerChoice::FromMetadata, is_new: false, is_changed: false }
    }

    /// Says whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.entry.kind == EntryKind::File
    }

    /// Decides like [`Self::judge`]; a link that looks right is read: its length and time do not show where it leads.
    pub fn judge_in(&self, context: &Context<'_>, found: Option<&Metadata>) -> Verdict {
        let verdict = self.judge(found, context.comparison);
        if self.is_file() && matches!(verdict, Verdict::Right { .. }) {
            context.tally.count(|counts| counts.files_not_compared += 1);
        }
        let looks_right = matches!(verdict, Verdict::Right { .. }) && self.entry.kind == EntryKind::Symlink;
        if looks_right
            && let Some(tree) = context.tree
            && !tree
                .read_link(&self.entry.path)
                .is_ok_and(|target| target.as_ref() == Some(&self.entry.target))
        {
            return Verdict::Replace { other_kind: false };
        }
        verdict
    }

    /// Decides what has to be done, given what is there.
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

/// Returns the kind as the file system names it.
pub(crate) fn fs_kind(kind: EntryKind) -> FsKind {
    match kind {
        EntryKind::File => FsKind::File,
        EntryKind::Directory => FsKind::Directory,
        EntryKind::Symlink => FsKind::Symlink,
        EntryKind::Fifo => FsKind::Fifo,
        EntryKind::Socket => FsKind::Socket,
        EntryKind::CharacterDevice => FsKind::CharacterDevice,
        EntryKind::BlockDevice => FsKind::BlockDevice,
    }
}

/// Returns the time as the file system names it.
pub(crate) fn timestamp(time: Time) -> Timestamp {
    Timestamp { seconds: time.seconds, nanoseconds: time.nanoseconds }
}

#[cfg(test)]
mod tests;
