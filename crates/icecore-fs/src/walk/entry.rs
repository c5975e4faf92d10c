//! One object that the walk found, and what can be read of it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::directory::{Directory, is_out_of_descriptors};
use crate::entry::Metadata;
use crate::error::{FsError, retry_interrupted};
use crate::source_file::SourceFile;
use crate::xattr::{AttributeOwner, AttributesRead, object_path, read_attributes};

/// One object of a source, with what `statx` tells about it.
#[derive(Clone, Debug)]
pub struct WalkEntry {
    /// Path relative to the source's root; empty for the root itself.
    pub path: Vec<u8>,
    /// Metadata at the time when the walk came by.
    pub metadata: Metadata,
    /// Bytes for which the file system has allocated storage; less than the size for sparse (or compressed) files.
    pub allocated_bytes: u64,
    /// Directory that holds the object; for the root, the root itself.
    pub directory: Arc<Directory>,
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

    /// Reads the extended attributes of an object of any kind. Needs `/proc`.
    pub fn extended_attributes(&self) -> Result<AttributesRead, FsError> {
        self.read_attributes().map_err(|source| self.error("list the extended attributes of", source))
    }

    /// Makes an error about this entry.
    pub fn error(&self, operation: &'static str, source: impl Into<io::Error>) -> FsError {
        FsError::new(operation, self.path.clone(), source)
    }

    fn read_attributes(&self) -> io::Result<AttributesRead> {
        let directory = self.descriptor()?;
        let path = object_path(directory.as_fd(), self.name())?;
        read_attributes(AttributeOwner::Path(&path))
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
