//! Unlocks a repository with what was given, else the generated key file, a key of KMS, or a password that is asked for.

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
    context::{Context, OpenStore},
    credentials::{self, CredentialSource},
    failure::{Failure, HEADER_HINT, Outcome, exit_status::ExitStatus},
    kms,
};

mod elsewhere;

/// Times that a password is asked for.
const ATTEMPTS_MAX: usize = 3;

/// Unlocks the repository in a store.
pub(crate) fn unlock(context: &Context, store: &OpenStore) -> Outcome<Repository> {
    unlock_with_credential(context, store).map(|(repository, _)| repository)
}

/// Unlocks the repository and returns what opened it, too.
pub(crate) fn unlock_with_credential(
    context: &Context,
    store: &OpenStore,
) -> Outcome<(Repository, Credential)> {
    let locked = find(context, store)?;
    if let Some(source) = context.credentials.choose()?.cloned() {
        return Ok(unlock_from(context, &locked, &source)??);
    }
    let refused = match generated_key_file(context, locked.id()) {
        None => None,
        Some(path) => match unlock_from(context, &locked, &CredentialSource::KeyFile(path.clone()))? {
            // It was replaced by a password or a key of KMS, perhaps.
            Err(error @ RepoError::WrongKey { .. }) => Some((path, error)),
            opened => return Ok(opened?),
        },
    };
    let kinds = locked.slot_kinds()?;
    if kinds.is_empty() {
        // Fails with what is wrong with the slots.
        locked.unlock(&[])?;
    }
    if let Some(unlocked) = kms::unlock(context, &locked, &kinds)? {
        return Ok(unlocked);
    }
    let takes_passwords = kinds.iter().any(|kind| matches!(kind, SlotKind::Password(_)));
    if takes_passwords && credentials::can_ask() {
        return ask(context, &locked);
    }
    Err(match refused {
        Some((path, error)) => {
            let failure = Failure::from(error);
            Failure {
                message: format!("{} (tried the key file {})", failure.message, path.display()),
                ..failure
            }
        }
        None if takes_passwords => {
            credentials::none_given(context.directories.generated_key_file(locked.id()).as_deref())
        }
        None => elsewhere::not_found(context, locked.id()),
    })
}

/// Finds the repository; says so if there are key slots of one, but not its header.
fn find(context: &Context, store: &OpenStore) -> Outcome<LockedRepository> {
    let error = match LockedRepository::find(Arc::clone(&store.store), context.environment.clone()) {
        Err(error @ RepoError::NoRepository { .. }) => error,
        found => {
            let locked = found?;
            let lists_everything = store.s3.is_some() && !context.has_catalog(locked.id());
            return Ok(locked.listing_everything(lists_everything));
        }
    };
    Err(missing_header(context, store).unwrap_or_else(|| error.into()))
}

/// Returns the failure of a repository without its header, if there are key slots of one.
pub(crate) fn missing_header(context: &Context, store: &OpenStore) -> Option<Failure> {
    missing_header_beside(context, store, KEYS_PREFIX, "key slots")
}

/// Returns the failure of a repository without its header, if there are objects of this kind of one.
pub(crate) fn missing_header_beside(
    context: &Context,
    store: &OpenStore,
    prefix: &str,
    objects: &str,
) -> Option<Failure> {
    // What cannot be listed shows no repository.
    let found = context.environment.runtime.block_on(store.store.list(prefix)).unwrap_or_default();
    if found.is_empty() {
        return None;
    }
    let location = store.store.location();
    let message = format!(
        "the header of the repository at {location} is missing: there are {objects}, but no object `icecore`"
    );
    Some(Failure::new(ExitStatus::Damage, message).hint(HEADER_HINT))
}

/// Unlocks with what one source gives.
fn unlock_from(
    context: &Context,
    locked: &LockedRepository,
    source: &CredentialSource,
) -> Outcome<Result<(Repository, Credential), RepoError>> {
    let credential = credentials::load(source, locked.id(), &context.console)?;
    Ok(locked.unlock(std::slice::from_ref(&credential)).map(|repository| (repository, credential)))
}

/// Unlocks the repository with what was given or lies ready; returns nothing if somebody had to be asked.
pub(crate) fn unlock_unasked(context: &Context, store: &OpenStore) -> Outcome<Option<Repository>> {
    let locked = find(context, store)?;
    let generated = generated_key_file(context, locked.id()).map(CredentialSource::KeyFile);
    let Some(source) = context.credentials.choose()?.cloned().or(generated) else {
        let unlocked = kms::unlock(context, &locked, &locked.slot_kinds()?)?;
        return Ok(unlocked.map(|(repository, _)| repository));
    };
    let credential = credentials::load(&source, locked.id(), &context.console)?;
    Ok(Some(locked.unlock(std::slice::from_ref(&credential))?))
}

/// Returns the generated key file of a repository, if there is one.
fn generated_key_file(context: &Context, repository: RepositoryId) -> Option<PathBuf> {
    context.directories.generated_key_file(repository).filter(|path| path.exists())
}

fn ask(context: &Context, locked: &LockedRepository) -> Outcome<(Repository, Credential)> {
    let prompt = format!("Password of the repository at {}: ", context.location()?);
    for attempt in 1.. {
        let credential = Credential::Password(credentials::ask(&prompt)?);
        match locked.unlock(std::slice::from_ref(&credential)) {
            Ok(repository) => return Ok((repository, credential)),
            Err(RepoError::WrongKey { .. }) if attempt < ATTEMPTS_MAX => {
                context.console.warning("this password does not open the repository");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(ExitStatus::WrongKey, "no password opens the repository"))
}
