//! What operations do that read a snapshot for a long time, while others may forget it: they hold it, and
//! find out whether it was forgotten after all.

use std::{thread, time::Duration};

use icecore_access::{AccessMode, AccessNotice, OpenRepository, RepositoryAccess};
use icecore_copy::CopyError;
use icecore_format::{ids::RunId, snapshot::SnapshotState};
use icecore_prune::{ReaderHold, ReaderHoldState};
use icecore_repo::{error::RepoResult, log::LogBook, repository::Repository, snapshots};
use icecore_restore::RestoreError;
use icecore_store::Stop;

use crate::{copy::NotCopied, error::OperationError};

/// A snapshot is held when it has been read for this time. It is as long as short grace periods are, and much
/// longer than most restores.
const HELD_AFTER: Duration = Duration::from_hours(1);
/// So often, the hold is looked at.
const LOOK_EVERY: Duration = Duration::from_mins(30);

/// An operation that reads snapshots.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    access: &'a RepositoryAccess,
    repository: &'a Repository,
    /// Without conditional requests, a hold could undo the change of another program.
    may_hold: bool,
    /// What is done, as the hold names it.
    name: &'static str,
}

/// Requests the end of the watching thread, also if the reading operation panics.
struct Ends<'a>(&'a Stop);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

impl<'a> Reading<'a> {
    pub(crate) fn new(access: &'a RepositoryAccess, open: &'a OpenRepository, name: &'static str) -> Self {
        let may_hold = open.s3.as_ref().is_none_or(|s3| !s3.is_single_writer());
        Self { access, repository: &open.repository, may_hold, name }
    }

    /// Does `work`, which reads the snapshots of these runs; holds them if it takes long.
    pub(crate) fn hold_while<T>(self, runs: &[RunId], work: impl FnOnce() -> T) -> T {
        let done = Stop::default();
        thread::scope(|scope| {
            let _ends = Ends(&done);
            let watch = || self.watch(runs, &done);
            if let Err(error) =
                thread::Builder::new().name("icecore-hold".to_owned()).spawn_scoped(scope, watch)
            {
                tracing::warn!(%error, "the snapshot is not held, however long it is read");
            }
            work()
        })
    }

    /// Waits until the operation has taken long, and holds the snapshots from then on to its end.
    fn watch(self, runs: &[RunId], done: &Stop) {
        let machine = &self.access.machine;
        if !self.may_hold || !machine.pause(HELD_AFTER, done) {
            return;
        }
        let repository = match self.access.open_store(AccessMode::Write) {
            Ok(store) => self.repository.on_store(store.store),
            Err(error) => return self.tell_unheld(runs, &error),
        };
        let reason = format!("{} on {}", self.name, machine.host);
        let mut holds: Vec<Option<ReaderHold>> =
            runs.iter().map(|run| Some(ReaderHold::new(*run, &reason))).collect();
        loop {
            for hold in &mut holds {
                self.place(&repository, hold);
            }
            if !machine.pause(LOOK_EVERY, done) {
                break;
            }
        }
        for hold in holds.into_iter().flatten() {
            if let Err(error) = hold.release(&repository) {
                tracing::warn!(%error, "the hold could not be released; it ends by itself");
            }
        }
    }

    /// Places a hold or extends it, and gives it up if that is pointless.
    fn place(self, repository: &Repository, slot: &mut Option<ReaderHold>) {
        let Some(hold) = slot else { return };
        let run = hold.run();
        let events = &self.access.events;
        match hold.place(repository) {
            Ok(ReaderHoldState::Placed { until_seconds }) => {
                tracing::info!(%run, until_seconds, "the snapshot is held while it is read");
            }
            Ok(ReaderHoldState::Held) => {}
            Ok(ReaderHoldState::Forgotten) => {
                events.notice(AccessNotice::SnapshotForgotten { run });
                *slot = None;
            }
            Err(error) => {
                self.tell_unheld(&[run], &error);
                *slot = None;
            }
        }
    }

    fn tell_unheld(self, runs: &[RunId], error: &dyn std::error::Error) {
        for run in runs {
            self.access.events.notice(AccessNotice::SnapshotNotHeld { run: *run, error });
        }
    }
}

/// Returns the error of an operation that read a snapshot; if data was missing because somebody has forgotten
/// the snapshot, the error says so.
pub(crate) fn explained(open: &mut OpenRepository, run: RunId, error: OperationError) -> OperationError {
    if lacks_data(&error) && is_forgotten(open, run) {
        OperationError::ForgottenMeanwhile { run, error: Box::new(error) }
    } else {
        error
    }
}

fn lacks_data(error: &OperationError) -> bool {
    match error {
        OperationError::Repository(error)
        | OperationError::Restore(RestoreError::Repository(error))
        | OperationError::Copy(NotCopied::Snapshot { error: CopyError::Source(error), .. }) => {
            error.is_missing()
        }
        _ => false,
    }
}

/// Returns whether somebody has forgotten a snapshot since it was found.
///
/// Before a removal of packs removes the object of a forgotten snapshot, it names the snapshot in the log: an
/// object that is missing for another reason is a loss.
pub(crate) fn is_forgotten(open: &mut OpenRepository, run: RunId) -> bool {
    look(open, run).unwrap_or_else(|error| {
        tracing::warn!(%error, "it is not known whether the snapshot was forgotten");
        false
    })
}

fn look(open: &mut OpenRepository, run: RunId) -> RepoResult<bool> {
    match snapshots::stored(&open.repository, run)? {
        Some(snapshot) => Ok(matches!(snapshot.state, SnapshotState::Deleted(_))),
        None => Ok(LogBook::read(&open.repository, &mut open.catalog)?.history().is_gone(run)),
    }
}
