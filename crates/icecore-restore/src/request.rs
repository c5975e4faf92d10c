//! What a restore is asked to do.

use std::path::PathBuf;

use icecore_format::snapshot::Snapshot;

use crate::include::IncludePatterns;

/// Size in bytes of the block cache that the reader of a restore should have: a third of it is written, a
/// third fetched ahead, the rest is for manifest nodes and blocks that several files need.
pub const CACHE_BYTES_DEFAULT: usize = 64 << 20;
/// The same for a store behind a network: a third of it is fetched in one request.
pub const CACHE_BYTES_FAR: usize = 96 << 20;
/// Up to so many deletions nobody is asked.
pub(crate) const DELETIONS_UNASKED: u64 = 1000;
/// Nor up to this part of the target.
pub(crate) const DELETIONS_PERCENT_MAX: u64 = 30;

/// Whom restored objects belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OwnerMapping {
    /// The local user and group of the recorded names; the recorded numbers where there is no such name here.
    #[default]
    ByName,
    /// The recorded numbers.
    Numeric,
    /// The user that restores.
    None,
}

/// What a restore is asked to do.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// Snapshot that is restored.
    pub snapshot: Snapshot,
    /// Directory or single object inside the snapshot; empty for the source's root.
    pub path: Vec<u8>,
    /// Directory that becomes the referenced root or directory; a single object is put into it. Created if
    /// needed.
    pub target: PathBuf,
    /// What of it is restored; everything if there is no pattern.
    pub include: IncludePatterns,
    /// Restores only what differs between this older snapshot of the same source and `snapshot`.
    pub since: Option<Snapshot>,
    /// Removes what the snapshot does not have; with `since`, what it does not have any more.
    ///
    /// With patterns, only inside directories that are included as a whole. What the backup did not look at
    /// stays, and so does what lies on other mounts than the target.
    pub delete: bool,
    /// Removes with `delete` also what the backup left out as it was told: by patterns, as caches, or as
    /// single objects.
    pub delete_excluded: bool,
    /// Removes with `delete` however much it is; else a restore that would delete very much fails before it
    /// begins.
    pub deletes_many: bool,
    /// Objects that are neither deleted nor overwritten, with everything in them: device (major in the high
    /// 32 bits) and inode.
    pub protected: Vec<(u64, u64)>,
    /// Reads what was written again from the disk, and compares it.
    pub verify: bool,
    /// Takes existing files of the right size and time to be right, without reading them.
    pub trust_times: bool,
    /// The target is where the snapshot's source is, on the source's own host: an existing file that has the
    /// recorded inode and time of change is right without reading it.
    pub is_source: bool,
    /// An existing target directory gets the recorded metadata; otherwise it keeps its own. One that is
    /// created always gets the recorded metadata.
    pub target_metadata: bool,
    /// Only says what would be done: changes nothing.
    pub dry_run: bool,
    /// Whom restored objects belong to.
    pub owners: OwnerMapping,
    /// Files (or parts of large files) that are written at a time.
    pub concurrency: usize,
}

impl RestoreRequest {
    /// Asks for all of a snapshot, with the defaults of everything else.
    pub fn new(snapshot: Snapshot, target: impl Into<PathBuf>) -> Self {
        Self {
            snapshot,
            path: Vec::new(),
            target: target.into(),
            include: IncludePatterns::none(),
            since: None,
            delete: false,
            delete_excluded: false,
            deletes_many: false,
            protected: Vec::new(),
            verify: false,
            trust_times: false,
            is_source: false,
            target_metadata: false,
            dry_run: false,
            owners: OwnerMapping::default(),
            concurrency: 8,
        }
    }
}
