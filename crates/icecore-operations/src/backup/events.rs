//! Reports of a run of backups.

use std::io;

use icecore_backup::events::BackupEvents;

use super::{BackupReport, IneffectivePatterns, SourceReport};
use crate::{
    error::{OperationError, OperationResult},
    init::CreatedDocument,
    overlap::OwnDirectory,
};

/// A notice for the user.
#[derive(Clone, Copy, Debug)]
pub enum BackupRunNotice<'a> {
    /// Patterns have no effect on a source.
    Ineffective(&'a IneffectivePatterns),
    /// The name was chosen for a source whose last snapshot has another root.
    NewRoot {
        /// Name of the source.
        name: &'a str,
        /// Root of its last snapshot.
        last: &'a [u8],
        /// Its root now.
        root: &'a [u8],
    },
    /// A directory of Icecore is inside the source and is left out.
    LeftOut(&'a OwnDirectory),
    /// Snapshots disappeared, or the repository was rolled back; the backups were made anyway.
    RolledBack,
}

/// Receives the reports of a run of backups. An error ends the run.
pub trait BackupRunEvents {
    /// Takes a notice.
    fn notice(&self, notice: &BackupRunNotice<'_>);

    /// The repository was created.
    fn created(&self, created: &CreatedDocument) -> io::Result<()>;

    /// The backup of a source begins; returns the receiver of its events, which is dropped when it ends.
    fn begin_source(&self, name: &str) -> Box<dyn BackupEvents + '_>;

    /// A source is finished, or failed.
    fn end_source(&self, source: &SourceReport) -> io::Result<()>;
}

/// Reports the result of a source at once, and adds it to the report of the run.
pub(super) fn end_source(
    report: &mut BackupReport,
    source: SourceReport,
    events: &dyn BackupRunEvents,
) -> OperationResult<()> {
    events.end_source(&source).map_err(OperationError::Output)?;
    report.sources.push(source);
    Ok(())
}
