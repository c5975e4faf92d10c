//! Results of a check.

use std::fmt;

use icecore_format::{
    history::Loss,
    ids::{PackName, RunId},
    snapshot::DamageMark,
};
use icecore_store::ObjectInfo;

mod example;

/// Maximum number of files and packs that are named for each damaged snapshot.
pub const EXAMPLES_MAX: usize = 20;

/// How serious a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Something is wrong, but everything can still be restored.
    Warning,
    /// A stored object differs from what was written, or a needed object is missing.
    Damage,
}

impl Severity {
    /// Returns the name for people and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Damage => "damage",
        }
    }
}

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:ident;)*) => {
        /// Kinds of problems. The names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$doc])* $kind,)*
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Returns the stable name for machines, in kebab-case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Returns how serious a problem of this kind is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)* }
            }
        }
    };
}

problem_kinds! {
    /// The repository header does not exist.
    HeaderMissing = "header-missing", Damage;
    /// The repository header does not open.
    HeaderDamaged = "header-damaged", Damage;
    /// A key slot is malformed, of another repository, or not stored under the hash of its content.
    KeySlotDamaged = "key-slot-damaged", Warning;
    /// No key slot is intact: nobody can open the repository, except a program that still has its keys in
    /// memory.
    KeySlotsLost = "key-slots-lost", Damage;
    /// An object does not belong to the repository; it is left alone.
    ForeignObject = "foreign-object", Note;
    /// A repair has moved objects into quarantine.
    ObjectsQuarantined = "objects-quarantined", Note;
    /// A snapshot object does not open.
    SnapshotDamaged = "snapshot-damaged", Damage;
    /// A run is in progress, or was killed.
    SnapshotPending = "snapshot-pending", Note;
    /// A snapshot that a repair marked as damaged is whole again; the next repair removes the mark.
    SnapshotWholeAgain = "snapshot-whole-again", Note;
    /// The record of a collection does not open: nobody knows which packs are about to be removed, and nobody
    /// can write.
    CollectionDamaged = "collection-damaged", Damage;
    /// A pack directory does not open.
    DirectoryDamaged = "directory-damaged", Damage;
    /// A pack that has a directory does not exist.
    PackMissing = "pack-missing", Damage;
    /// A pack is stored under another key than its directory says.
    PackMisplaced = "pack-misplaced", Damage;
    /// A pack is shorter or longer than its directory says.
    PackSizeWrong = "pack-size-wrong", Damage;
    /// A pack has no directory: it was left over by an interrupted run or is being written.
    PackUnlisted = "pack-unlisted", Note;
    /// A pack does not begin with the header that its directory describes: it is damaged or another pack.
    PackHeaderWrong = "pack-header-wrong", Damage;
    /// Blocks of a pack do not open.
    BlocksDamaged = "blocks-damaged", Damage;
    /// The copy of the directory at a pack's end does not open, or differs from the directory.
    DirectoryCopyWrong = "directory-copy-wrong", Damage;
    /// A pack has another BLAKE3 hash than its directory says, although everything in it opens.
    PackHashWrong = "pack-hash-wrong", Damage;
    /// The storage medium cannot read the bytes of an object.
    ObjectUnreadable = "object-unreadable", Damage;
    /// An object is longer than objects of its kind may be; it was not read.
    ObjectTooLarge = "object-too-large", Damage;
    /// An object was deleted while the check was running.
    ObjectVanished = "object-vanished", Note;
    /// An object was written by a newer version of the format.
    FormatUnsupported = "format-unsupported", Damage;
    /// A node of a manifest or chunk list that a snapshot needs is in no pack directory.
    NodeMissing = "node-missing", Damage;
    /// A node of a manifest or chunk list opens, but does not have the form that it must have.
    NodeMalformed = "node-malformed", Damage;
    /// The level of a manifest node differs from the one in its parent.
    NodeLevelWrong = "node-level-wrong", Damage;
    /// The totals below a manifest node differ from those in its parent.
    NodeTotalsWrong = "node-totals-wrong", Damage;
    /// The last path below a manifest node differs from the one in its parent.
    NodePathWrong = "node-path-wrong", Damage;
    /// Paths do not rise from one manifest node to the next.
    NodeOrderWrong = "node-order-wrong", Damage;
    /// Entries are below a path that is not a directory of the snapshot.
    ParentWrong = "parent-wrong", Damage;
    /// A chunk that a file needs is in no pack directory.
    ChunkMissing = "chunk-missing", Damage;
    /// The length of a chunk differs from the one in the file that needs it.
    ChunkLengthWrong = "chunk-length-wrong", Damage;
    /// A snapshot that should refer only to packs of its own group refers to others.
    OutsideGroup = "outside-group", Warning;
    /// Hard links to one file differ in content or size.
    LinksDiffer = "links-differ", Warning;
    /// Hard links to one file are of different kinds, such as file and symbolic link.
    LinkKindsDiffer = "link-kinds-differ", Damage;
    /// A complete snapshot disappeared, and nobody deleted it.
    SnapshotVanished = "snapshot-vanished", Damage;
    /// A snapshot that was complete is pending or aborted: an old version of the object replaced the newer
    /// one.
    SnapshotReverted = "snapshot-reverted", Damage;
    /// A snapshot is complete, but differs from the one in the log.
    SnapshotAltered = "snapshot-altered", Damage;
    /// A log record that this host has seen is missing: the repository is older than before.
    OlderThanSeen = "older-than-seen", Damage;
    /// A log record is missing to which a later one refers.
    LogRecordMissing = "log-record-missing", Damage;
    /// No log record names a snapshot although one should: records are missing.
    SnapshotUnnamed = "snapshot-unnamed", Damage;
    /// A log record does not open.
    LogRecordDamaged = "log-record-damaged", Damage;
    /// A lifecycle rule of the bucket will archive objects that must stay readable at once, or delete
    /// objects.
    HarmfulLifecycleRule = "harmful-lifecycle-rule", Warning;
    /// Somebody has accepted that records and snapshots are lost.
    LossAccepted = "loss-accepted", Note;
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckProblem {
    /// How serious it is.
    pub severity: Severity,
    /// Key of the object, if it concerns a single one.
    pub object: Option<String>,
    /// Kind of the problem.
    pub kind: ProblemKind,
    /// More about it, for people; paths in it are made printable.
    pub detail: String,
}

/// What can still be restored of one complete snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotCheck {
    /// Run that made the snapshot.
    pub run: RunId,
    /// Whether the snapshot object itself opens.
    pub opens: bool,
    /// Whether everything of the snapshot can be restored, as far as the check looked.
    pub restorable: bool,
    /// Number of files whose content or metadata is lost completely or partly.
    pub files_damaged: u64,
    /// Paths of the first of them, at most [`EXAMPLES_MAX`]; files below a lost manifest node are counted,
    /// but their paths are lost with it.
    pub examples: Vec<Vec<u8>>,
    /// Damaged packs that the snapshot needs, at most [`EXAMPLES_MAX`].
    pub packs_damaged: Vec<PackName>,
    /// What an earlier repair noted in the snapshot.
    pub mark: Option<DamageMark>,
}

