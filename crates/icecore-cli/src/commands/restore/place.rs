//! The target of a restore: a directory of the running system needs a yes, and the source's own place is known by name.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use icecore_format::snapshot::Snapshot;
use icecore_fs::stat_root;

use crate::{
    arguments::restore::RestoreArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::confirmation,
};

/// Directories of the running system, into which nobody restores by accident.
const SYSTEM_DIRECTORIES: [&str; 20] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/proc",
    "/root", "/run", "/sbin", "/srv", "/sys", "/usr", "/var", "/usr/lib",
];

/// Asks before something is restored into a directory of the running system that `--target` names.
pub(super) fn confirm(context: &Context, arguments: &RestoreArguments) -> Outcome<()> {
    let Some(target) = &arguments.target else { return Ok(()) };
    let Some(directory) = system_directory(target).filter(|_| !arguments.yes && !arguments.dry_run) else {
        return Ok(());
    };
    let question = format!(
        "The target {} is a directory of the running system ({directory}). Restore into it?",
        target.display()
    );
    if confirmation::ask(&context.console, &question)? {
        return Ok(());
    }
    let message = format!(
        "the target {} is a directory of the running system ({directory}); nothing was restored",
        target.display()
    );
    Err(Failure::new(ExitStatus::Failed, message).hint(
        "choose another directory, or give --yes if this one is meant; --dry-run shows what would change",
    ))
}

/// Returns the directory of the running system that a path names, by whatever way.
fn system_directory(target: &Path) -> Option<&'static str> {
    let identity = |path: &Path| stat_root(path, true).ok().map(|found| (found.device, found.inode));
    let wanted = identity(target)?;
    SYSTEM_DIRECTORIES.into_iter().find(|directory| identity(Path::new(directory)) == Some(wanted))
}

/// Says whether the target is where the snapshot's source is, on the host that it was made on.
pub(super) fn is_source(
    context: &Context,
    snapshot: &Snapshot,
    wanted: &[u8],
    arguments: &RestoreArguments,
) -> bool {
    if snapshot.origin.host != context.access.machine.host {
        return false;
    }
    let Some(target) = &arguments.target else { return true };
    let source: PathBuf = Path::new(OsStr::from_bytes(&snapshot.origin.root)).join(OsStr::from_bytes(wanted));
    match (target.canonicalize(), source.canonicalize()) {
        (Ok(target), Ok(source)) => target == source,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
