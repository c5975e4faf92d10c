//! What becomes of the target directory itself.

use icecore_fs::{
    entry::Metadata,
    error::FsError,
    target::{ApplyOptions, OwnerChoice, TargetTree},
};

use crate::{candidate::Candidate, request::RestoreRequest};

/// Lies in a target that a restore has created until the restore is complete, so that the next one knows it
/// as its own. Is a name of a temporary file, which every restore removes.
const UNFINISHED: &[u8] = b".icecore-0000000000000000-0.part";

/// What becomes of the target directory itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TargetRoot {
    /// A restore has created it: it gets the recorded metadata.
    Created,
    /// It was there, and gets the recorded metadata.
    Applied,
    /// It was there, and keeps its own.
    Kept(Metadata),
}

impl TargetRoot {
    /// Finds out about a target that exists.
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

    /// Marks a target that was created just now. Without the mark, only a restore that goes on after an
    /// interruption does not know that the target is its own.
    pub fn mark_created(tree: &TargetTree) -> Self {
        if let Err(error) = tree.create_symlink(UNFINISHED, b"unfinished") {
            tracing::debug!(%error, "the new target could not be marked");
        }
        Self::Created
    }

    /// Says whether the target gets the recorded metadata.
    pub fn is_applied(&self) -> bool {
        !matches!(self, Self::Kept(_))
    }

    /// Gives a target that was created the recorded metadata and removes its mark, where the restore ends
    /// early: the next one finds a directory that keeps what it has.
    pub fn give_up(&self, tree: &TargetTree, recorded: Option<&Candidate>, request: &RestoreRequest) {
        if !matches!(self, Self::Created) {
            return;
        }
        let apply = |root: &Candidate| {
            let options = root.apply_options(request);
            tree.apply_metadata(b"", &root.metadata(), &root.entry.attributes, &options).map(drop)
        };
        if let Err(error) = self.finish(tree).and_then(|()| recorded.map_or(Ok(()), apply)) {
            tracing::debug!(%error, "the new target is left unfinished");
        }
    }

    /// Removes the mark of a target that is complete, or puts back the time of one that keeps its metadata.
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
                // Somebody else's directory, such as /tmp, keeps the time of the last change instead.
                tree.apply_metadata(b"", before, &Vec::new(), &options)?;
            }
        }
        Ok(())
    }
}
