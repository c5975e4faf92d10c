//! One object that the walk found, and what can be read of it.

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

/// How far the walk looked into an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As far as it goes: of a directory, all of its names are known.
    Whole,
    /// Of a directory: its names are not known, or not all of them.
    Incomplete,
    /// Of a directory: it is on another file system than the root, and was not entered.
    NotEntered,
    /// Of a directory: it is a cache, of which only the tag is shown.
    CacheTag,
}

/// What is found under the name of an entry when it is looked up once more.
#[derive(Clone, Debug)]
pub enum Presence {
    /// An object, with the metadata that it has now. It may be another one, and of another kind.
    There(WalkEntry),
    /// Nothing: the name is gone.
    Gone,
    /// The directory itself is gone: it was moved or removed.
    DirectoryGone,
}

/// One object of a source, with what `statx` tells about it.
#[derive(Clone, Debug)]
pub struct WalkEntry {
    /// Path relative to the source's root; empty for the root itself.
    pub path: Vec<u8>,
    /// Metadata at the time when the walk came by.
    pub metadata: Metadata,
    /// Bytes for which the file system has allocated storage; less than the size for sparse (or compressed)
    /// files.
    pub allocated_bytes: u64,
    /// Directory that holds the object; for the root, the root itself.
    pub directory: Arc<Directory>,
    /// The object itself, if it is a directory that was opened.
    pub(super) opened: Option<Arc<Directory>>,
    /// How far the walk looked into it.
    pub look: Look,
    /// The single component by which `directory` knows the object.
    pub(super) name: ObjectName,
}

/// Where the name of an entry is found.
#[derive(Clone, Debug)]
pub(super) enum ObjectName {
    /// The path's bytes from here on.
    PathFrom(usize),
    /// Elsewhere: `.` for the root, the real name of a single file that is reached through a link.
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

    /// Looks up what has the name of this entry now.
    pub fn look_again(&self) -> Result<Presence, FsError> {
        let found = match self.descriptor() {
            Ok(directory) => stat_at(&*directory, self.name()),
            Err(error) if is_gone(&error) => return Ok(Presence::DirectoryGone),
            Err(error) => Err(error),
        };
        match found {
            Ok(stat) => {
                let (metadata, allocated_bytes) = (stat.metadata, stat.allocated_bytes);
                // What is a directory now has not been read as one.
                let same = self.is_same_object(&metadata);
                let opened = if same { self.opened.clone() } else { None };
                let incomplete = !same && metadata.kind == EntryKind::Directory;
                let look = if incomplete { Look::Incomplete } else { self.look };
                Ok(Presence::There(Self { metadata, allocated_bytes, opened, look, ..self.clone() }))
            }
            Err(error) if is_gone(&error) => Ok(Presence::Gone),
            Err(error) => Err(self.error("read the metadata of", error)),
        }
    }

    /// Says whether the name still has the object that was seen, in the state that was seen: what was read by
    /// the name is then that object's. A directory that was opened is read by its descriptor and needs no
    /// such look.
    pub fn is_unchanged(&self) -> Result<bool, FsError> {
        if self.opened.is_some() {
            return Ok(true);
        }
        Ok(matches!(self.look_again()?, Presence::There(found)
            if self.is_same_object(&found.metadata) && found.metadata.changed == self.metadata.changed))
    }

    /// Says whether metadata are those of the same object, whatever else changed.
    pub fn is_same_object(&self, metadata: &Metadata) -> bool {
        let of = |metadata: &Metadata| (metadata.device, metadata.inode, metadata.kind);
        of(&self.metadata) == of(metadata)
    }

    /// Takes over what became of reading the directory's names.
    pub(super) fn set_listed(&mut self, listed: &Listed) {
        self.metadata = listed.metadata.unwrap_or(self.metadata);
        self.opened.clone_from(&listed.opened);
        self.look = listed.look;
    }

    /// Makes an error about this entry.
    pub fn error(&self, operation: &'static str, source: impl Into<io::Error>) -> FsError {
        FsError::new(operation, self.path.clone(), source)
    }

    fn read_attributes(&self) -> io::Result<AttributesRead> {
        if let Some(opened) = &self.opened {
            // Moved or not, it is the directory that was listed.
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
