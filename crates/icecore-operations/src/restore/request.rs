//! Request: what to restore.

use std::{ffi::OsString, path::PathBuf};

use icecore_restore::{IncludeError, IncludePatterns, OwnerMapping};

use crate::reference::Reference;

/// Request: what to restore, where to and how.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The snapshot, and the directory or single object in it.
    pub reference: Reference,
    /// Target.
    pub target: TargetChoice,
    /// Selection within it.
    pub include: Include,
    /// Snapshot whose state the target has, if only changes are to be restored.
    pub base: Base,
    /// Whether to remove objects that the snapshot does not have.
    pub delete: bool,
    /// Whether `delete` also removes objects that the backup left out.
    pub delete_excluded: bool,
    /// Whether to restore into a directory of the running system, and to delete very many objects, without
    /// asking.
    pub is_confirmed: bool,
    /// Whether to read everything that was written from the disk again, and to compare it.
    pub verify: bool,
    /// Whether to treat existing files with the recorded size and time as up to date.
    pub trust_times: bool,
    /// Whether an existing target directory gets the recorded metadata. It always does if the target is the
    /// original location, and with `delete`.
    pub target_metadata: bool,
    /// Whether to continue although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
    /// Whether to only report what would be done.
    pub dry_run: bool,
    /// Owners of restored objects.
    pub owners: OwnerMapping,
}

/// Target of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetChoice {
    /// A directory.
    Directory(PathBuf),
    /// The original location.
    Original,
}

/// Earlier snapshot of the same source whose state the target has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Any state: everything is restored.
    Any,
    /// The snapshot in a text `[SOURCE@]SNAPSHOT`. It is parsed when the source of the restored snapshot is
    /// known, which is the default.
    Named(OsString),
    /// The snapshot before the restored one.
    Previous,
    /// The last full before the restored one.
    LastFull,
}

/// Include patterns, and their text.
#[derive(Clone, Debug)]
pub struct Include {
    pub(super) patterns: IncludePatterns,
    pub(super) texts: Vec<String>,
}

impl Include {
    /// Parses patterns, in the order in which they apply; without patterns, everything is included.
    pub fn new(texts: Vec<String>) -> Result<Self, IncludeError> {
        Ok(Self { patterns: IncludePatterns::new(texts.iter().map(String::as_str))?, texts })
    }
}
