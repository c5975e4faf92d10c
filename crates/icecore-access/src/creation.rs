//! Creates a repository with its first key.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use icecore_format::{
    header::Parameters,
    ids::RepositoryId,
    keys::Secret,
    layout::{DATA_PREFIX, HEADER_KEY, PACKS_PREFIX, SNAPSHOTS_PREFIX, is_probe_key},
    slot::{Credential, PasswordCost},
};
use icecore_repo::{
    error::RepoError,
    repository::{CreateOptions, Repository, read_plain_header},
};
use icecore_store::{LocalStore, RepositoryLocation, StoreError};
use zeroize::Zeroizing;

use crate::{
    access::RepositoryAccess,
    credentials::{self, CredentialSource},
    enclosing,
    error::{AccessError, AccessResult},
    key_file, kms, s3,
    store::{AccessMode, OpenStore},
};

mod nesting;

use nesting::Vacancy;

/// Names that the directory of a new repository may already have: the store's own files, leftovers of an
/// interrupted creation, and files that file systems put into their root.
const HARMLESS_NAMES: [&str; 4] = ["+tmp", "+lock", "meta", "lost+found"];

/// A repository that has just been created.
#[derive(Debug)]
pub struct Created {
    /// The repository, unlocked.
    pub repository: Repository,
    /// Its store.
    pub store: OpenStore,
    /// Its first key.
    pub key: FirstKey,
}

/// The first key of a repository.
#[derive(Clone, Debug)]
pub struct FirstKey {
    /// Unlocks the repository.
    pub credential: Credential,
    /// Its key file, if it is one.
    pub file: Option<PathBuf>,
    /// The file was written just now.
    pub is_generated: bool,
}

/// Where the first key of a repository comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChoice {
    /// The given credential, otherwise a generated key file.
    Given,
    /// The given credential, otherwise a password that the user enters, otherwise a generated key file.
    GivenOrAsked,
    /// A key of AWS KMS.
    Kms(String),
}

/// A location at which a repository may be created.
#[derive(Debug)]
pub struct Site {
    /// Names that were in the directory before; none if there was no directory.
    names_before: Option<Vec<OsString>>,
}

/// Refuses a directory that has other content, or that is inside of a repository.
pub fn inspect(access: &RepositoryAccess) -> AccessResult<Site> {
    let location = access.location()?;
    if let RepositoryLocation::Local(path) = location {
        enclosing::refuse_enclosing_directory(path)?;
    }
    Ok(Site { names_before: refuse_used_directory(location)? })
}

/// Creates a repository at a site that was inspected. `label` is the label of its first key, `key` chooses
/// this key, `single_writer` means that conditional requests are not relied upon.
pub fn create(
    access: &RepositoryAccess,
    site: &Site,
    label: &str,
    key: &KeyChoice,
    single_writer: bool,
) -> AccessResult<Created> {
    let store = access.create_store(single_writer)?;
    refuse_existing(access, &store)?;
    if let Some(local) = &store.local {
        try_file_system(access, local, site)?;
    }
    if let Some(s3) = &store.s3 {
        s3::prepare(access, s3)?;
    }
    let environment = &access.machine.environment;
    let mut id = [0; RepositoryId::BYTES];
    environment.entropy.fill(&mut id);
    let id = RepositoryId(id);
    let key = first_key(access, id, key)?;
    let options = CreateOptions {
        parameters: Parameters::default(),
        credential: key.credential.clone(),
        cost: PasswordCost::default(),
        label: label.to_owned(),
        program: access.machine.program.clone(),
    };
    let repository =
        Repository::create_in_unused(Arc::clone(&store.store), environment.clone(), id, &options)?;
    Ok(Created { repository, store, key })
}

/// Returns the names in a directory that is to be a repository, or none if it does not exist; refuses a
/// directory with other content.
fn refuse_used_directory(location: &RepositoryLocation) -> AccessResult<Option<Vec<OsString>>> {
    let RepositoryLocation::Local(path) = location else { return Ok(None) };
    let failed =
        |source: io::Error| AccessError::File { operation: "read the directory", path: path.clone(), source };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.clone());
        if name == HEADER_KEY {
            // The reader of a header decides whether it is valid.
            return Ok(Some(names));
        }
        let is_harmless = HARMLESS_NAMES.iter().any(|harmless| name == *harmless)
            || name == DATA_PREFIX.trim_end_matches('/')
            || name.to_str().is_some_and(is_probe_key);
        if !is_harmless {
            let name = name.to_string_lossy().into_owned();
            return Err(AccessError::DirectoryInUse { path: path.clone(), name });
        }
    }
    Ok(Some(names))
}

