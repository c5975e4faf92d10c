//! What a user wants to be restored.

use std::{ffi::OsString, path::PathBuf};

use icecore_restore::{IncludeError, IncludePatterns, OwnerMapping};

use crate::reference::Reference;

/// What is to be restored, where to and how.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The snapshot, and the directory or single object in it.
    pub reference: Reference,
    /// Where to.
    pub target: TargetChoice,
    /// What of it.
    pub include: Include,
    /// Snapshot that the target is in the state of, if only changes are to be restored.
    pub base: Base,
    /// Whether to remove what the snapshot does not have.
    pub delete: bool,
    /// Whether to remove with `delete` also what the backup left out.
    pub delete_excluded: bool,
    /// Whether to restore into a directory of the running system, and to delete very much, without a
    /// question.
    pub is_confirmed: bool,
    /// Whether to read what was written again from the disk, and to compare it.
    pub verify: bool,
    /// Whether to take existing files of the recorded size and time to be up to date.
    pub trust_times: bool,
    /// Whether an existing target directory gets the recorded metadata. It does in any case if the place is
    /// the original one, and with `delete`.
    pub target_metadata: bool,
    /// Whether to go on although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
    /// Whether to say only what would be done.
    pub dry_run: bool,
    /// Whom restored objects belong to.
    pub owners: OwnerMapping,
}

/// Where to restore to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetChoice {
    /// Into a directory.
    Directory(PathBuf),
    /// To where the source was.
    Original,
}

/// Which earlier snapshot of the same source the target is in the state of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Any state: everything is restored.
    Any,
    /// The snapshot that a text `[SOURCE@]SNAPSHOT` names. It is read when the source of the restored
    /// snapshot is known, which is meant where the text names none.
    Named(OsString),
    /// The snapshot before it.
    Previous,
    /// The last full before it.
    LastFull,
}

/// Patterns for what is restored, and how they were written.
#[derive(Clone, Debug)]
pub struct Include {
    pub(super) patterns: IncludePatterns,
    pub(super) texts: Vec<String>,
}

impl Include {
    /// Reads patterns, in the order in which they apply; none at all include everything.
    pub fn new(texts: Vec<String>) -> Result<Self, IncludeError> {
        Ok(Self { patterns: IncludePatterns::new(texts.iter().map(String::as_str))?, texts })
    }
}
