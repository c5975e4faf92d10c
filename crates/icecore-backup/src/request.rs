//! What a backup is asked to do, and what it tells while and after it does it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use icecore_format::{
    entry::Time,
    ids::{GroupId, RunId},
    node::Totals,
    snapshot::{DedupScope, Level, Snapshot},
};
use icecore_fs::{error::FsError, excludes::Excludes};
use icecore_repo::{
    manifest::EntryRefusal,
    session::{ClockDifference, WriteOptions},
    snapshots::SnapshotList,
};

use crate::problems::Problems;

/// Where the content comes from.
pub enum BackupSource {
    /// A directory with everything below it, or a single object.
    Tree {
        /// Path as the user named it; a symbolic link is followed.
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
        /// Called at the end of the stream: fails if what produced it failed, and the snapshot fails with it.
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

/// Changes that a file is not read again for if they are all that is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IgnoredChanges {
    /// A new time of change (`ctime`).
    pub changed: bool,
    /// A new inode.
    pub inode: bool,
}

/// What a backup is asked to do.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Debug)]
pub struct BackupRequest {
    /// Where the content comes from.
    pub source: BackupSource,
    /// Name of the source.
    pub name: String,
    /// Host on which this runs.
    pub host: String,
    /// Which files are read.
    pub level: Level,
    /// Which packs the snapshot may refer to; that of the last full if it is left open.
    pub dedup: Option<DedupScope>,
    /// Snapshots of the repository, if they have just been listed.
    pub snapshots: Option<Arc<SnapshotList>>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Program and version.
    pub program: String,
    /// What is left out by name.
    pub excludes: Excludes,
    /// Leaves out the content of directories with a valid `CACHEDIR.TAG`.
    pub exclude_caches: bool,
    /// Stays on the root's file system.
    pub one_file_system: bool,
    /// What alone does not have a file read again.
    pub ignored: IgnoredChanges,
    /// Directories that are left out wholly, by device and inode (the repository, the cache).
    pub skip: Vec<(u64, u64)>,
    /// Threads that list directories and ask for metadata.
    pub walk_concurrency: usize,
    /// Threads that read files.
    pub read_concurrency: usize,
    /// How packs are written.
    pub write: WriteOptions,
    /// Only finds out what would be read; writes nothing at all.
    pub dry_run: bool,
    /// Accepts an empty stream, and a root without content where the last snapshot of the source had some.
    pub allow_empty: bool,
}

/// How far a backup is; numbers only grow.
#[derive(Clone, Debug, Default)]
pub struct BackupProgress {
    /// Entries that have been dealt with.
    pub entries: u64,
    /// Files that have been dealt with.
    pub files: u64,
    /// Bytes of the files that have been dealt with.
    pub bytes: u64,
    /// Bytes that have been uploaded.
    pub bytes_stored: u64,
    /// Path of the entry that was dealt with last.
    pub path: Vec<u8>,
}

/// One object of the source that is not in the snapshot as it should be.
#[derive(Debug)]
pub enum SourceProblem {
    /// It could not be read (in full); in the snapshot it is missing, or marked and without content.
    Unreadable(FsError),
    /// It changed whenever it was read; the snapshot holds the last attempt, marked.
    Changing {
        /// Path relative to the source's root.
        path: Vec<u8>,
    },
    /// A directory was moved or removed while the source was read; what was below it may be missing.
    Gone {
        /// Path relative to the source's root; empty for the root itself.
        path: Vec<u8>,
    },
    /// A snapshot cannot hold it; in the snapshot it is missing, with everything below it.
    Refused {
        /// Path relative to the source's root.
        path: Vec<u8>,
        /// Why not.
        reason: EntryRefusal,
        /// Number of objects below it.
        below: u64,
    },
}

impl SourceProblem {
    /// Returns the path of the object, relative to the source's root.
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Unreadable(error) => &error.path,
            Self::Changing { path } | Self::Gone { path } | Self::Refused { path, .. } => path,
        }
    }
}

/// Something that was done differently than asked, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupNotice {
    /// There is no earlier snapshot of this source: this one is a full.
    FirstIsFull,
    /// The last full refers to packs outside its group, so this run became a full of its own.
    GroupNeedsFull,
    /// The earlier snapshot cannot be read, every file is read again.
    BaseUnreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// This machine's clock is behind the time of the newest snapshot of the source: one of the two is wrong.
    ClockBehind {
        /// The newest snapshot.
        newest: RunId,
        /// When it was started, by its own clock.
        started: Time,
    },
    /// This machine's clock is far from the store's.
    ClockDiffers(ClockDifference),
    /// Chunks that an earlier snapshot refers to are missing in the repository; the files were read again.
    ChunksMissing {
        /// Number of files.
        files: u64,
    },
}

/// Receives what happens during a backup; called from the backup's own thread.
pub trait BackupEvents: Sync {
    /// The backup begins; `expected` are the totals of the snapshot that it compares with, if there is one.
    fn started(&self, level: Level, base: Option<RunId>, expected: Option<Totals>);
    /// Some work was done; called several times a second.
    fn progress(&self, progress: &BackupProgress);
    /// Something is not as it should be in the snapshot. Told of every problem; the report keeps only the first ones.
    fn problem(&self, problem: &SourceProblem);
    /// Something was done differently than asked.
    fn notice(&self, notice: &BackupNotice);
}

/// What a backup did.
#[derive(Debug)]
pub struct BackupReport {
    /// The complete snapshot; none for a dry run.
    pub snapshot: Option<Snapshot>,
    /// Level that was carried out.
    pub level: Level,
    /// Dedup scope that was carried out.
    pub dedup: DedupScope,
    /// Group that the run wrote into; none for a dry run that would begin one.
    pub group: Option<GroupId>,
    /// Snapshot that changes were detected against.
    pub base: Option<RunId>,
    /// Totals of everything in the snapshot.
    pub totals: Totals,
    /// Counts of files and bytes.
    pub counts: BackupCounts,
    /// Objects that are not in the snapshot as they should be.
    pub problems: Problems,
    /// What was done differently than asked.
    pub notices: Vec<BackupNotice>,
    /// Time from the start until everything was read, and until everything was durable.
    pub duration_read: Duration,
    /// Duration of the whole run.
    pub duration: Duration,
}

/// Counts of one backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupCounts {
    /// Files that the base does not have.
    pub files_new: u64,
    /// Files whose content or metadata differs from the base.
    pub files_changed: u64,
    /// Files that are as in the base.
    pub files_unchanged: u64,
    /// Files that were read (again).
    pub files_read: u64,
    /// Paths of the base that are gone.
    pub entries_removed: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Data chunks of the files that were read.
    pub chunks_read: u64,
    /// Data chunks that the repository did not have.
    pub chunks_new: u64,
    /// Their bytes before compression.
    pub bytes_new: u64,
    /// Their bytes after compression.
    pub bytes_compressed: u64,
    /// Bytes of everything that was uploaded.
    pub bytes_stored: u64,
    /// Objects left out by patterns, tags or request.
    pub excluded: u64,
    /// Objects that vanished during the walk.
    pub vanished: u64,
}
