//! Unlocks a repository with whatever there is: what was given, the generated key file, or a password that is asked for.

use std::{path::PathBuf, sync::Arc};

use icecore_format::{ids::RepositoryId, slot::Credential};
use icecore_repo::{
    error::RepoError,
    repository::{LockedRepository, Repository},
};

use crate::{
    context::{Context, OpenStore},
    credentials::{self, CredentialSource},
    exit_status::ExitStatus,
    failure::{Failure, Outcome},
    kms,
};

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
    let locked = LockedRepository::find(Arc::clone(&store.store), context.environment.clone())?;
    let generated = generated_key_file(context, locked.id());
    let given = context.credentials.choose()?.cloned();
    let from_generated = given.is_none().then_some(generated.as_ref()).flatten();
    let source = given.or_else(|| from_generated.cloned().map(CredentialSource::KeyFile));
    let Some(source) = source else {
        return match kms::unlock(context, &locked)? {
            Some(unlocked) => Ok(unlocked),
            None => ask(context, &locked),
        };
    };
    let credential = credentials::load(&source, locked.id(), &context.console)?;
    let opened = locked.unlock(std::slice::from_ref(&credential));
    match opened {
        Ok(repository) => Ok((repository, credential)),
        // The key file was replaced by a password, perhaps.
        Err(RepoError::WrongKey { .. }) if from_generated.is_some() && credentials::can_ask() => {
            ask(context, &locked)
        }
        Err(error @ RepoError::WrongKey { .. }) if from_generated.is_some() => {
            let failure = Failure::from(error);
            let path = from_generated.map(|path| path.display().to_string()).unwrap_or_default();
            Err(Failure { message: format!("{} (tried the key file {path})", failure.message), ..failure })
        }
        Err(error) => Err(error.into()),
    }
}

/// Unlocks the repository with what was given or lies ready; returns nothing if somebody had to be asked.
pub(crate) fn unlock_unasked(context: &Context, store: &OpenStore) -> Outcome<Option<Repository>> {
    let locked = LockedRepository::find(Arc::clone(&store.store), context.environment.clone())?;
    let generated = generated_key_file(context, locked.id()).map(CredentialSource::KeyFile);
    let Some(source) = context.credentials.choose()?.cloned().or(generated) else {
        return Ok(kms::unlock(context, &locked)?.map(|(repository, _)| repository));
    };
    let credential = credentials::load(&source, locked.id(), &context.console)?;
    Ok(Some(locked.unlock(std::slice::from_ref(&credential))?))
}

/// Returns the generated key file of a repository, if there is one.
fn generated_key_file(context: &Context, repository: RepositoryId) -> Option<PathBuf> {
    context.directories.generated_key_file(repository).filter(|path| path.exists())
}

fn ask(context: &Context, locked: &LockedRepository) -> Outcome<(Repository, Credential)> {
    if !credentials::can_ask() {
        return Err(credentials::none_given(context.directories.generated_key_file(locked.id()).as_deref()));
    }
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
