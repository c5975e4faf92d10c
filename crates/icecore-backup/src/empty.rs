//! Refuses an empty source if content is expected: often, a file system is not mounted, or a command failed
//! silently.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt};

use icecore_format::node::Totals;
use icecore_fs::error::FsError;

use crate::{
    error::{BackupError, BackupResult},
    input::Input,
    levels::RunPlan,
};

/// Refuses a root without content if the last snapshot of the source has some.
pub(crate) fn refuse_empty_root(input: &Input, plan: &RunPlan, totals: Totals) -> BackupResult<()> {
    if input.allow_empty || !input.directory || totals.entries > 1 || plan.entries_before <= 1 {
        return Ok(());
    }
    let path = OsStr::from_bytes(&input.root).into();
    Err(BackupError::RootEmpty { path, entries: plan.entries_before })
}

/// Refuses an empty stream.
pub(crate) fn refuse_empty_stream(allow_empty: bool, bytes: u64) -> BackupResult<()> {
    if bytes == 0 && !allow_empty { Err(BackupError::StreamEmpty) } else { Ok(()) }
}

/// Refuses a snapshot of one object that no longer exists.
pub(crate) fn refuse_missing_object(input: &Input, totals: Totals) -> BackupResult<()> {
    if totals.entries > 0 {
        return Ok(());
    }
    let error = io::Error::from(io::ErrorKind::NotFound);
    Err(BackupError::Source(FsError::new("read", input.root.clone(), error)))
}
