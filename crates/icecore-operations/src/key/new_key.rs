//! Sources of a new key.

use std::path::PathBuf;

use icecore_access::{
    AccessError, CredentialSource, RepositoryAccess, creation::new_secret, credentials, key_file, kms,
};
use icecore_format::slot::Credential;
use icecore_repo::repository::Repository;

use super::{KeyError, NewKeySource};
use crate::error::OperationResult;

/// A credential to be added.
pub(super) struct NewKey {
    pub(super) credential: Credential,
    /// Key file that holds it.
    pub(super) file: Option<PathBuf>,
    /// Whether the file was just created.
    pub(super) is_new: bool,
}

/// Gets the new key.
pub(super) fn get(
    access: &RepositoryAccess,
    repository: &Repository,
    source: &NewKeySource,
) -> OperationResult<NewKey> {
    let load = |source: CredentialSource| credentials::load(&source, repository.id(), access.events.as_ref());
    let credential = match source {
        NewKeySource::Kms(key) => kms::new_credential(access, repository.id(), key)?,
        NewKeySource::KeyFile(path) => {
            let is_new = !path.exists();
            let credential = if is_new {
                let secret = new_secret(access);
                key_file::create(path, repository.id(), &secret)?;
                Credential::KeyFile(secret)
            } else {
                load(CredentialSource::KeyFile(path.clone()))?
            };
            return Ok(NewKey { credential, file: Some(path.clone()), is_new });
        }
        NewKeySource::PasswordFile(path) => load(CredentialSource::PasswordFile(path.clone()))?,
        NewKeySource::PasswordCommand(command) => load(CredentialSource::PasswordCommand(command.clone()))?,
        NewKeySource::Asked if access.prompt.can_ask() => ask(access)?,
        NewKeySource::Asked => return Err(KeyError::NoneGiven.into()),
    };
    Ok(NewKey { credential, file: None, is_new: false })
}

fn ask(access: &RepositoryAccess) -> OperationResult<Credential> {
    let password = credentials::ask_new(access.prompt.as_ref(), "New password: ", access.events.as_ref())?;
    Ok(Credential::Password(password.ok_or(AccessError::PasswordEmpty)?))
}

/// Returns whether two credentials are the same key.
pub(super) fn is_same(left: &Credential, right: &Credential) -> bool {
    match (left, right) {
        (Credential::Password(left), Credential::Password(right)) => left == right,
        (Credential::KeyFile(left), Credential::KeyFile(right)) => left == right,
        (Credential::Kms { data_key: left, .. }, Credential::Kms { data_key: right, .. }) => left == right,
        _ => false,
    }
}
