//! Unlocks a repository with the given credentials, else the generated key file, a key of KMS, or a password
//! that the user enters.

use std::{path::PathBuf, sync::Arc};

use icecore_format::{
    ids::RepositoryId,
    layout::KEYS_PREFIX,
    slot::{Credential, SlotKind},
};
use icecore_repo::{
    error::RepoError,
    repository::{LockedRepository, Repository},
};

use crate::{
    access::RepositoryAccess,
    credentials::{self, CredentialSource},
    error::{AccessError, AccessResult},
    events::AccessNotice,
    kms,
    store::OpenStore,
};

mod elsewhere;

/// How often the user is asked for a password.
const ATTEMPTS_MAX: usize = 3;

/// Unlocks the repository in a store.
pub fn unlock(access: &RepositoryAccess, store: &OpenStore) -> AccessResult<Repository> {
    unlock_with_credential(access, store).map(|(repository, _)| repository)
}

/// Unlocks the repository, and also returns the credential that opened it.
pub fn unlock_with_credential(
    access: &RepositoryAccess,
    store: &OpenStore,
) -> AccessResult<(Repository, Credential)> {
    let locked = find(access, store)?;
    if let Some(source) = access.credentials.choose()?.cloned() {
        return Ok(unlock_from(access, &locked, &source)??);
    }
    let refused = match generated_key_file(access, locked.id()) {
        None => None,
        Some(path) => match unlock_from(access, &locked, &CredentialSource::KeyFile(path.clone()))? {
            // It may have been replaced by a password or a key of KMS.
            Err(error @ RepoError::WrongKey { .. }) => Some((path, error)),
            opened => return Ok(opened?),
        },
    };
    let kinds = locked.slot_kinds()?;
    if kinds.is_empty() {
        // Fails with the problem of the slots.
        locked.unlock(&[])?;
    }
    if let Some(unlocked) = kms::unlock(access, &locked, &kinds)? {
        return Ok(unlocked);
    }
    let takes_passwords = kinds.iter().any(|kind| matches!(kind, SlotKind::Password(_)));
    if takes_passwords && access.prompt.can_ask() {
        return ask(access, &locked);
    }
    Err(match refused {
        Some((path, source)) => AccessError::GeneratedKeyRefused { path, source: source.into() },
        None if takes_passwords => {
            AccessError::NoCredential { looked: access.directories.generated_key_file(locked.id()) }
        }
        None => elsewhere::not_found(access, locked.id()),
    })
}

/// Finds the repository; reports if it has key slots, but no header.
fn find(access: &RepositoryAccess, store: &OpenStore) -> AccessResult<LockedRepository> {
    let error = match LockedRepository::find(Arc::clone(&store.store), access.machine.environment.clone()) {
        Err(error @ RepoError::NoRepository { .. }) => error,
        found => {
            let locked = found?;
            let lists_everything = store.s3.is_some() && !access.has_catalog(locked.id());
            return Ok(locked.listing_everything(lists_everything));
        }
    };
    Err(missing_header(access, store).unwrap_or_else(|| error.into()))
}

/// Returns the error of a repository without its header, if it has key slots.
pub fn missing_header(access: &RepositoryAccess, store: &OpenStore) -> Option<AccessError> {
    missing_header_beside(access, store, KEYS_PREFIX, "key slots")
}

/// Returns the error of a repository without its header, if it has objects of this kind.
pub fn missing_header_beside(
    access: &RepositoryAccess,
    store: &OpenStore,
    prefix: &str,
    objects: &'static str,
) -> Option<AccessError> {
    // If listing fails, there is no sign of a repository.
    let found = access.machine.environment.runtime.block_on(store.store.list(prefix)).unwrap_or_default();
    if found.is_empty() {
        return None;
    }
    Some(AccessError::HeaderMissing { location: store.store.location(), objects })
}

/// Unlocks with the credential of one source.
fn unlock_from(
    access: &RepositoryAccess,
    locked: &LockedRepository,
    source: &CredentialSource,
) -> AccessResult<Result<(Repository, Credential), RepoError>> {
    let credential = credentials::load(source, locked.id(), access.events.as_ref())?;
    Ok(locked.unlock(std::slice::from_ref(&credential)).map(|repository| (repository, credential)))
}

/// Unlocks the repository with a given or generated credential; returns none if somebody would have to be
/// asked.
pub fn unlock_unasked(access: &RepositoryAccess, store: &OpenStore) -> AccessResult<Option<Repository>> {
    let locked = find(access, store)?;
    let generated = generated_key_file(access, locked.id()).map(CredentialSource::KeyFile);
    let Some(source) = access.credentials.choose()?.cloned().or(generated) else {
        let unlocked = kms::unlock(access, &locked, &locked.slot_kinds()?)?;
        return Ok(unlocked.map(|(repository, _)| repository));
    };
    let credential = credentials::load(&source, locked.id(), access.events.as_ref())?;
    Ok(Some(locked.unlock(std::slice::from_ref(&credential))?))
}

/// Returns the generated key file of a repository, if there is one.
fn generated_key_file(access: &RepositoryAccess, repository: RepositoryId) -> Option<PathBuf> {
    access.directories.generated_key_file(repository).filter(|path| path.exists())
}

fn ask(access: &RepositoryAccess, locked: &LockedRepository) -> AccessResult<(Repository, Credential)> {
    let prompt = format!("Password for the repository at {}: ", access.location()?);
    for attempt in 1.. {
        let credential = Credential::Password(credentials::ask(access.prompt.as_ref(), &prompt)?);
        match locked.unlock(std::slice::from_ref(&credential)) {
            Ok(repository) => return Ok((repository, credential)),
            Err(RepoError::WrongKey { .. }) if attempt < ATTEMPTS_MAX => {
                access.events.notice(AccessNotice::WrongPassword);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(AccessError::NoPasswordOpens)
}
