//! What a restore tells while it runs, and at its end.

use std::time::Duration;

use icecore_format::node::Totals;
use icecore_fs::error::FsError;
use icecore_repo::{error::RepoError, reader::ArchivedPack};

/// Most problems that a report holds; all are counted, and all are given to [`RestoreEvents::problem`].
pub const PROBLEMS_MAX: usize = 1000;
/// Most problems of archived data among them, so that others are not crowded out.
pub(crate) const PROBLEMS_ARCHIVED_MAX: usize = PROBLEMS_MAX / 2;
/// Most examples of each kind of warning, and of each reason to leave something alone.
pub const WARNING_EXAMPLES_MAX: usize = 5;

/// What is done to one object of the target, or in a dry run would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestoreAction {
    /// There is nothing, it is created.
    Create,
    /// The content of a file is not the right one, it is written again.
    Update,
    /// Something of another kind, or a link that leads elsewhere, is replaced.
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

/// Why an object could not be restored. The text fits behind "could not be restored: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemReason {
    /// Its content cannot be had from the repository.
    #[error(transparent)]
    Repository(RepoError),
    /// A part of the manifest cannot be read: what it lists behind the path (itself restored) is unknown.
    #[error("what follows it in the manifest is unknown: {0}")]
    ManifestGap(RepoError),
    /// The target's file system refused.
    #[error("{source}: {}", source.source)]
    Target {
        /// What was tried, and the answer.
        source: FsError,
    },
    /// It could not be read when the backup was made; the snapshot does not have its content.
    #[error("it could not be read when the backup was made")]
    UnreadableAtBackup,
    /// The snapshot says that it lies below something that is not a directory.
    #[error("in the snapshot it lies below something that is not a directory")]
    NotBelowDirectory,
    /// A directory that is not empty is where it should be, and nothing may be deleted.
    #[error("a directory that is not empty is in its place")]
    DirectoryInTheWay,
    /// A directory of an earlier state has something in it that no snapshot knows, and stays.
    #[error("the directory is not empty and stays")]
    DirectoryNotEmpty,
    /// The earlier snapshot has something else there than a directory, the target has a directory.
    #[error("the earlier snapshot does not have a directory there, so the directory stays")]
    OtherKind,
    /// A directory is in its place, and something in it must stay.
    #[error("the directory in its place stays, because it holds something that must not be deleted")]
    KeptInTheWay,
    /// Something is mounted on the path.
    #[error("something is mounted there, and a mount point cannot be replaced; unmount it and restore again")]
    MountPoint,
    /// It is the repository, or a key file, the cache or the state of the program: left alone, and no
    /// problem.
    #[error("it belongs to the program itself and is left alone")]
    Own,
    /// What was written does not read back.
    #[error("what was written does not read back as it was written (faulty disk or memory?)")]
    ReadBack,
}

impl ProblemReason {
    /// Says whether stored data is damaged or missing.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Repository(error) | Self::ManifestGap(error) if error.is_corruption())
    }

    /// Says whether stored data has to be thawed first, and nothing is known to be wrong with it.
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

/// One object that is not in the target as it should be.
#[derive(Debug, thiserror::Error)]
#[error("\"{}\" could not be restored: {reason}", path.escape_ascii())]
pub struct RestoreProblem {
    /// Path relative to the target.
    pub path: Vec<u8>,
    /// Why.
    pub reason: ProblemReason,
}

/// What could not be applied to otherwise restored objects, by aspect and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreWarning {
    /// What it is about: `owner`, `device node`, `extended attributes`, `hard link`, …
    pub aspect: String,
    /// Why: the answer of the operating system.
    pub reason: String,
    /// It could not be expected (an ordinary user may not give files away), or has no consequence: the
    /// restore is complete all the same.
    pub is_note: bool,
    /// Number of objects.
    pub count: u64,
    /// The first few: path relative to the target, and reason.
    pub examples: Vec<(Vec<u8>, String)>,
}

/// Why something that might have been deleted or overwritten was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptReason {
    /// The backup could not read its directory: the snapshot does not know whether it existed.
    Unreadable,
    /// The backup did not enter its directory, which was another file system.
    NotEntered,
    /// It lies in a directory with `CACHEDIR.TAG`, of which the backup left the content out.
    Cache,
    /// A pattern excluded it from the backup.
    Excluded,
    /// The backup left it out as a single object, such as the repository.
    LeftOut,
    /// The snapshot does not say all that was left out, or a part of it cannot be read.
    Unknown,
    /// The include patterns take it out.
    NotIncluded,
    /// It is a mount point or lies below one, or it lies on another device.
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

