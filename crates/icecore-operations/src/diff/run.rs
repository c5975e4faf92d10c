//! Compares two manifests.

use std::io;

use icecore_access::{AccessMode, RepositoryAccess, Usage};
use icecore_format::path;
use icecore_repo::{
    error::RepoError,
    manifest::{Change, ManifestCursor, differences},
};
use icecore_witness::WitnessSettings;

use super::{
    DiffRequest,
    difference::{Difference, difference},
};
use crate::{
    entries::MANIFEST_CACHE_BYTES,
    error::{OperationError, OperationResult},
    look::Look,
};

/// Receives the differences.
pub trait DiffSink {
    /// Receives the next difference, in path order. `what` is the difference of a modified entry.
    fn change(&mut self, change: &Change, what: Option<Difference>) -> io::Result<()>;

    /// Receives the end of a comparison that has begun, even after a failure, with the usage of the store.
    fn end(&mut self, usage: &Usage) -> io::Result<()>;
}

/// How many entries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffReport {
    /// Entries that only the newer snapshot has.
    pub added: u64,
    /// Entries that only the older snapshot has.
    pub deleted: u64,
    /// Entries that both have, with differences.
    pub modified: u64,
}

/// Why the comparison ends: because it failed, or because everything has been compared.
enum End {
    Failed(OperationError),
    Behind,
}

impl From<RepoError> for End {
    fn from(error: RepoError) -> Self {
        Self::Failed(error.into())
    }
}

/// Compares two snapshots.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &DiffRequest,
    sink: &mut impl DiffSink,
) -> OperationResult<DiffReport> {
    let directory = request.old.path.as_slice();
    let mut open = access.open(AccessMode::Read)?;
    let look = Look::begin(access, witness, &mut open, request.ignores_rollback)?;
    let (old_snapshot, old_root) = look.find(&request.old)?;
    let (new_snapshot, new_root) = look.find_other(&request.new)?;
    let snapshots = [&old_snapshot, &new_snapshot];
    let reader = open.reader(access.events.as_ref(), &snapshots, MANIFEST_CACHE_BYTES)?;
    let exists = |root| ManifestCursor::new(&reader, root).find(directory).map(|entry| entry.is_some());
    if !directory.is_empty() && !exists(&old_root)? && !exists(&new_root)? {
        return Err(OperationError::path_not_found(&old_snapshot, directory));
    }
    // Programs that did not number snapshots did not record flags either.
    let has_flags = snapshots.iter().all(|snapshot| snapshot.origin.sequence > 0);
    let (mut older, mut newer) =
        (ManifestCursor::new(&reader, &old_root), ManifestCursor::new(&reader, &new_root));
    if !directory.is_empty() {
        older.seek(directory)?;
        newer.seek(directory)?;
    }
    let mut report = DiffReport::default();
    let end = differences(&mut older, &mut newer, |change| {
        if access.machine.is_cancelled() {
            return Err(End::Failed(OperationError::Interrupted));
        }
        // In path order, the first path outside comes after everything inside.
        if !path::is_within(path_of(&change), directory) {
            return Err(End::Behind);
        }
        show(&change, has_flags, &mut report, sink)
            .map_err(|error| End::Failed(OperationError::Output(error)))
    });
    sink.end(&open.usage).map_err(OperationError::Output)?;
    match end {
        Err(End::Failed(error)) => Err(error),
        Ok(()) | Err(End::Behind) => Ok(report),
    }
}

/// Counts a change and passes it on, unless no difference matters to users.
fn show(
    change: &Change,
    has_flags: bool,
    report: &mut DiffReport,
    sink: &mut impl DiffSink,
) -> io::Result<()> {
    let (count, what) = match change {
        Change::Added(_) => (&mut report.added, None),
        Change::Removed(_) => (&mut report.deleted, None),
        Change::Modified { old, new } => match difference(old, new, has_flags) {
            None => return Ok(()),
            what => (&mut report.modified, what),
        },
    };
    *count += 1;
    sink.change(change, what)
}

/// Returns the path of the entry that differs.
pub fn path_of(change: &Change) -> &[u8] {
    match change {
        Change::Added(entry) | Change::Removed(entry) => &entry.path,
        Change::Modified { new, .. } => &new.path,
    }
}
