//! Request of a backup.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use icecore_format::snapshot::{DedupScope, Level};
use icecore_fs::excludes::Excludes;
use icecore_repo::{session::WriteOptions, snapshots::SnapshotList};

/// Where the content comes from.
pub enum BackupSource {
    /// A directory with everything below it, or a single object.
    Tree {
        /// Path as the user typed it; a symbolic link is followed.
        path: PathBuf,
    },
    /// A stream that becomes one file.
    Stream {
        /// Name of the file in the snapshot; one path component.
        file_name: Vec<u8>,
        /// Where the bytes come from.
        input: Box<dyn std::io::Read + Send>,
        /// Command that writes the stream, with its arguments; empty for standard input.
        command: Vec<String>,
        /// Called at the end of the stream: if its producer failed, this fails, and so does the snapshot.
        finish: Box<dyn FnOnce() -> Result<(), String> + Send>,
    },
}

impl std::fmt::Debug for BackupSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tree { path } => formatter.debug_struct("Tree").field("path", path).finish(),
            Self::Stream { command, .. } => {
                formatter.debug_struct("Stream").field("command", command).finish_non_exhaustive()
            }
        }
    }
}

/// Changes that alone are no reason to read a file again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IgnoredChanges {
    /// A new time of change (`ctime`).
    pub changed: bool,
    /// A new inode.
    pub inode: bool,
}

/// Request of a backup.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Debug)]
pub struct BackupRequest {
    /// Where the content comes from.
    pub source: BackupSource,
    /// Name of the source.
    pub name: String,
    /// Host on which the backup runs.
    pub host: String,
    /// Which files are read.
    pub level: Level,
    /// Which packs the snapshot may refer to; if absent, the same as for the last full.
    pub dedup: Option<DedupScope>,
    /// Snapshots of the repository, if they have just been listed.
    pub snapshots: Option<Arc<SnapshotList>>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Program and version.
    pub program: String,
    /// Names to be left out.
    pub excludes: Excludes,
    /// Leaves out the content of directories with a valid `CACHEDIR.TAG`.
    pub exclude_caches: bool,
    /// Stays on the root's file system.
    pub one_file_system: bool,
    /// Changes that alone are no reason to read a file again.
    pub ignored: IgnoredChanges,
    /// Directories to be left out completely, by device and inode (the repository, the cache).
    pub skip: Vec<(u64, u64)>,
    /// Threads that list directories and read metadata.
    pub walk_concurrency: usize,
    /// Threads that read files.
    pub read_concurrency: usize,
    /// How packs are written.
    pub write: WriteOptions,
    /// Only finds out what would be read; writes nothing.
    pub dry_run: bool,
    /// Accepts an empty stream, and an empty root even if the last snapshot of the source had content.
    pub allow_empty: bool,
}
