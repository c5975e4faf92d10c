//! Request of a restore.

use std::path::PathBuf;

use icecore_format::snapshot::Snapshot;

use crate::include::IncludePatterns;

/// Recommended size in bytes of the reader's block cache: a third is for the batch being written, a third for
/// the next batch, the rest for manifest nodes and blocks that several files need.
pub const CACHE_BYTES_DEFAULT: usize = 64 << 20;
/// The same for a store behind a network, where a third of it is fetched in one request.
pub const CACHE_BYTES_FAR: usize = 96 << 20;
/// Up to this many deletions need no confirmation.
pub(crate) const DELETIONS_UNASKED: u64 = 1000;
/// Up to this part of the target, deletions need no confirmation either.
pub(crate) const DELETIONS_PERCENT_MAX: u64 = 30;

/// Owners of restored objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OwnerMapping {
    /// The local user and group with the recorded names; the recorded numbers if there is no such name here.
    #[default]
    ByName,
    /// The recorded numbers.
    Numeric,
    /// The user who runs the restore.
    None,
}

/// Request of a restore.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// Snapshot to be restored.
    pub snapshot: Snapshot,
    /// Directory or single object inside the snapshot; empty for the source's root.
    pub path: Vec<u8>,
    /// Directory that becomes the selected directory; a single object is put into it. Created if needed.
    pub target: PathBuf,
    /// Selects what is restored; everything if there is no pattern.
    pub include: IncludePatterns,
    /// Restores only the differences between this older snapshot of the same source and `snapshot`.
    pub since: Option<Snapshot>,
    /// Removes objects that the snapshot does not have; with `since`, those that it no longer has.
    ///
    /// With patterns, only inside directories that are included as a whole. Objects that the backup left out
    /// stay, and so does everything on other mounts than the target.
    pub delete: bool,
    /// With `delete`, also removes objects that the backup left out on request: by patterns, as caches, or as
    /// single objects.
    pub delete_excluded: bool,
    /// With `delete`, removes any number of objects; otherwise, a restore that would delete very many fails
    /// before it begins.
    pub deletes_many: bool,
    /// Objects that are neither deleted nor overwritten, with everything in them: device (major in the high
    /// 32 bits) and inode.
    pub protected: Vec<(u64, u64)>,
    /// Reads everything that was written from the disk again, and compares it.
    pub verify: bool,
    /// Treats existing files with matching size and time as up to date, without reading them.
    pub trust_times: bool,
    /// The target is the location of the snapshot's source, on the source's own host: an existing file with
    /// the recorded inode and time of change is up to date without reading it.
    pub is_source: bool,
    /// An existing target directory gets the recorded metadata; otherwise it keeps its own. A new one always
    /// gets the recorded metadata.
    pub target_metadata: bool,
    /// Only reports what would be done: changes nothing.
    pub dry_run: bool,
    /// Owners of restored objects.
    pub owners: OwnerMapping,
    /// Maximum number of files (or parts of large files) that are written at the same time.
    pub concurrency: usize,
}

impl RestoreRequest {
    /// Requests the whole snapshot, with defaults for everything else.
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
