//! An entry to be restored.

use icecore_format::entry::{Entry, EntryKind, Marks, Time};
use icecore_fs::{
    entry::{EntryKind as FsKind, Metadata, Timestamp},
    target::{ApplyOptions, OwnerChoice},
};

use crate::request::RestoreRequest;

/// An entry to be restored; its path is relative to the target.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The entry in the snapshot.
    pub entry: Entry,
    /// Owner that it should get.
    pub owner: OwnerChoice,
    /// Its directory was empty or new, or does not have the name.
    pub is_new: bool,
    /// A file with different content in the snapshot whose state the target has: a matching size and time
    /// prove nothing.
    pub is_changed: bool,
}

impl Candidate {
    /// Returns the metadata in the form of the file system crate.
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
        // Programs that did not number snapshots did not record flags either.
        let clear_flags = request.snapshot.origin.sequence > 0 || self.entry.inode_flags != 0;
        let keep_attributes = self.entry.marks.contains(Marks::ATTRIBUTES_INCOMPLETE);
        ApplyOptions { owner: self.owner, keep_attributes, clear_flags, ..ApplyOptions::default() }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(entry: Entry) -> Self {
        Self { entry, owner: OwnerChoice::FromMetadata, is_new: false, is_changed: false }
    }

    /// Returns whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.entry.kind == EntryKind::File
    }
}

/// Returns the kind in the form of the file system crate.
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

/// Returns the time in the form of the file system crate.
pub(crate) fn timestamp(time: Time) -> Timestamp {
    Timestamp { seconds: time.seconds, nanoseconds: time.nanoseconds }
}
