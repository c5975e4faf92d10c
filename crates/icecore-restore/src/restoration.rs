//! A running restore: the state that all its threads share.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use icecore_format::keys::Keys;
use icecore_fs::{error::FsError, target::TargetTree};
use icecore_repo::{environment::Environment, error::RepoError, reader::ChunkReader};
use icecore_store::error::StoreError;

use crate::{
    candidate::Candidate,
    comparison::Comparison,
    error::RestoreError,
    links::LinkGroup,
    report::{KeptReason, ProblemReason},
    request::RestoreRequest,
    root::TargetRoot,
    rules::Rules,
    tally::Tally,
};

/// A running restore: the state that all its threads share.
pub(crate) struct Restoration<'a> {
    /// Reads chunks.
    pub reader: &'a ChunkReader,
    /// The request.
    pub request: &'a RestoreRequest,
    /// The target; none in a dry run if it does not exist.
    pub tree: Option<&'a TargetTree>,
    /// How the target itself is treated.
    pub root: TargetRoot,
    /// When an existing file counts as up to date.
    pub comparison: Comparison,
    /// Collects the results.
    pub tally: Tally<'a>,
    /// Objects that must stay.
    pub rules: Rules,
    fatal: Mutex<Option<RestoreError>>,
    stopped: AtomicBool,
    failed_groups: Mutex<HashSet<LinkGroup>>,
    /// Directories that stay although the newer snapshot does not have them, and whether the rules are the
    /// only reason.
    stays: Mutex<HashMap<Vec<u8>, bool>>,
}

impl<'a> Restoration<'a> {
    /// Puts everything together.
    pub fn new(
        reader: &'a ChunkReader,
        request: &'a RestoreRequest,
        tree: Option<&'a TargetTree>,
        root: TargetRoot,
        tally: Tally<'a>,
        rules: Rules,
    ) -> Self {
        Self {
            reader,
            request,
            tree,
            root,
            comparison: Comparison::of(request),
            tally,
            rules,
            fatal: Mutex::default(),
            stopped: AtomicBool::new(false),
            failed_groups: Mutex::default(),
            stays: Mutex::default(),
        }
    }

    /// Returns the keys, for comparing content.
    pub fn keys(&self) -> &Keys {
        self.reader.repository().keys()
    }

    fn environment(&self) -> &Environment {
        self.reader.repository().environment()
    }

    /// Returns whether no new work may begin.
    pub fn is_stopped(&self) -> bool {
        if let Err(error) = self.environment().proceed() {
            self.stop(error.into());
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Fails if no new work may begin.
    pub fn check(&self) -> Result<(), ProblemReason> {
        if self.is_stopped() { Err(ProblemReason::Repository(RepoError::Interrupted)) } else { Ok(()) }
    }

    /// Ends the restore; the first reason counts.
    pub fn stop(&self, error: RestoreError) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert(error);
    }

    /// Returns why the restore ended early, if it did.
    pub fn take_fatal(&self) -> Option<RestoreError> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes that an entry could not be restored, or ends the restore if the others would fail, too.
    pub fn fail(&self, candidate: &Candidate, reason: ProblemReason) {
        if let Some(group) = candidate.entry.link_group() {
            self.lock_groups().insert(group);
        }
        self.fail_path(&candidate.entry.path, reason);
    }

    /// Same as [`Self::fail`], for a path.
    pub fn fail_path(&self, path: &[u8], reason: ProblemReason) {
        match reason {
            ProblemReason::Target { source } if source.is_storage_full() => {
                self.stop(RestoreError::TargetFull { source });
            }
            ProblemReason::Repository(error) if ends_everything(&error) => self.stop(error.into()),
            ProblemReason::Own => self.tally.kept(KeptReason::Own, path),
            ProblemReason::Target { source } if self.is_mount_in_the_way(path, &source) => {
                self.tally.problem(path, ProblemReason::MountPoint);
            }
            reason => self.tally.problem(path, reason),
        }
    }

    /// Returns whether an operation failed because the path is a mount point.
    fn is_mount_in_the_way(&self, path: &[u8], error: &FsError) -> bool {
        error.is_busy() && self.tree.is_some_and(|tree| tree.is_mount_point(path).unwrap_or(false))
    }

    /// Returns whether the first file of a link group could not be restored, and forgets it.
    pub fn take_failed_group(&self, group: LinkGroup) -> bool {
        self.lock_groups().remove(&group)
    }

    /// Notes that a directory stays, and whether the rules are the only reason.
    pub fn note_stay(&self, path: &[u8], is_explained: bool) {
        self.stays.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_vec(), is_explained);
    }

    /// Returns the note about a directory that stays, and forgets it.
    pub fn take_stay(&self, path: &[u8]) -> Option<bool> {
        self.stays.lock().unwrap_or_else(PoisonError::into_inner).remove(path)
    }

    fn lock_groups(&self) -> std::sync::MutexGuard<'_, HashSet<LinkGroup>> {
        self.failed_groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether an error of the repository would also affect every other file.
pub(crate) fn ends_everything(error: &RepoError) -> bool {
    match error {
        RepoError::Interrupted => true,
        RepoError::Store(error) => {
            error.is_transient()
                || matches!(
                    error,
                    StoreError::Crashed { .. } | StoreError::NoSuchDirectory { .. } | StoreError::Interrupted
                )
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
