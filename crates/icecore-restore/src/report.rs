//! Events of a running restore, and its report at the end.

use std::time::Duration;

use icecore_format::node::Totals;
use icecore_fs::error::FsError;
use icecore_repo::{error::RepoError, reader::ArchivedPack};

mod example;

/// Maximum number of problems in a report; all are counted, and all are passed to [`RestoreEvents::problem`].
pub const PROBLEMS_MAX: usize = 1000;
/// Maximum number of problems of archived data among them, so that there is room for others.
pub(crate) const PROBLEMS_ARCHIVED_MAX: usize = PROBLEMS_MAX / 2;
/// Maximum number of examples of each kind of warning, and of each reason to leave something alone.
pub const WARNING_EXAMPLES_MAX: usize = 5;

/// Action on an object of the target; in a dry run, what would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestoreAction {
    /// It does not exist, and is created.
    Create,
    /// A file has the wrong content, and is written again.
    Update,
    /// An object of another kind, or a link with another target, is replaced.
    Replace,
    /// Only owner, mode, attributes or time are set.
    Metadata,
    /// It becomes a hard link to another restored file.
    Link,
    /// It is removed.
    Delete,
}

impl RestoreAction {
    /// Returns the name for people and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Metadata => "metadata",
            Self::Link => "link",
            Self::Delete => "delete",
        }
    }
}

/// Why an object could not be restored. The text can follow "could not be restored: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemReason {
    /// Its content could not be read from the repository.
    #[error(transparent)]
    Repository(RepoError),
    /// A part of the manifest cannot be read: the entries after this path (which is restored itself) are
    /// unknown.
    #[error("the entries after it in the snapshot cannot be read: {0}")]
    ManifestGap(RepoError),
    /// The target's file system refused.
    #[error("{source}: {}", source.source)]
    Target {
        /// Operation and error of the file system.
        source: FsError,
    },
    /// It could not be read during the backup; the snapshot does not have its content.
    #[error("it could not be read when the backup was made")]
    UnreadableAtBackup,
    /// In the snapshot, it is below something that is not a directory.
    #[error("in the snapshot, it is below something that is not a directory")]
    NotBelowDirectory,
    /// A directory that is not empty is in the way, and nothing may be deleted.
    #[error("a directory that is not empty already exists there")]
    DirectoryInTheWay,
    /// A directory of an earlier state holds something that no snapshot knows, and stays.
    #[error("the directory is not empty and is kept")]
    DirectoryNotEmpty,
    /// The earlier snapshot does not have a directory there, but the target has one.
    #[error("the earlier snapshot does not have a directory there, so the directory is kept")]
    OtherKind,
    /// A directory is in the way, and something in it must stay.
    #[error("a directory already exists there, and it contains something that must not be deleted")]
    KeptInTheWay,
    /// The path is a mount point.
    #[error("something is mounted there, and a mount point cannot be replaced; unmount it and restore again")]
    MountPoint,
    /// It is the repository, or a key file, the cache or the state of the program: left alone, and not a
    /// problem.
    #[error("it belongs to Icecore itself and is left alone")]
    Own,
    /// The written content does not read back.
    #[error("the written data failed its verification (faulty disk or memory?)")]
    ReadBack,
}

impl ProblemReason {
    /// Returns whether stored data is damaged or missing.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Repository(error) | Self::ManifestGap(error) if error.is_corruption())
    }

    /// Returns whether stored data is missing, rather than damaged.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Repository(error) | Self::ManifestGap(error) if error.is_missing())
    }

    /// Returns whether stored data must be thawed first; nothing is known to be wrong with it.
    pub fn is_archived(&self) -> bool {
        matches!(self, Self::Repository(error) | Self::ManifestGap(error) if error.is_archived())
    }
}

impl From<FsError> for ProblemReason {
    fn from(source: FsError) -> Self {
        Self::Target { source }
    }
}

impl From<RepoError> for ProblemReason {
    fn from(error: RepoError) -> Self {
        Self::Repository(error)
    }
}

