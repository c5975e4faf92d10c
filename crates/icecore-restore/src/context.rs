//! What all threads of a restore share.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use icecore_format::keys::Keys;
use icecore_fs::target::TargetTree;
use icecore_repo::{environment::Environment, error::RepoError, reader::ChunkReader};
use icecore_store::error::StoreError;

use crate::{
    candidate::Candidate, comparison::Comparison, error::RestoreError, links::LinkGroup,
    report::ProblemReason, request::RestoreRequest, root::TargetRoot, tally::Tally,
};

/// What all threads of a restore share.
pub(crate) struct Context<'a> {
    /// Reads chunks.
    pub reader: &'a ChunkReader,
    /// What is asked for.
    pub request: &'a RestoreRequest,
    /// The target; none in a dry run if it does not exist.
    pub tree: Option<&'a TargetTree>,
    /// What becomes of the target itself.
    pub root: TargetRoot,
    /// When an existing file counts as right.
    pub comparison: Comparison,
    /// Collects what happens.
    pub tally: Tally<'a>,
    fatal: Mutex<Option<RestoreError>>,
    stopped: AtomicBool,
    failed_groups: Mutex<HashSet<LinkGroup>>,
}

impl<'a> Context<'a> {
    /// Puts everything together.
    pub fn new(
        reader: &'a ChunkReader,
        request: &'a RestoreRequest,
        tree: Option<&'a TargetTree>,
        root: TargetRoot,
        tally: Tally<'a>,
    ) -> Self {
        Self {
            reader,
            request,
            tree,
            root,
            comparison: Comparison::of(request),
            tally,
            fatal: Mutex::default(),
            stopped: AtomicBool::new(false),
            failed_groups: Mutex::default(),
        }
    }

    /// Returns the keys, for comparing content.
    pub fn keys(&self) -> &Keys {
        self.reader.repository().keys()
    }

    fn environment(&self) -> &Environment {
        self.reader.repository().environment()
    }

    /// Says whether nothing new is to be begun.
    pub fn is_stopped(&self) -> bool {
        if let Err(error) = self.environment().proceed() {
            self.stop(error.into());
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Fails if nothing new is to be begun.
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

    /// Notes that an entry could not be restored, or ends the restore if no other could be either.
    pub fn fail(&self, candidate: &Candidate, reason: ProblemReason) {
        if let Some(group) = candidate.entry.link_group() {
            self.lock_groups().insert(group);
        }
        self.fail_path(&candidate.entry.path, reason);
    }

    /// As [`Self::fail`], for a path.
    pub fn fail_path(&self, path: &[u8], reason: ProblemReason) {
        match reason {
            ProblemReason::Target { source } if source.is_storage_full() => {
                self.stop(RestoreError::TargetFull { source });
            }
            ProblemReason::Repository(error) if ends_everything(&error) => self.stop(error.into()),
            reason => self.tally.problem(path, reason),
        }
    }

    /// Says whether the file that stands for a link group could not be restored, and forgets it.
    pub fn take_failed_group(&self, group: LinkGroup) -> bool {
        self.lock_groups().remove(&group)
    }

    fn lock_groups(&self) -> std::sync::MutexGuard<'_, HashSet<LinkGroup>> {
        self.failed_groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether an error of the repository would meet every other file as well.
pub(crate) fn ends_everything(error: &RepoError) -> bool {
    match error {
        RepoError::Interrupted => true,
        RepoError::Store(error) => {
            error.is_transient()
                || matches!(error, StoreError::Crashed { .. } | StoreError::NoSuchDirectory { .. })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
