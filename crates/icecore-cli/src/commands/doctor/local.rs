//! Whether a repository in a directory can be written to, and how much room there is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD};

use icecore_store::{LocalStore, Store, StoreError};

use super::{Finding, State};
use crate::{
    context::Context,
    failure::{Failure, plain},
};
use icecore_operations::text;

/// Less room than this is worth a word, in bytes.
const ROOM_BYTES_MIN: u64 = 1 << 30;
/// Fewer inodes than this are worth a word: each pack takes two.
const INODES_MIN: u64 = 1_000;

/// Looks at the directory.
pub(super) fn examine(context: &Context, store: &LocalStore) -> Vec<Finding> {
    let mut findings = vec![writing(context, store)];
    findings.extend(room(store));
    findings
}

/// Writes a file, replaces it, and deletes it again.
fn writing(context: &Context, store: &LocalStore) -> Finding {
    const CHECK: &str = "writing";
    let location = store.location();
    let mut name = [0; 8];
    context.access.machine.environment.entropy.fill(&mut name);
    let tried = context.access.machine.environment.runtime.block_on(store.probe(u64::from_le_bytes(name)));
    let bad = |reason: String, hint: &str| {
        Finding::new(CHECK, State::Bad, format!("{reason}; restores are possible, backups are not"))
            .hint(hint)
    };
    match tried {
        Ok(()) if let Some(path) = unwritable_directory(store) => bad(
            format!("this user may not write to {}", path.display()),
            "run as the owner of the repository, or as root",
        ),
        Ok(()) => Finding::new(CHECK, State::Good, "files can be created, replaced and deleted"),
        Err(StoreError::ReadOnly { .. }) => bad(
            format!("the file system of {location} is read-only"),
            "mount it with read and write access: `mount -o remount,rw`",
        ),
        Err(StoreError::NoSpace { reason, .. }) => {
            bad(format!("no space left in {location}: {}", plain(&reason)), "make room there")
        }
        Err(StoreError::AccessDenied { reason, .. }) => bad(
            format!("this user may not write to {location}: {}", plain(&reason)),
            "run as the owner of the repository, or as root",
        ),
        Err(error) => Finding::failed(CHECK, Failure::from(error)),
    }
}

/// Returns a directory of the repository that exists and in which this process may create no files.
fn unwritable_directory(store: &LocalStore) -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = vec!["data".into(), "meta".into()];
    for parent in ["data", "meta"] {
        // What cannot be listed is not writable either, and is found by its own name.
        let names = fs::read_dir(store.path().join(parent)).into_iter().flatten().flatten();
        let below = names.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.extend(below.map(|entry| Path::new(parent).join(entry.file_name())));
    }
    let access = Access::WRITE_OK | Access::EXEC_OK;
    let paths = directories.into_iter().map(|directory| store.path().join(directory));
    paths
        .filter(|path| path.is_dir())
        .find(|path| rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS).is_err())
}

/// Looks how much room is left for backups.
fn room(store: &LocalStore) -> Option<Finding> {
    const CHECK: &str = "room";
    let found = rustix::fs::statvfs(store.path()).ok()?;
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    // Some file systems do not count inodes.
    let counts_inodes = found.f_files > 0;
    let left = text::size(bytes);
    Some(if counts_inodes && found.f_favail < INODES_MIN {
        Finding::new(CHECK, State::Warning, format!("only {} more files can be created", found.f_favail))
            .hint("remove files there; more space alone does not help")
    } else if bytes < ROOM_BYTES_MIN {
        Finding::new(CHECK, State::Warning, format!("only {left} left"))
            .hint("make room before a backup needs it")
    } else {
        Finding::new(CHECK, State::Good, format!("{left} left"))
    })
}