/// An object that could not be restored correctly.
#[derive(Debug, thiserror::Error)]
#[error("\"{}\" could not be restored: {reason}", path.escape_ascii())]
pub struct RestoreProblem {
    /// Path relative to the target.
    pub path: Vec<u8>,
    /// Why.
    pub reason: ProblemReason,
}

/// Metadata that could not be applied to restored objects, by aspect and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreWarning {
    /// Aspect: `owner`, `device node`, `extended attributes`, `hard link`, …
    pub aspect: String,
    /// Why: the error of the operating system.
    pub reason: String,
    /// It could not be expected (an ordinary user may not give files away), or has no consequence: the
    /// restore is still complete.
    pub is_note: bool,
    /// Number of objects.
    pub count: u64,
    /// The first few: path relative to the target, and reason.
    pub examples: Vec<(Vec<u8>, String)>,
}

/// Why an object was left alone that might otherwise have been deleted or overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptReason {
    /// The backup could not read its directory, so the snapshot does not know whether it existed.
    Unreadable,
    /// The backup did not enter its directory, which was on another file system.
    NotEntered,
    /// It is in a directory with `CACHEDIR.TAG`, whose content the backup left out.
    Cache,
    /// A pattern excluded it from the backup.
    Excluded,
    /// The backup left it out as a single object, for example the repository.
    LeftOut,
    /// The snapshot does not list everything that was left out, or a part of it cannot be read.
    Unknown,
    /// The include patterns exclude it.
    NotIncluded,
    /// It is a mount point, is below one, or is on another device.
    MountPoint,
    /// It is the repository, or a key file, the cache or the state of the program.
    Own,
}

impl KeptReason {
    /// Returns the name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotEntered => "not-entered",
            Self::Cache => "cache",
            Self::Excluded => "excluded",
            Self::LeftOut => "left-out",
            Self::Unknown => "unknown",
            Self::NotIncluded => "not-included",
            Self::MountPoint => "mount-point",
            Self::Own => "own",
        }
    }
}

/// Objects that were left alone for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptObjects {
    /// Why.
    pub reason: KeptReason,
    /// Number of objects; a directory with everything in it counts once.
    pub count: u64,
    /// The first few paths, relative to the target.
    pub examples: Vec<Vec<u8>>,
}

/// A notice for the user about the restore as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreNotice {
    /// Some objects could not be read during the backup.
    PartialSnapshot {
        /// Number of objects.
        errors: u64,
    },
    /// All files together are larger than the free space; holes and compressing file systems may make up for
    /// it.
    LittleSpace {
        /// Sum of the sizes of the files in bytes.
        needed_bytes: u64,
        /// Free bytes in the target's file system.
        free_bytes: u64,
    },
    /// There are include patterns, so deletion does not reach all of the target.
    DeletionLimited {
        /// Only changes between two snapshots are restored: what the patterns select and the newer snapshot
        /// does not have any more is deleted. Otherwise, objects are deleted in directories that the patterns
        /// select as a whole.
        is_of_changes: bool,
    },
    /// Nothing (more) is deleted, because a part of the manifest cannot be read.
    DeletionSuspended,
    /// Only in a dry run: so many objects would be deleted that the restore asks first.
    ManyDeletions {
        /// Objects that would be deleted.
        deletions: u64,
        /// Objects in the target.
        entries: u64,
    },
}

/// Progress of a restore; the numbers never decrease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreProgress {
    /// Entries that are finished.
    pub entries: u64,
    /// Files that are finished.
    pub files: u64,
    /// Bytes of the files that are finished.
    pub bytes: u64,
    /// Path of the last finished object, relative to the target.
    pub path: Vec<u8>,
}

