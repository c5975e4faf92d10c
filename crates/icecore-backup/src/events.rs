//! Reports of a running backup: its progress and its problems.

use icecore_format::{entry::Time, ids::RunId, node::Totals, snapshot::Level};
use icecore_fs::error::FsError;
use icecore_repo::{manifest::EntryRefusal, session::ClockDifference};

/// Progress of a backup; the numbers never decrease.
#[derive(Clone, Debug, Default)]
pub struct BackupProgress {
    /// Entries that are finished.
    pub entries: u64,
    /// Files that are finished.
    pub files: u64,
    /// Bytes of the files that are finished.
    pub bytes: u64,
    /// Bytes that have been uploaded.
    pub bytes_stored: u64,
    /// Path of the last finished entry.
    pub path: Vec<u8>,
}

/// A problem with an object of the source: it is missing or incomplete in the snapshot.
#[derive(Debug)]
pub enum SourceProblem {
    /// It could not be read completely; in the snapshot it is missing, or marked and without content.
    Unreadable(FsError),
    /// It changed during every attempt to read it; the snapshot holds the last attempt, marked.
    Changing {
        /// Path relative to the source's root.
        path: Vec<u8>,
    },
    /// A directory was moved or removed while the source was read; objects below it may be missing.
    Gone {
        /// Path relative to the source's root; empty for the root itself.
        path: Vec<u8>,
    },
    /// A snapshot cannot hold it; it is missing in the snapshot, with everything below it.
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

/// A difference between the request and the run, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupNotice {
    /// There is no earlier snapshot of this source, so this one is a full.
    FirstIsFull,
    /// The last full refers to packs outside its group, so this run became a full.
    GroupNeedsFull,
    /// The earlier snapshot cannot be read, so every file is read again.
    BaseUnreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// This machine's clock is behind the time of the newest snapshot of the source: one of them is wrong.
    ClockBehind {
        /// The newest snapshot.
        newest: RunId,
        /// Its start time, by its own clock.
        started: Time,
    },
    /// This machine's clock is far off the store's.
    ClockDiffers(ClockDifference),
    /// Chunks of an earlier snapshot are missing in the repository, so their files were read again.
    ChunksMissing {
        /// Number of files.
        files: u64,
    },
}

/// Receives the events of a backup; called from the backup's own thread.
pub trait BackupEvents: Sync {
    /// The backup begins; `expected` has the totals of the base, if there is one.
    fn started(&self, level: Level, base: Option<RunId>, expected: Option<Totals>);
    /// Some work was done; called several times a second.
    fn progress(&self, progress: &BackupProgress);
    /// Something is missing or incomplete in the snapshot. Called for every problem; the report keeps only
    /// the first ones.
    fn problem(&self, problem: &SourceProblem);
    /// The run differs from the request.
    fn notice(&self, notice: &BackupNotice);
}