/// Result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// One item for each complete snapshot and each that does not open, in the order of their runs.
    pub snapshots: Vec<SnapshotCheck>,
    /// All problems, the worst first; the same for every check of the same repository.
    pub problems: Vec<CheckProblem>,
    /// Packs that have a directory.
    pub packs: u64,
    /// Packs that records of collections name: they are about to be removed, or are being removed.
    pub packs_condemned: u64,
    /// Their length in bytes, according to their directories.
    pub bytes: u64,
    /// Their blocks.
    pub blocks: u64,
    /// Their chunks, of both kinds; copies in several packs all count.
    pub chunks: u64,
    /// Different nodes of manifests and chunk lists that were read and verified.
    pub nodes: u64,
    /// Packs that were read in full.
    pub packs_read: u64,
    /// Packs that were due, but exceeded the sample.
    pub packs_left: u64,
    /// Packs that should have been read but must be thawed first; they are not known to be damaged.
    pub packs_archived: u64,
    /// Their length in bytes, according to their directories.
    pub bytes_archived: u64,
    /// Packs that were read in full and are intact, sorted.
    pub verified: Vec<PackName>,
    /// Bytes that were read from the store.
    pub bytes_read: u64,
    /// Log records and snapshots as they were listed, the records first.
    pub listed: Vec<ObjectInfo>,
    /// Records of the log that open.
    pub log_records: u64,
    /// Complete snapshots that no record of the log names, without a sign of a loss; the next backup records
    /// them.
    pub snapshots_unnamed: u64,
    /// Losses, according to the log and to what the caller has seen; each is also among the problems.
    pub losses: Vec<Loss>,
}

impl CheckReport {
    /// Returns whether nothing is damaged.
    pub fn is_healthy(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity < Severity::Damage)
            && self.snapshots.iter().all(|snapshot| snapshot.restorable)
    }

    /// Returns the number of problems of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

#[cfg(test)]
mod tests;
