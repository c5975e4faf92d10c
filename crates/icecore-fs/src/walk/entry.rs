//! One object that the walk found, and methods to read it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::directory::{Directory, is_out_of_descriptors};
use crate::entry::{EntryKind, Metadata};
use crate::error::{FsError, is_gone, retry_interrupted};
use crate::source_file::SourceFile;
use crate::stat::stat_at;
use crate::walk::Listed;
use crate::xattr::{AttributeOwner, AttributesRead, read_attributes, read_attributes_at};

/// How far the walk examined an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Completely: for a directory, all of its names are known.
    Whole,
    /// A directory of which some or all names are unknown.
    Incomplete,
    /// A directory on another file system than the root, which was not entered.
    NotEntered,
    /// A cache directory, of which only the tag is returned.
    CacheTag,
}

/// Result of looking up the name of an entry once more.
#[derive(Clone, Debug)]
pub enum Presence {
    /// An object, with its current metadata. It may be another object, of another kind.
    There(WalkEntry),
    /// The name does not exist any more.
    Gone,
    /// The directory itself is gone: it was moved or removed.
    DirectoryGone,
}

/// One object of a source, with the result of `statx`.
#[derive(Clone, Debug)]
pub struct WalkEntry {
    /// Path relative to the source's root; empty for the root itself.
    pub path: Vec<u8>,
    /// Metadata at the time of the walk.
    pub metadata: Metadata,
    /// Bytes for which the file system has allocated storage; less than the size for sparse (or compressed)
    /// files.
    pub allocated_bytes: u64,
    /// Directory of the object; for the root, the root itself.
    pub directory: Arc<Directory>,
    /// The object itself, if it is a directory that was opened.
    pub(super) opened: Option<Arc<Directory>>,
    /// How far the walk examined it.
    pub completeness: Completeness,
    /// The single component by which `directory` knows the object.
    pub(super) name: ObjectName,
}

/// Where the name of an entry is found.
#[derive(Clone, Debug)]
pub(super) enum ObjectName {
    /// The path's bytes from here on.
    PathFrom(usize),
    /// Another name: `.` for the root, or the real name of a single file that is reached through a link.
    Other(Box<[u8]>),
}

impl WalkEntry {
    /// Opens a regular file for reading.
    pub fn open(&self) -> Result<SourceFile, FsError> {
        let open = || SourceFile::open_at(self.descriptor()?.as_fd(), self.name());
        let opened = match open() {
            Err(error) if is_out_of_descriptors(&error) => {
                self.directory.relieve_descriptors();
                open()
            }
            result => result,
        };
        opened.map_err(|source| self.error("open", source))
    }

    /// Reads the target of a symbolic link.
    pub fn read_link(&self) -> Result<Vec<u8>, FsError> {
        self.descriptor()
            .and_then(|directory| {
                let read = || rustix::fs::readlinkat(&directory, self.name(), Vec::new());
                Ok(retry_interrupted(read)?.into_bytes())
            })
            .map_err(|source| self.error("read the target of the link", source))
    }

    /// Reads the extended attributes of an object of any kind.
    pub fn extended_attributes(&self) -> Result<AttributesRead, FsError> {
        self.read_attributes().map_err(|source| self.error("list the extended attributes of", source))
    }

    /// Looks up the object that has the name of this entry now.
    pub fn look_again(&self) -> Result<Presence, FsError> {
        let found = match self.descriptor() {
            Ok(directory) => stat_at(&*directory, self.name()),
            Err(error) if is_gone(&error) => return Ok(Presence::DirectoryGone),
            Err(error) => Err(error),
        };
        match found {
            Ok(stat) => {
                let (metadata, allocated_bytes) = (stat.metadata, stat.allocated_bytes);
                // The object is a directory now, but was not read as one.
                let same = self.is_same_object(&metadata);
                let opened = if same { self.opened.clone() } else { None };
                let incomplete = !same && metadata.kind == EntryKind::Directory;
                let completeness = if incomplete { Completeness::Incomplete } else { self.completeness };
                Ok(Presence::There(Self { metadata, allocated_bytes, opened, completeness, ..self.clone() }))
            }
            Err(error) if is_gone(&error) => Ok(Presence::Gone),
            Err(error) => Err(self.error("read the metadata of", error)),
        }
    }

    /// Returns whether the name still belongs to the same object in the same state: then everything that was
    /// read by the name belongs to this object. An opened directory is read by its descriptor and does not
    /// need this check.
    pub fn is_unchanged(&self) -> Result<bool, FsError> {
        if self.opened.is_some() {
            return Ok(true);
        }
        Ok(matches!(self.look_again()?, Presence::There(found)
            if self.is_same_object(&found.metadata) && found.metadata.changed == self.metadata.changed))
    }

    /// Returns whether the metadata belong to the same object, which may have changed.
    pub fn is_same_object(&self, metadata: &Metadata) -> bool {
        let of = |metadata: &Metadata| (metadata.device, metadata.inode, metadata.kind);
        of(&self.metadata) == of(metadata)
    }

    /// Stores the outcome of reading the names of the directory.
    pub(super) fn set_listed(&mut self, listed: &Listed) {
        self.metadata = listed.metadata.unwrap_or(self.metadata);
        self.opened.clone_from(&listed.opened);
        self.completeness = listed.completeness;
    }

    /// Makes an error about this entry.
    pub fn error(&self, operation: &'static str, source: impl Into<io::Error>) -> FsError {
        FsError::new(operation, self.path.clone(), source)
    }

    fn read_attributes(&self) -> io::Result<AttributesRead> {
        if let Some(opened) = &self.opened {
            // Even if it was moved, it is the directory that was listed.
            return read_attributes(AttributeOwner::Descriptor(opened.descriptor()?.as_fd()));
        }
        read_attributes_at(self.descriptor()?.as_fd(), self.name())
    }

    fn descriptor(&self) -> io::Result<Arc<OwnedFd>> {
        self.directory.descriptor()
    }

    fn name(&self) -> &[u8] {
        match &self.name {
            ObjectName::PathFrom(start) => &self.path[*start..],
            ObjectName::Other(name) => name,
        }
    }
}
