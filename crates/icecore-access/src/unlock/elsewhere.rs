//! Where the key file may be if this user has none: mostly with another user, because of `sudo`.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use icecore_format::ids::RepositoryId;
use icecore_store::RepositoryLocation;

use crate::{
    access::RepositoryAccess,
    directories::{Directories, User, users},
    error::{AccessError, KeyFileElsewhere},
};

/// Makes the error for a repository that only a key file opens, if none is found.
pub(super) fn not_found(access: &RepositoryAccess, repository: RepositoryId) -> AccessError {
    AccessError::NoKeyFile {
        repository,
        location: access.location().map(ToString::to_string).unwrap_or_default(),
        looked: access.directories.generated_key_file(repository),
        elsewhere: others(access, repository).into_iter().next().map(Box::new),
    }
}

/// Looks for the key file of other users who may have made it: the user before `sudo`, the owner of the
/// repository, root. Certain finds come first.
fn others(access: &RepositoryAccess, repository: RepositoryId) -> Vec<KeyFileElsewhere> {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let owner = match access.location() {
        Ok(RepositoryLocation::Local(path)) => fs::metadata(path).ok().map(|metadata| metadata.uid()),
        _ => None,
    };
    let former = &access.surroundings.former_users;
    let own = rustix::process::geteuid().as_raw();
    let users = users(&passwd);
    let mut named: Vec<&User> = former.iter().filter_map(|value| find(&users, value)).collect();
    named.extend(owner.into_iter().chain([0]).filter_map(|id| users.iter().find(|user| user.id == id)));
    let mut found: Vec<KeyFileElsewhere> = Vec::new();
    for user in named.into_iter().filter(|user| user.id != own) {
        let Some(path) = Directories::of_home(&user.home).generated_key_file(repository) else { continue };
        let Some(is_certain) = presence(&path) else { continue };
        if found.iter().all(|other| other.path != path) {
            found.push(KeyFileElsewhere { path, user: user.name.to_string_lossy().into_owned(), is_certain });
        }
    }
    found.sort_by_key(|other| !other.is_certain);
    found
}

fn find<'a>(users: &'a [User], value: &OsStr) -> Option<&'a User> {
    let id: Option<u32> = str::from_utf8(value.as_bytes()).ok().and_then(|value| value.parse().ok());
    users.iter().find(|user| id.map_or(user.name == value, |id| user.id == id))
}

/// Returns whether a file exists: true for certain, false for perhaps (this user may not look), none if not.
fn presence(path: &Path) -> Option<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Some(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(false),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
