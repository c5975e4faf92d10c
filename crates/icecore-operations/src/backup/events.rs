//! What a run of backups reports on the way.

use std::io;

use icecore_backup::events::BackupEvents;

use super::{BackupReport, IneffectivePatterns, SourceReport};
use crate::{
    error::{OperationError, OperationResult},
    init::CreatedDocument,
    overlap::OwnDirectory,
};

/// Something that the user is to know.
#[derive(Clone, Copy, Debug)]
pub enum BackupRunNotice<'a> {
    /// Patterns have no effect on a source.
    Ineffective(&'a IneffectivePatterns),
    /// The name was chosen for another root than that of the last snapshot.
    NewRoot {
        /// Name of the source.
        name: &'a str,
        /// Root of its last snapshot.
        last: &'a [u8],
        /// Its root now.
        root: &'a [u8],
    },
    /// A directory of Icecore lies in the source and is left out.
    LeftOut(&'a OwnDirectory),
    /// Snapshots disappeared, or the repository was rolled back; the backups were made all the same.
    RolledBack,
}

/// Receiver of what a run of backups reports. An error ends the run.
pub trait BackupRunEvents {
    /// Takes a notice.
    fn notice(&self, notice: &BackupRunNotice<'_>);

    /// The repository was created.
    fn created(&self, created: &CreatedDocument) -> io::Result<()>;

    /// The backup of a source begins; returns the receiver of its events, which is dropped when it ends.
    fn begin_source(&self, name: &str) -> Box<dyn BackupEvents + '_>;

    /// A source is done, or failed.
    fn end_source(&self, source: &SourceReport) -> io::Result<()>;
}

/// Reports at once what came of a source, and adds it to the report of the run.
pub(super) fn end_source(
    report: &mut BackupReport,
    source: SourceReport,
    events: &dyn BackupRunEvents,
) -> OperationResult<()> {
    events.end_source(&source).map_err(OperationError::Output)?;
    report.sources.push(source);
    Ok(())
}