/// Refuses a file system that lacks features that every backup needs, and leaves the directory as it was.
fn try_file_system(access: &RepositoryAccess, store: &LocalStore, site: &Site) -> AccessResult<()> {
    let mut name = [0; 8];
    access.machine.environment.entropy.fill(&mut name);
    let Err(source) = access.machine.environment.runtime.block_on(store.probe(u64::from_le_bytes(name)))
    else {
        return Ok(());
    };
    let path = store.path();
    let is_new = |name: &str| site.names_before.iter().flatten().all(|before| before != name);
    // Leftovers do no harm: another attempt finds them and continues.
    if is_new("+tmp") {
        fs::remove_dir(path.join("+tmp")).unwrap_or_default();
    }
    if is_new("+lock") {
        fs::remove_file(path.join("+lock")).unwrap_or_default();
    }
    if site.names_before.is_none() {
        fs::remove_dir(&path).unwrap_or_default();
    }
    Err(AccessError::FileSystem { path, source: source.into() })
}

/// Returns whether there is no repository; any other problem with it is an error.
pub fn is_missing(access: &RepositoryAccess) -> AccessResult<bool> {
    let store = match access.try_open_store(AccessMode::Read)? {
        Err(StoreError::NoSuchDirectory { .. }) => return Ok(true),
        other => other?,
    };
    match read_plain_header(&store.store, &access.machine.environment) {
        Err(RepoError::NoRepository { .. }) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(false),
    }
}

/// Refuses a location with a repository, or with parts of one.
fn refuse_existing(access: &RepositoryAccess, store: &OpenStore) -> AccessResult<()> {
    // If there are no objects of a repository, one request is enough; otherwise each object is judged.
    if let Some(s3) = &store.s3
        && nesting::refuse_in_bucket(access, store, s3)? == Vacancy::Unused
    {
        return Ok(());
    }
    match read_plain_header(&store.store, &access.machine.environment) {
        Err(RepoError::NoRepository { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(RepoError::RepositoryExists { location: store.store.location() }.into()),
    }
    for prefix in [SNAPSHOTS_PREFIX, PACKS_PREFIX, DATA_PREFIX] {
        let objects = access.machine.environment.runtime.block_on(store.store.list(prefix))?;
        if let Some(object) = objects.first() {
            return Err(AccessError::LeftOfRepository {
                location: store.store.location(),
                key: object.key.clone(),
            });
        }
    }
    Ok(())
}

fn first_key(
    access: &RepositoryAccess,
    repository: RepositoryId,
    choice: &KeyChoice,
) -> AccessResult<FirstKey> {
    if let KeyChoice::Kms(key) = choice {
        let credential = kms::new_credential(access, repository, key)?;
        return Ok(FirstKey { credential, file: None, is_generated: false });
    }
    match access.credentials.choose()? {
        Some(CredentialSource::KeyFile(path)) if !path.exists() => new_key_file(access, path, repository),
        Some(source) => {
            let credential = credentials::load(source, repository, access.events.as_ref())?;
            let file = if let CredentialSource::KeyFile(path) = source { Some(path.clone()) } else { None };
            Ok(FirstKey { credential, file, is_generated: false })
        }
        None => {
            if matches!(choice, KeyChoice::GivenOrAsked)
                && access.prompt.can_ask()
                && let Some(password) = credentials::ask_new(
                    access.prompt.as_ref(),
                    "New password (leave empty to generate a key file): ",
                    access.events.as_ref(),
                )?
            {
                return Ok(FirstKey {
                    credential: Credential::Password(password),
                    file: None,
                    is_generated: false,
                });
            }
            let path = access.directories.generated_key_file(repository);
            let path = path.ok_or(AccessError::NoHomeForKeyFile)?;
            new_key_file(access, &path, repository)
        }
    }
}

fn new_key_file(access: &RepositoryAccess, path: &Path, repository: RepositoryId) -> AccessResult<FirstKey> {
    let secret = new_secret(access);
    key_file::create(path, repository, &secret)?;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(FirstKey { credential: Credential::KeyFile(secret), file: Some(path), is_generated: true })
}

/// Draws the secret of a key file.
pub fn new_secret(access: &RepositoryAccess) -> Secret {
    let mut bytes = Zeroizing::new([0; 32]);
    access.machine.environment.entropy.fill(bytes.as_mut());
    Secret::new(*bytes)
}
