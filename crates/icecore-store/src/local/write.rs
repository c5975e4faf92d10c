//! Writes and deletes objects of a local store.

use rustix::{
    fs::{AtFlags, Stat},
    io::Errno,
};

use super::{
    directory::{Directory, Root},
    failure::Call,
    generation::{self, Lock},
    temporary::Temporary,
};
use crate::{
    error::StoreError,
    store::{StoreResult, Version},
};

/// Writes an object that must not exist.
pub(super) fn create(root: &Root, key: &str, bytes: &[u8]) -> StoreResult<Version> {
    let call = Call { operation: "put", key };
    let (directory, name) = root.make_parent(call)?;
    // Saves the writing; the race between writers is decided below.
    if directory.stat_object(name, call)?.is_some() {
        return Err(call.already_exists());
    }
    let temporary = Temporary::write(root, &directory, bytes, false, call)?;
    let stat = temporary.stat().map_err(|errno| call.failed_inside(errno))?;
    match temporary.publish(&directory, name) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            directory.stat_object(name, call)?;
            return Err(call.already_exists());
        }
        Err(Errno::INVAL | Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) if temporary.is_named() => {
            publish_locked(root, temporary, &directory, name, call)?;
        }
        Err(errno) => return Err(call.failed_inside(errno)),
    }
    let version = generation::version(&stat);
    if let Err(errno) = directory.sync() {
        // The contract: a failed put leaves no object. Only this file is removed, not one that replaced it.
        if let Err(error) = unlink(root, &directory, name, Some(&version), call) {
            tracing::warn!(key, %error, "could not remove an object whose directory could not be synced");
        }
        return Err(call.failed_inside(errno));
    }
    Ok(version)
}

/// Gives a file its name if the file system supports neither links nor renaming without replacement: the
/// writer then holds the lock, as every writer that replaces an object does.
pub(super) fn publish_locked(
    root: &Root,
    temporary: Temporary,
    directory: &Directory<'_>,
    name: &str,
    call: Call<'_>,
) -> StoreResult<()> {
    let _lock = Lock::exclusive(root, call)?;
    if directory.stat_object(name, call)?.is_some() {
        return Err(call.already_exists());
    }
    temporary.replace(directory, name).map_err(|errno| call.failed_inside(errno))
}

/// Replaces the object of version `expected`.
pub(super) fn replace(root: &Root, key: &str, bytes: &[u8], expected: &Version) -> StoreResult<Version> {
    let call = Call { operation: "put", key };
    let (directory, name) = match root.open_parent(call) {
        Err(error) if error.is_not_found() => return Err(call.version_mismatch()),
        result => result?,
    };
    // Saves the writing; only the comparison under the lock counts.
    compare(&directory, name, expected, call)?;
    let temporary = Temporary::write(root, &directory, bytes, true, call)?;
    let stat = temporary.stat().map_err(|errno| call.failed_inside(errno))?;
    let lock = Lock::exclusive(root, call)?;
    let replaced = compare(&directory, name, expected, call)?;
    lock.begin_generation(root, &replaced, call)?;
    temporary.replace(&directory, name).map_err(|errno| call.failed_inside(errno))?;
    drop(lock);
    directory.sync().map_err(|errno| call.failed_inside(errno))?;
    Ok(generation::version(&stat))
}

/// Deletes an object; if `expected` is given, only in that state.
pub(super) fn delete(root: &Root, key: &str, expected: Option<&Version>) -> StoreResult<()> {
    let call = Call { operation: "delete", key };
    let (directory, name) = match root.open_parent(call) {
        Err(StoreError::NotFound { .. }) => return Ok(()),
        result => result?,
    };
    unlink(root, &directory, name, expected, call)?;
    // Also if there was nothing to delete: the process that deleted it may have been killed before this step.
    directory.sync().map_err(|errno| call.failed_inside(errno))
}

fn unlink(
    root: &Root,
    directory: &Directory<'_>,
    name: &str,
    expected: Option<&Version>,
    call: Call<'_>,
) -> StoreResult<()> {
    if directory.stat_object(name, call)?.is_none() {
        return Ok(());
    }
    let lock = Lock::exclusive(root, call)?;
    let Some(deleted) = directory.stat_object(name, call)? else { return Ok(()) };
    if expected.is_some_and(|expected| *expected != generation::version(&deleted)) {
        return Err(call.version_mismatch());
    }
    lock.begin_generation(root, &deleted, call)?;
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(call.failed(errno)),
    }
}

fn compare(directory: &Directory<'_>, name: &str, expected: &Version, call: Call<'_>) -> StoreResult<Stat> {
    match directory.stat_object(name, call)? {
        Some(stat) if generation::version(&stat) == *expected => Ok(stat),
        _ => Err(call.version_mismatch()),
    }
}
