//! How the target directory itself is treated.

use icecore_fs::{
    entry::Metadata,
    error::FsError,
    target::{ApplyOptions, OwnerChoice, TargetTree},
};

use crate::{candidate::Candidate, request::RestoreRequest};

/// Exists in a target that a restore has created until the restore is complete, so that the next restore
/// recognizes the target as its own. It has the name of a temporary file, which every restore removes.
const UNFINISHED: &[u8] = b".icecore-0000000000000000-0.part";

/// How the target directory itself is treated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TargetRoot {
    /// A restore has created it: it gets the recorded metadata.
    Created,
    /// It existed, and gets the recorded metadata.
    Applied,
    /// It existed, and keeps its own.
    Kept(Metadata),
}

impl TargetRoot {
    /// Examines an existing target.
    pub fn of_existing(tree: &TargetTree, request: &RestoreRequest) -> Result<Self, FsError> {
        if tree.look_up(UNFINISHED)?.is_some() {
            return Ok(Self::Created);
        }
        match tree.look_up(b"")? {
            Some(found) if !request.target_metadata => {
                tree.keep_root_flags();
                Ok(Self::Kept(found))
            }
            _ => Ok(Self::Applied),
        }
    }

    /// Marks a target that was just created. Without the mark, a restore that continues after an interruption
    /// does not know that the target is its own.
    pub fn mark_created(tree: &TargetTree) -> Self {
        if let Err(error) = tree.create_symlink(UNFINISHED, b"unfinished") {
            tracing::debug!(%error, "the new target could not be marked");
        }
        Self::Created
    }

    /// Returns whether the target gets the recorded metadata.
    pub fn is_applied(&self) -> bool {
        !matches!(self, Self::Kept(_))
    }

    /// If the restore ends early, gives a target that it created the recorded metadata and removes its mark:
    /// the next restore finds a directory that keeps its metadata.
    pub fn give_up(&self, tree: &TargetTree, recorded: Option<&Candidate>, request: &RestoreRequest) {
        if !matches!(self, Self::Created) {
            return;
        }
        let apply = |root: &Candidate| {
            let options = root.apply_options(request);
            tree.apply_metadata(b"", &root.metadata(), &root.entry.attributes, &options).map(drop)
        };
        if let Err(error) = self.finish(tree).and_then(|()| recorded.map_or(Ok(()), apply)) {
            tracing::debug!(%error, "the new target could not be finished");
        }
    }

    /// Removes the mark of a complete target, or resets the time of a target that keeps its metadata.
    pub fn finish(&self, tree: &TargetTree) -> Result<(), FsError> {
        match self {
            Self::Applied => {}
            Self::Created => {
                tree.remove_non_directory(UNFINISHED)?;
            }
            Self::Kept(before) => {
                let options = ApplyOptions {
                    owner: OwnerChoice::Unchanged,
                    mode: false,
                    times: true,
                    extended_attributes: false,
                    keep_attributes: true,
                    clear_flags: false,
                };
                // Somebody else's directory, such as /tmp, keeps the time of its last change instead.
                tree.apply_metadata(b"", before, &Vec::new(), &options)?;
            }
        }
        Ok(())
    }
}
