//! Result of a backup.

use std::time::Duration;

use icecore_format::{
    ids::{GroupId, RunId},
    node::Totals,
    snapshot::{DedupScope, Level, Snapshot, SnapshotStatistics},
};

use crate::{events::BackupNotice, problems::Problems};

/// Result of a backup.
#[derive(Debug)]
pub struct BackupReport {
    /// The complete snapshot; none for a dry run.
    pub snapshot: Option<Snapshot>,
    /// Level of the run.
    pub level: Level,
    /// Dedup scope of the run.
    pub dedup: DedupScope,
    /// Group that the run wrote into; none for a dry run that would begin a new one.
    pub group: Option<GroupId>,
    /// Snapshot that changes were detected against.
    pub base: Option<RunId>,
    /// Totals of everything in the snapshot.
    pub totals: Totals,
    /// Counts of files and bytes.
    pub counts: BackupCounts,
    /// Objects that are missing or incomplete in the snapshot.
    pub problems: Problems,
    /// Differences between the request and the run.
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
    /// Files that are the same as in the base.
    pub files_unchanged: u64,
    /// Files that were read (again).
    pub files_read: u64,
    /// Paths of the base that no longer exist.
    pub entries_removed: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Data chunks of all files that were read.
    pub chunks_read: u64,
    /// Data chunks that the repository did not have.
    pub chunks_new: u64,
    /// Their bytes before compression.
    pub bytes_new: u64,
    /// Their bytes after compression.
    pub bytes_compressed: u64,
    /// Bytes of everything that was uploaded.
    pub bytes_stored: u64,
    /// Objects that patterns, tags or the request excluded.
    pub excluded: u64,
    /// Objects that vanished during the walk.
    pub vanished: u64,
}

impl BackupCounts {
    /// Returns the statistics for the snapshot; the write session adds its own counts.
    pub(crate) fn statistics(&self) -> SnapshotStatistics {
        SnapshotStatistics {
            files_new: self.files_new,
            files_changed: self.files_changed,
            files_unchanged: self.files_unchanged,
            bytes_read: self.bytes_read,
            chunks_read: self.chunks_read,
            ..SnapshotStatistics::default()
        }
    }
}
