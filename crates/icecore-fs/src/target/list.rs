//! Lists the directories of a target.

use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::TargetTree;
use super::path;
use super::status::{kind_of, metadata_at};
use crate::entry::EntryKind;
use crate::error::FsError;

/// Flags to open an entered directory again in order to read it.
const READ_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl TargetTree {
    /// Returns the names in a directory (empty path: the target itself) with their kinds, sorted by name.
    pub fn list_directory(&self, path: &[u8]) -> Result<Vec<(Vec<u8>, EntryKind)>, FsError> {
        const OPERATION: &str = "list the directory";
        path::check(path).map_err(|problem| FsError::new(OPERATION, path, problem))?;
        let mut recovered = false;
        loop {
            let handle = self.directory(path)?;
            match list(&handle) {
                Err(errno) if !recovered && self.recover(errno, path, &handle) => recovered = true,
                result => return result.map_err(|errno| FsError::new(OPERATION, path, errno)),
            }
        }
    }
}

fn list(directory: &super::handles::DirectoryHandle) -> Result<Vec<(Vec<u8>, EntryKind)>, Errno> {
    let descriptor = rustix::fs::openat(directory, c".", READ_DIRECTORY, Mode::empty())?;
    let mut entries = Vec::new();
    for entry in Dir::new(descriptor)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => match metadata_at(directory, name) {
                Ok(metadata) => Some(metadata.kind),
                Err(Errno::NOENT) => None,
                Err(errno) => return Err(errno),
            },
            file_type => kind_of(file_type),
        };
        entries.extend(kind.map(|kind| (name.to_vec(), kind)));
    }
    entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    Ok(entries)
}