/// Receives the events of a restore; called from several threads, and should return soon.
pub trait RestoreEvents: Sync {
    /// The restore begins; `expected` has the totals of the selection, if known.
    fn started(&self, expected: Option<Totals>);
    /// Some work was done; called several times a second.
    fn progress(&self, progress: &RestoreProgress);
    /// An object of the target is changed, or in a dry run would be changed (path relative to the target).
    fn action(&self, action: RestoreAction, path: &[u8]);
    /// An object could not be restored.
    fn problem(&self, problem: &RestoreProblem);
    /// A notice about the restore as a whole.
    fn notice(&self, notice: &RestoreNotice);
}

/// Receiver that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl RestoreEvents for NoEvents {
    fn started(&self, _: Option<Totals>) {}
    fn progress(&self, _: &RestoreProgress) {}
    fn action(&self, _: RestoreAction, _: &[u8]) {}
    fn problem(&self, _: &RestoreProblem) {}
    fn notice(&self, _: &RestoreNotice) {}
}

/// Counts of one restore; in a dry run, of what would be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreCounts {
    /// Selected entries, of all kinds.
    pub entries: u64,
    /// Files among them.
    pub files: u64,
    /// Sum of the sizes of these files in bytes.
    pub bytes: u64,
    /// Files that were written.
    pub files_written: u64,
    /// Directories that were created.
    pub directories_created: u64,
    /// Symbolic links that were created.
    pub symlinks_created: u64,
    /// Pipes, sockets and device nodes that were created.
    pub specials_created: u64,
    /// Hard links that were created.
    pub links_created: u64,
    /// Objects (not directories) that were already up to date.
    pub already_right: u64,
    /// Existing files that counted as up to date without comparing their content: because times are trusted,
    /// or because they have not changed since the backup of the same file.
    pub files_not_compared: u64,
    /// Objects for which only owner, mode, attributes or time were set.
    pub metadata_fixed: u64,
    /// Objects of another kind that were replaced; also counted under their replacement.
    pub replaced: u64,
    /// Objects that were removed because the snapshot does not have them; a directory with everything in it
    /// counts once.
    pub deleted: u64,
    /// Objects that were removed, with each object in a directory; includes those that were removed to make
    /// room.
    pub deleted_entries: u64,
    /// Temporary files of killed restores that were removed.
    pub leftovers_removed: u64,
    /// Entries that the patterns do not include.
    pub not_included: u64,
    /// Entries that were skipped, because their directory could not be created.
    pub skipped: u64,
    /// Bytes of content that were written to files.
    pub bytes_written: u64,
    /// Bytes of these that were copied from the previous file.
    pub bytes_reused: u64,
    /// Bytes that were fetched from the repository in stored form, including the manifest.
    pub bytes_fetched: u64,
    /// Bytes of content that were read in the target and compared.
    pub bytes_compared: u64,
}

/// Result of a restore.
#[derive(Debug, Default)]
pub struct RestoreReport {
    /// Counts.
    pub counts: RestoreCounts,
    /// Name in the target of what was restored, if it was a single object and not a directory.
    pub single: Option<Vec<u8>>,
    /// Objects that could not be restored; at most [`PROBLEMS_MAX`].
    pub problems: Vec<RestoreProblem>,
    /// Number of all problems.
    pub problem_count: u64,
    /// Number of problems because of damaged or missing data in the repository.
    pub damaged: u64,
    /// Number of problems because of data that must be thawed first.
    pub archived: u64,
    /// The packs that must be thawed: all that the restore needed.
    pub archived_packs: Vec<ArchivedPack>,
    /// Metadata that could not be applied; sorted by aspect and reason.
    pub warnings: Vec<RestoreWarning>,
    /// Objects that were left alone although the snapshot does not have them, by reason.
    pub kept: Vec<KeptObjects>,
    /// Notices about the restore as a whole.
    pub notices: Vec<RestoreNotice>,
    /// Time until the last object was finished.
    pub duration_restore: Duration,
    /// Time afterwards for making everything durable.
    pub duration_sync: Duration,
}

impl RestoreReport {
    /// Returns whether all expected metadata was set on the restored objects.
    pub fn is_exact(&self) -> bool {
        self.warnings.iter().all(|warning| warning.is_note)
    }
}
