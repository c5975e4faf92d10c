//! Objects that flags of a file system protect.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use icecore_fs::stat_root;
use icecore_restore::{ProblemReason, RestoreProblem};

/// Returns an immutable or append-only object that prevented an object (this one or another) from being
/// restored.
pub fn protected_path(target: &Path, problem: &RestoreProblem) -> Option<PathBuf> {
    let ProblemReason::Target { source } = &problem.reason else { return None };
    if !source.is_permission_denied() {
        return None;
    }
    let path = target.join(OsStr::from_bytes(&source.path));
    let is_protected = |path: &Path| {
        stat_root(path, false).is_ok_and(|found| found.inode_flags & icecore_fs::flags::PROTECTING != 0)
    };
    [Some(path.as_path()), path.parent()]
        .into_iter()
        .flatten()
        .find(|path| is_protected(path))
        .map(Path::to_owned)
}
