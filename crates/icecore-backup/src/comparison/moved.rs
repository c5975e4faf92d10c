//! Directories that were only moved: their files do not have to be read again.
//!
//! A moved directory keeps its inode, and so do the files below it, with their times of change. If the base
//! knows the inode of a new directory, its content is compared with the base's entries below the old path. A
//! wrong guess (a reused inode) does no harm: each file still has to match by inode, size and both times.

use std::collections::HashMap;

use icecore_format::{
    entry::{Entry, EntryKind},
    path,
};
use icecore_repo::{
    error::RepoResult,
    manifest::{ManifestCursor, ManifestRoot},
    reader::ChunkReader,
};

/// Maximum number of remembered directories of the base, about 100 bytes each.
const DIRECTORIES_MAX: usize = 1 << 20;

/// Finds the old paths of moved directories in the base.
pub(crate) struct MovedDirectories<'a> {
    reader: &'a ChunkReader,
    root: ManifestRoot,
    /// Path by inode; read from the base when it is first needed.
    directories: Option<HashMap<u64, Vec<u8>>>,
    /// Moved directories that the walk is in, the innermost last.
    inside: Vec<MovedDirectory<'a>>,
}

struct MovedDirectory<'a> {
    new_path: Vec<u8>,
    old_path: Vec<u8>,
    cursor: ManifestCursor<'a>,
}

impl<'a> MovedDirectories<'a> {
    pub fn new(reader: &'a ChunkReader, root: ManifestRoot) -> Self {
        Self { reader, root, directories: None, inside: Vec::new() }
    }

    /// Returns the base's entry of an object that it does not have under its present path; call it in path
    /// order.
    pub fn find(&mut self, entry: &Entry) -> RepoResult<Option<Entry>> {
        while self.inside.last().is_some_and(|moved| !path::is_within(&entry.path, &moved.new_path)) {
            self.inside.pop();
        }
        if let Some(moved) = self.inside.last_mut()
            && let Some(found) = moved.find(&entry.path)?
        {
            return Ok(Some(found));
        }
        if entry.kind != EntryKind::Directory {
            return Ok(None);
        }
        let Some(old_path) = self.old_path(entry.inode)? else { return Ok(None) };
        let mut cursor = ManifestCursor::new(self.reader, &self.root);
        cursor.seek(&old_path)?;
        let mut moved = MovedDirectory { new_path: entry.path.clone(), old_path, cursor };
        let found = moved.find(&entry.path)?;
        self.inside.push(moved);
        Ok(found)
    }

    fn old_path(&mut self, inode: u64) -> RepoResult<Option<Vec<u8>>> {
        if self.directories.is_none() {
            let mut directories = HashMap::new();
            let mut cursor = ManifestCursor::new(self.reader, &self.root);
            while let Some(entry) = cursor.next()?
                && directories.len() < DIRECTORIES_MAX
            {
                if entry.kind == EntryKind::Directory {
                    directories.insert(entry.inode, entry.path);
                }
            }
            self.directories = Some(directories);
        }
        Ok(self.directories.as_ref().and_then(|directories| directories.get(&inode)).cloned())
    }
}

impl MovedDirectory<'_> {
    /// Returns the base's entry at the corresponding old path, with its new path.
    fn find(&mut self, new_path: &[u8]) -> RepoResult<Option<Entry>> {
        let mut old_path = self.old_path.clone();
        old_path.extend_from_slice(&new_path[self.new_path.len()..]);
        self.cursor.seek(&old_path)?;
        if self.cursor.peek()?.is_none_or(|entry| entry.path != old_path) {
            return Ok(None);
        }
        Ok(self.cursor.next()?.map(|entry| Entry { path: new_path.to_vec(), ..entry }))
    }
}
