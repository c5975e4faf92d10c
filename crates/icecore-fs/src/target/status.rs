//! Reads the metadata of an object of the target.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::entry::{EntryKind, Metadata};
use crate::stat::{ObjectStat, stat_at, stat_descriptor};

/// The bits of `st_mode` for permissions, setuid, setgid and sticky.
pub(super) const MODE_BITS: u32 = 0o7777;

/// Returns the metadata of one name in a directory, without following a symbolic link.
pub(super) fn metadata_at(directory: impl AsFd, name: &[u8]) -> Result<Metadata, Errno> {
    metadata(stat_at(directory, name))
}

/// Returns the metadata of an open object (`O_PATH` is enough).
pub(super) fn metadata_of(descriptor: impl AsFd) -> Result<Metadata, Errno> {
    metadata(stat_descriptor(descriptor))
}

/// Returns the metadata of an open object, with the size of its allocated storage.
pub(super) fn object_stat_of(descriptor: impl AsFd) -> Result<ObjectStat, Errno> {
    answer(stat_descriptor(descriptor))
}

fn metadata(stat: io::Result<ObjectStat>) -> Result<Metadata, Errno> {
    answer(stat).map(|stat| stat.metadata)
}

fn answer(stat: io::Result<ObjectStat>) -> Result<ObjectStat, Errno> {
    // An error that did not come from the operating system means that the kind of the object is unknown.
    stat.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
}

/// Returns the kind of an object; none for kinds that Linux does not have.
pub(super) fn kind_of(file_type: FileType) -> Option<EntryKind> {
    match file_type {
        FileType::RegularFile => Some(EntryKind::File),
        FileType::Directory => Some(EntryKind::Directory),
        FileType::Symlink => Some(EntryKind::Symlink),
        FileType::Fifo => Some(EntryKind::Fifo),
        FileType::Socket => Some(EntryKind::Socket),
        FileType::CharacterDevice => Some(EntryKind::CharacterDevice),
        FileType::BlockDevice => Some(EntryKind::BlockDevice),
        FileType::Unknown => None,
    }
}
