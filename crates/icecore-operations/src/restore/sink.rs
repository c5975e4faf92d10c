//! Events and questions of a restore.

use std::{io, path::Path};

use icecore_restore::{RestoreError, RestoreEvents, RestoreRequest};

/// A notice about the snapshot that the user should see before it is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotNotice<'a> {
    /// A repair noted that files of it are lost.
    FilesLost {
        /// Its id.
        id: &'a str,
    },
    /// It is restored to its original location, but on another host.
    OtherHost {
        /// Host of the source.
        origin: &'a str,
        /// This host.
        host: &'a str,
    },
}

/// Receives the events of a restore, and answers its questions.
pub trait RestoreSink {
    /// Receiver of the events of one attempt.
    type Events: RestoreEvents;

    /// Receives a notice about the snapshot.
    fn notice(&mut self, notice: SnapshotNotice<'_>);

    /// Returns whether to restore into a directory of the running system, or nothing if nobody can be asked.
    fn may_restore_into(&mut self, target: &Path, directory: &str) -> io::Result<Option<bool>>;

    /// Returns whether to delete very many objects, as described by the error; false if nobody can be asked.
    fn may_delete(&mut self, error: &RestoreError) -> io::Result<bool>;

    /// Begins an attempt; there is a second one after a question about deletions.
    fn begin(&mut self, request: &RestoreRequest) -> Self::Events;

    /// Ends an attempt, before a question is asked and before the restore ends.
    fn end(&mut self, events: Self::Events);

    /// Receives the request after failed attempts, to complete an output that has begun.
    fn failed(&mut self, request: &RestoreRequest) -> io::Result<()>;
}
