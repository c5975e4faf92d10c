//! Turns what the file system says into a manifest entry.

use icecore_format::{
    entry::{Entry, EntryKind, INODE_FLAGS_STORED, Marks, Time},
    limits::{ATTRIBUTES_BYTES_MAX, ATTRIBUTES_MAX},
};
use icecore_fs::{
    entry::{EntryKind as FsKind, Metadata, Timestamp},
    walk::Completeness,
    xattr::AttributesRead,
};

fn time(time: Timestamp) -> Time {
    Time { seconds: time.seconds, nanoseconds: time.nanoseconds }
}

pub(crate) fn kind(kind: FsKind) -> EntryKind {
    match kind {
        FsKind::File => EntryKind::File,
        FsKind::Directory => EntryKind::Directory,
        FsKind::Symlink => EntryKind::Symlink,
        FsKind::Fifo => EntryKind::Fifo,
        FsKind::Socket => EntryKind::Socket,
        FsKind::CharacterDevice => EntryKind::CharacterDevice,
        FsKind::BlockDevice => EntryKind::BlockDevice,
    }
}

/// Makes the entry of an object with only its metadata known so far.
pub(crate) fn entry(path: Vec<u8>, metadata: &Metadata) -> Entry {
    let mut entry = Entry::new(path, kind(metadata.kind));
    set_metadata(&mut entry, metadata);
    entry
}

/// Makes the entry of a name without anything known about its object.
pub(crate) fn name_only(path: Vec<u8>) -> Entry {
    let mut entry = Entry::new(path, EntryKind::File);
    entry.marks = Marks::NAME_ONLY.with(Marks::UNREADABLE);
    entry
}

/// Returns marks for how far the walk looked into a directory.
pub(crate) fn marks(completeness: Completeness) -> Marks {
    match completeness {
        Completeness::Whole => Marks::default(),
        Completeness::Incomplete => Marks::UNREADABLE,
        Completeness::NotEntered => Marks::NOT_ENTERED,
        Completeness::CacheTag => Marks::CACHE_LEFT_OUT,
    }
}

/// Sets all fields from the metadata, except kind and link group.
pub(crate) fn set_metadata(entry: &mut Entry, metadata: &Metadata) {
    entry.mode = metadata.mode;
    entry.user_id = metadata.user_id;
    entry.group_id = metadata.group_id;
    entry.modified = time(metadata.modified);
    entry.changed = time(metadata.changed);
    entry.inode = metadata.inode;
    entry.size = if metadata.kind == FsKind::File { metadata.size } else { 0 };
    entry.special_device = metadata.special_device;
    entry.inode_flags = metadata.inode_flags & INODE_FLAGS_STORED;
}

/// Sets the metadata that a file had after it was read; conclusions of the walk from the old metadata become
/// void.
pub(crate) fn set_metadata_read(entry: &mut Entry, metadata: &Metadata) {
    let found = (entry.size, entry.modified, entry.changed, entry.inode);
    set_metadata(entry, metadata);
    if found != (entry.size, entry.modified, entry.changed, entry.inode) {
        entry.marks = entry.marks.without(Marks::READ_TWICE);
    }
}

/// Sets the extended attributes; returns whether all of them could be stored.
pub(crate) fn set_attributes(entry: &mut Entry, read: AttributesRead) -> bool {
    let mut complete = read.unreadable.is_empty();
    let mut bytes = 0;
    entry.attributes = read.attributes;
    entry.attributes.retain(|(name, value)| {
        bytes += name.len() + value.len();
        let fits = bytes <= ATTRIBUTES_BYTES_MAX;
        complete &= fits;
        fits
    });
    complete &= entry.attributes.len() <= ATTRIBUTES_MAX;
    entry.attributes.truncate(ATTRIBUTES_MAX);
    if !complete {
        entry.marks = entry.marks.with(Marks::ATTRIBUTES_INCOMPLETE);
    }
    complete
}
