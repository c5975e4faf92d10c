//! The target of a restore: a directory of the running system needs a confirmation, and the original location
//! is known from the snapshot.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use icecore_format::{entry::EntryKind, path, snapshot::Snapshot};
use icecore_fs::stat_root;
use icecore_repo::{
    manifest::{ManifestCursor, ManifestRoot},
    reader::ChunkReader,
};

use super::{RestoreRefusal, RestoreRequest, RestoreSink, SnapshotNotice, TargetChoice};
use crate::error::{OperationError, OperationResult};

/// Directories of the running system, into which nobody wants to restore by accident.
const SYSTEM_DIRECTORIES: [&str; 20] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/proc",
    "/root", "/run", "/sbin", "/srv", "/sys", "/usr", "/var", "/usr/lib",
];

/// Asks before anything is restored into a directory of the running system.
///
/// If nobody can be asked, a directory that the request names is refused: it may be a mistake. The original
/// location is no mistake: scripts restore there without a question.
pub(super) fn confirm(
    request: &RestoreRequest,
    target: &Path,
    sink: &mut impl RestoreSink,
) -> OperationResult<()> {
    if request.is_confirmed || request.dry_run {
        return Ok(());
    }
    let Some(directory) = system_directory(target) else { return Ok(()) };
    let answer = sink.may_restore_into(target, directory).map_err(OperationError::Answer)?;
    if answer.unwrap_or(request.target == TargetChoice::Original) {
        return Ok(());
    }
    Err(RestoreRefusal::SystemDirectory { target: target.to_owned(), directory }.into())
}

/// Returns the directory of the running system to which a path leads, if it does.
fn system_directory(target: &Path) -> Option<&'static str> {
    let identity = |path: &Path| stat_root(path, true).ok().map(|found| (found.device, found.inode));
    let wanted = identity(target)?;
    SYSTEM_DIRECTORIES.into_iter().find(|directory| identity(Path::new(directory)) == Some(wanted))
}

/// Returns whether the target is the location of the snapshot's source, on its own host.
pub(super) fn is_source(host: &str, snapshot: &Snapshot, wanted: &[u8], choice: &TargetChoice) -> bool {
    if snapshot.origin.host != host {
        return false;
    }
    let TargetChoice::Directory(target) = choice else { return true };
    let source: PathBuf = Path::new(OsStr::from_bytes(&snapshot.origin.root)).join(OsStr::from_bytes(wanted));
    match (target.canonicalize(), source.canonicalize()) {
        (Ok(target), Ok(source)) => target == source,
        _ => false,
    }
}

/// Returns the target directory that makes everything return to its original path.
pub(super) fn original(
    host: &str,
    reader: &ChunkReader,
    snapshot: &Snapshot,
    wanted: &[u8],
    sink: &mut impl RestoreSink,
) -> OperationResult<PathBuf> {
    let origin = &snapshot.origin;
    if origin.root.first() != Some(&b'/') {
        return Err(RestoreRefusal::Stream.into());
    }
    if origin.host != host {
        sink.notice(SnapshotNotice::OtherHost { origin: &origin.host, host });
    }
    let root = ManifestRoot::of(snapshot).ok_or_else(|| OperationError::path_not_found(snapshot, wanted))?;
    let is_single = wanted.is_empty() && root.totals.entries == 1;
    let mut cursor = ManifestCursor::new(reader, &root);
    let entry = if is_single { cursor.next()? } else { cursor.find(wanted)? };
    let entry = entry.ok_or_else(|| OperationError::path_not_found(snapshot, wanted))?;
    let is_directory = entry.kind == EntryKind::Directory;
    let place = Path::new(OsStr::from_bytes(&origin.root));
    if is_single && !is_directory && place.file_name() != Some(OsStr::from_bytes(&entry.path)) {
        return Err(RestoreRefusal::OtherName.into());
    }
    // A single object is put into the target, which is its original directory.
    Ok(match (is_directory, path::parent(wanted)) {
        (true, None) => place.to_owned(),
        (true, Some(_)) => place.join(OsStr::from_bytes(wanted)),
        (false, Some(parent)) => place.join(OsStr::from_bytes(parent)),
        (false, None) => place.parent().unwrap_or(place).to_owned(),
    })
}

#[cfg(test)]
mod tests;
