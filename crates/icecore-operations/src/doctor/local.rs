//! Tests whether a repository in a directory can be written, and its free space.

use std::{
    fs,
    path::{Path, PathBuf},
};

use icecore_access::RepositoryAccess;
use icecore_store::{LocalStore, Store, StoreError};
use rustix::fs::{Access, AtFlags, CWD};

use super::{
    facts::DirectoryFact,
    finding::{Check, Finding, State},
};

/// Less free space than this is worth a warning, in bytes.
const ROOM_BYTES_MIN: u64 = 1 << 30;
/// Fewer inodes than this are worth a warning: each pack takes two.
const INODES_MIN: u64 = 1_000;

/// Examines the directory.
pub(super) fn examine(access: &RepositoryAccess, store: &LocalStore) -> Vec<Finding> {
    let mut findings = vec![writing(access, store)];
    findings.extend(room(store));
    findings
}

/// Writes a file, replaces it, and deletes it again.
fn writing(access: &RepositoryAccess, store: &LocalStore) -> Finding {
    let location = store.location();
    let environment = &access.machine.environment;
    let mut name = [0; 8];
    environment.entropy.fill(&mut name);
    let fact = match environment.runtime.block_on(store.probe(u64::from_le_bytes(name))) {
        Ok(()) => match unwritable_directory(store) {
            Some(path) => DirectoryFact::Unwritable { path },
            None => return Finding::new(Check::Writing, State::Good, DirectoryFact::Writable),
        },
        Err(StoreError::ReadOnly { .. }) => DirectoryFact::ReadOnly { location },
        Err(StoreError::NoSpace { reason, .. }) => DirectoryFact::NoSpace { location, reason },
        Err(StoreError::AccessDenied { reason, .. }) => DirectoryFact::AccessDenied { location, reason },
        Err(error) => return Finding::failed(Check::Writing, error),
    };
    Finding::new(Check::Writing, State::Bad, fact)
}

/// Returns an existing directory of the repository in which this process may not create files.
fn unwritable_directory(store: &LocalStore) -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = vec!["data".into(), "meta".into()];
    for parent in ["data", "meta"] {
        // A directory that cannot be listed is not writable either, and is found by its own name.
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

/// Finds out how much space is left for backups.
fn room(store: &LocalStore) -> Option<Finding> {
    let found = rustix::fs::statvfs(store.path()).ok()?;
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    // Some file systems do not count inodes.
    let counts_inodes = found.f_files > 0;
    let (state, fact) = if counts_inodes && found.f_favail < INODES_MIN {
        (State::Warning, DirectoryFact::FewFiles { files: found.f_favail })
    } else if bytes < ROOM_BYTES_MIN {
        (State::Warning, DirectoryFact::LittleRoom { bytes })
    } else {
        (State::Good, DirectoryFact::Room { bytes })
    };
    Some(Finding::new(Check::Room, state, fact))
}
