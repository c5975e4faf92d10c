//! What a restore has to say and to ask.

use std::{io, path::Path};

use icecore_restore::{RestoreError, RestoreEvents, RestoreRequest};

/// Something about the snapshot that the user should know before it is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotNotice<'a> {
    /// A repair noted that files of it are lost.
    FilesLost {
        /// Its id.
        id: &'a str,
    },
    /// It is restored to where the source was, but on another host.
    OtherHost {
        /// Host of the source.
        origin: &'a str,
        /// This host.
        host: &'a str,
    },
}

/// Receives what a restore has to say, and answers its questions.
pub trait RestoreSink {
    /// Receives what happens during one attempt.
    type Events: RestoreEvents;

    /// Takes a notice about the snapshot.
    fn notice(&mut self, notice: SnapshotNotice<'_>);

    /// Says whether to restore into a directory of the running system; no where nobody can be asked.
    fn may_restore_into(&mut self, target: &Path, directory: &str) -> io::Result<bool>;

    /// Says whether to delete very much, as the error has it; no where nobody can be asked.
    fn may_delete(&mut self, error: &RestoreError) -> io::Result<bool>;

    /// Begins an attempt; there is a second one after a question about deletions.
    fn begin(&mut self, request: &RestoreRequest) -> Self::Events;

    /// Ends an attempt, before a question is asked and before the restore ends.
    fn end(&mut self, events: Self::Events);

    /// Takes what was asked for, after attempts that failed: a result that was begun is brought to its end.
    fn failed(&mut self, request: &RestoreRequest) -> io::Result<()>;
}
