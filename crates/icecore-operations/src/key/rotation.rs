//! Key files that jobs rely on when a key changes: the new one replaces the old one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use icecore_access::{
    AccessResult, CredentialSource, RepositoryAccess,
    key_file::{self, KeyFile},
};
use icecore_format::slot::Credential;
use icecore_repo::{repository::Repository, slots};

use super::{
    KeyEvents, KeyNotice,
    new_key::{NewKey, is_same},
};
use crate::{error::OperationResult, text};

/// A key file that was renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedFile {
    /// Path at which commands look for a key file.
    pub path: PathBuf,
    /// Path of the old key file now.
    pub kept: PathBuf,
    /// Whether the new key is at `path` now.
    pub holds_new_key: bool,
}

/// Puts the new key at the paths where commands find a key file by themselves, or by the configuration file,
/// if the present key is there. A failure leaves all files as they were.
pub(super) fn move_files(
    access: &RepositoryAccess,
    repository: &Repository,
    present: &Credential,
    new: &NewKey,
) -> AccessResult<Vec<MovedFile>> {
    let mut moved = Vec::new();
    let result = places(access, repository).into_iter().try_for_each(|path| {
        if peek(&path, repository).is_some_and(|found| is_same(&found, present)) {
            moved.extend(move_file(access, repository, &path, new)?);
        }
        Ok(())
    });
    if result.is_err() {
        for file in &moved {
            // Its old content is better, however far this got.
            fs::rename(&file.kept, &file.path).unwrap_or_default();
        }
    }
    result.map(|()| moved)
}

fn move_file(
    access: &RepositoryAccess,
    repository: &Repository,
    path: &Path,
    new: &NewKey,
) -> AccessResult<Option<MovedFile>> {
    let date = text::local_date(access.machine.environment.now(), &access.machine.zone);
    let (kept, holds_new_key) = match &new.credential {
        Credential::KeyFile(secret) => (key_file::replace(path, repository.id(), secret, &date)?, true),
        // If the configuration file names it, a missing file would only cause another error.
        _ if access.directories.generated_key_file(repository.id()).as_deref() != Some(path) => {
            return Ok(None);
        }
        _ => (key_file::retire(path, &date)?, false),
    };
    Ok(Some(MovedFile { path: path.to_owned(), kept, holds_new_key }))
}

/// Returns the paths where commands look for a key file if none is given.
fn places(access: &RepositoryAccess, repository: &Repository) -> Vec<PathBuf> {
    let configured = access.credentials.configuration.iter().find_map(|source| match source {
        CredentialSource::KeyFile(path) => Some(path.clone()),
        _ => None,
    });
    let generated = access.directories.generated_key_file(repository.id());
    generated.into_iter().chain(configured).collect()
}

/// Reads the key file at a path, if it is one of this repository.
fn peek(path: &Path, repository: &Repository) -> Option<Credential> {
    let KeyFile { repository: owner, secret } = key_file::peek(path)?;
    owner.is_none_or(|owner| owner == repository.id()).then_some(Credential::KeyFile(secret))
}

/// Reports every given source that had the old key and does not have the new one.
pub(super) fn report_old(
    access: &RepositoryAccess,
    repository: &Repository,
    new: &NewKey,
    events: &dyn KeyEvents,
) -> OperationResult<()> {
    let instead = new.file.as_deref().map(absolute);
    let instead = instead.as_deref();
    match access.credentials.choose_with_origin()? {
        Some((CredentialSource::KeyFile(path), origin)) => {
            if let Some(old) = peek(path, repository)
                && !opens(repository, &old)?
            {
                events.notice(&KeyNotice::KeyFileUseless { path: &absolute(path), origin, instead });
            }
        }
        Some((_, origin)) => events.notice(&KeyNotice::PasswordUseless { origin, instead }),
        None if new.file.is_none() => events.notice(&KeyNotice::NoFileToFind),
        None => {}
    }
    report_useless_default(access, repository, events)
}

/// Reports the key file that is used without a given key, if it opens no slot.
pub(super) fn report_useless_default(
    access: &RepositoryAccess,
    repository: &Repository,
    events: &dyn KeyEvents,
) -> OperationResult<()> {
    let Some(path) = access.directories.generated_key_file(repository.id()) else { return Ok(()) };
    let Some(credential) = peek(&path, repository) else { return Ok(()) };
    if !opens(repository, &credential)? {
        events.notice(&KeyNotice::DefaultUseless { path: &path });
    }
    Ok(())
}

/// Returns whether a key opens a slot.
pub(super) fn opens(repository: &Repository, credential: &Credential) -> OperationResult<bool> {
    Ok(slots::list(repository)?.iter().any(|slot| slot.opens_with(credential)))
}

/// Returns whether commands find the same key by themselves.
pub(super) fn is_found(access: &RepositoryAccess, repository: &Repository, credential: &Credential) -> bool {
    places(access, repository)
        .iter()
        .any(|path| peek(path, repository).is_some_and(|found| is_same(&found, credential)))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
