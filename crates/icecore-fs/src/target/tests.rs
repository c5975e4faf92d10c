mod creation;
mod flags;
mod metadata;
mod removal;
mod safety;
mod unprivileged;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::entry::{ExtendedAttributes, Timestamp};

/// A directory with a target and, beside it, a directory outside of the target that must never change.
struct TargetBed {
    directory: TempDir,
    tree: TargetTree,
}

impl TargetBed {
    fn new() -> Self {
        Self::with_handles(64)
    }

    fn with_handles(handles_max: usize) -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("target")).unwrap();
        fs::create_dir(directory.path().join("outside")).unwrap();
        let tree = TargetTree::open_with(&directory.path().join("target"), handles_max).unwrap();
        Self { directory, tree }
    }

    fn inside(&self, path: &str) -> PathBuf {
        self.directory.path().join("target").join(path)
    }

    fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    fn assert_outside_is_empty(&self) {
        assert_eq!(fs::read_dir(self.outside()).unwrap().count(), 0);
    }

    /// Writes a whole file with mode 644 of the current user.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), FsError> {
        let file = self.tree.create_file(path.as_bytes(), content.len() as u64)?;
        file.write_at(0, content)?;
        let warnings =
            file.finish(&metadata(EntryKind::File, 0o644), &Vec::new(), &ApplyOptions::default())?;
        assert!(warnings.is_empty(), "{warnings:?}");
        Ok(())
    }

    fn apply(&self, path: &str, metadata: &Metadata) {
        self.apply_with_attributes(path, metadata, &Vec::new());
    }

    fn apply_with_attributes(&self, path: &str, metadata: &Metadata, attributes: &ExtendedAttributes) {
        let warnings = self
            .tree
            .apply_metadata(path.as_bytes(), metadata, attributes, &ApplyOptions::default())
            .unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

/// Keeps nothing.
struct RemoveAll;

impl RemovalWatch for RemoveAll {
    fn keeps(&mut self, _: &[u8], _: &Location) -> bool {
        false
    }
    fn removed(&mut self, _: &[u8], _: u64) {}
}

impl TargetTree {
    fn remove_tree(&self, path: &[u8]) -> Result<bool, FsError> {
        self.remove(path, RemovalMode::Remove, &mut RemoveAll)
    }
}

/// Metadata of an object of the current user, with times of 2001-09-09.
fn metadata(kind: EntryKind, mode: u32) -> Metadata {
    Metadata {
        kind,
        mode,
        user_id: rustix::process::geteuid().as_raw(),
        group_id: rustix::process::getegid().as_raw(),
        size: 0,
        modified: Timestamp { seconds: 1_000_000_000, nanoseconds: 123_456_789 },
        changed: Timestamp::default(),
        inode: 0,
        device: 0,
        links: 1,
        special_device: 0,
        inode_flags: 0,
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn problem(error: &FsError) -> Option<TargetPathProblem> {
    error.source.get_ref()?.downcast_ref().copied()
}