/// What was left alone for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptObjects {
    /// Why.
    pub reason: KeptReason,
    /// Number of objects; a directory with everything in it is one.
    pub count: u64,
    /// The first few paths, relative to the target.
    pub examples: Vec<Vec<u8>>,
}

/// Something about the restore as a whole that the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreNotice {
    /// Some objects could not be read when the backup was made.
    PartialSnapshot {
        /// Number of objects.
        errors: u64,
    },
    /// The files are larger together than the free space; holes and file systems that compress may make up
    /// for it.
    LittleSpace {
        /// Sum of the sizes of the files in bytes.
        needed_bytes: u64,
        /// Free bytes in the target's file system.
        free_bytes: u64,
    },
    /// Nothing (more) is deleted, because a part of the manifest cannot be read.
    DeletionSuspended,
    /// Only of a dry run: so much would be deleted that the restore asks first.
    ManyDeletions {
        /// Objects that would be deleted.
        deletions: u64,
        /// Objects in the target.
        entries: u64,
    },
}

/// How far a restore is; numbers only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreProgress {
    /// Entries that have been dealt with.
    pub entries: u64,
    /// Files that have been dealt with.
    pub files: u64,
    /// Bytes of the files that have been dealt with.
    pub bytes: u64,
    /// Path of the object that was dealt with last, relative to the target.
    pub path: Vec<u8>,
}

/// Receives what happens during a restore; called from several threads, and should return soon.
pub trait RestoreEvents: Sync {
    /// The restore begins; `expected` are the totals of what was asked for, where they are known.
    fn started(&self, expected: Option<Totals>);
    /// Some work was done; called several times a second.
    fn progress(&self, progress: &RestoreProgress);
    /// Something is done, or in a dry run would be done, to an object of the target (path relative to the
    /// target).
    fn action(&self, action: RestoreAction, path: &[u8]);
    /// An object could not be restored.
    fn problem(&self, problem: &RestoreProblem);
    /// Something about the restore as a whole.
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
    /// Entries that were selected, of all kinds.
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
    /// Objects (not directories) that were right already.
    pub already_right: u64,
    /// Existing files that were taken to be right without a comparison of their content: because times are
    /// trusted, or because they have not changed since the backup of this very file.
    pub files_not_compared: u64,
    /// Objects of which only owner, mode, attributes or time were set.
    pub metadata_fixed: u64,
    /// Objects of another kind that were replaced; counted under what replaced them, too.
    pub replaced: u64,
    /// Objects that were removed because the snapshot does not have them; a directory with everything in it
    /// is one.
    pub deleted: u64,
    /// Objects that were removed, each one in a directory counted; those that made room for something else,
    /// too.
    pub deleted_entries: u64,
    /// Temporary files of killed restores that were removed.
    pub leftovers_removed: u64,
    /// Entries that the patterns do not include.
    pub not_included: u64,
    /// Entries that were not tried, because the directory that holds them could not be had.
    pub skipped: u64,
    /// Bytes of content that were written to files.
    pub bytes_written: u64,
    /// Of these, bytes that were copied from the file that was there before.
    pub bytes_reused: u64,
    /// Bytes that were fetched from the repository, as stored, the manifest included.
    pub bytes_fetched: u64,
    /// Bytes of content that were read in the target and compared.
    pub bytes_compared: u64,
}

/// What a restore did.
#[derive(Debug, Default)]
pub struct RestoreReport {
    /// Counts.
    pub counts: RestoreCounts,
    /// What could not be restored; at most [`PROBLEMS_MAX`].
    pub problems: Vec<RestoreProblem>,
    /// Number of all problems.
    pub problem_count: u64,
    /// Number of problems because of damaged or missing data in the repository.
    pub damaged: u64,
    /// Number of problems because of data that has to be thawed first.
    pub archived: u64,
    /// The packs that have to be thawed: all that the restore could not do without.
    pub archived_packs: Vec<ArchivedPack>,
    /// What could not be applied; sorted by aspect and reason.
    pub warnings: Vec<RestoreWarning>,
    /// What was left alone although the snapshot does not have it, by reason.
    pub kept: Vec<KeptObjects>,
    /// What the user should know about the restore as a whole.
    pub notices: Vec<RestoreNotice>,
    /// Time until the last object was dealt with.
    pub duration_restore: Duration,
    /// Time for making everything durable, after that.
    pub duration_sync: Duration,
}

impl RestoreReport {
    /// Says whether everything that could be expected was set on what was restored.
    pub fn is_exact(&self) -> bool {
        self.warnings.iter().all(|warning| warning.is_note)
    }
}
