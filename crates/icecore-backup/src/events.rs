//! What a backup reports while it runs: how far it is, and what is not as it should be.

use icecore_format::{entry::Time, ids::RunId, node::Totals, snapshot::Level};
use icecore_fs::error::FsError;
use icecore_repo::{manifest::EntryRefusal, session::ClockDifference};

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
    /// Something is not as it should be in the snapshot. Told of every problem; the report keeps only the
    /// first ones.
    fn problem(&self, problem: &SourceProblem);
    /// Something was done differently than asked.
    fn notice(&self, notice: &BackupNotice);
}
