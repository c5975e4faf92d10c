//! Creates a repository with its first key, for `init` and `backup --init`.

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
    layout::{DATA_PREFIX, PACKS_PREFIX, SNAPSHOTS_PREFIX},
    slot::{Credential, PasswordCost},
};
use icecore_repo::{
    error::RepoError,
    repository::{CreateOptions, Repository, read_plain_header},
};
use icecore_store::{LocalStore, RepositoryLocation, StoreError};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    context::{Access, Context, OpenStore, program},
    credentials::{self, CredentialSource},
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    key_file, kms, s3,
    surface::console::{Console, ResultWriter},
    watch::witness_settings,
};
use icecore_operations::text;

mod nesting;

use nesting::Place;

/// What may lie in the directory of a new repository: the store's own files, what an interrupted creation left, and what
/// file systems put into their root.
const HARMLESS_NAMES: [&str; 4] = ["+tmp", "+lock", "meta", "lost+found"];

/// A repository that has just been created.
#[derive(Debug)]
pub(crate) struct Created {
    /// The repository, unlocked.
    pub(crate) repository: Repository,
    /// Its store.
    pub(crate) store: OpenStore,
    /// What the user must know of it.
    pub(crate) document: CreatedDocument,
}

/// What the user must know of a new repository.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreatedDocument {
    repository: String,
    location: String,
    credential: &'static str,
    key_file: Option<String>,
    key_file_generated: bool,
}

/// The first key of a repository.
struct FirstKey {
    credential: Credential,
    /// Key file that opens it, if it is one.
    file: Option<PathBuf>,
    /// The file was written just now.
    generated: bool,
}

/// Where the first key of a repository comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyChoice<'a> {
    /// What was given, else a generated key file.
    Given,
    /// What was given, else a password that is asked for, else a generated key file.
    GivenOrAsked,
    /// A key of AWS KMS.
    Kms(&'a str),
}

/// Creates a repository; `key` says where its first key comes from, `in_place_of` which one may have vanished from here,
/// `single_writer` that conditional requests are not relied upon.
pub(crate) fn create(
    context: &Context,
    label: &str,
    key: KeyChoice<'_>,
    in_place_of: Option<RepositoryId>,
    single_writer: bool,
) -> Outcome<Created> {
    let before = refuse_used_directory(context.location()?)?;
    if let RepositoryLocation::Local(path) = context.location()? {
        nesting::refuse_enclosing_directory(path)?;
    }
    refuse_vanished(context, in_place_of)?;
    let store = context.create_store(single_writer)?;
    refuse_existing(context, &store)?;
    if let Some(local) = &store.local {
        try_file_system(context, local, &before)?;
    }
    if let Some(s3) = &store.s3 {
        s3::prepare(context, s3)?;
    }
    let mut id = [0; RepositoryId::BYTES];
    context.environment.entropy.fill(&mut id);
    let id = RepositoryId(id);
    let key = first_key(context, id, key)?;
    let options = CreateOptions {
        parameters: Parameters::default(),
        credential: key.credential.clone(),
        cost: PasswordCost::default(),
        label: label.to_owned(),
        program: program(),
    };
    let repository =
        Repository::create_in_unused(Arc::clone(&store.store), context.environment.clone(), id, &options)?;
    if let Err(error) = icecore_witness::settle(&witness_settings(context)?, repository.id()) {
        context.console.warning(&format!(
            "this host cannot remember that the repository is here: {}; if it vanishes, this host may not notice",
            reason(&error)
        ));
    }
    let document = CreatedDocument {
        repository: id.to_string(),
        location: store.store.location(),
        credential: match key.credential {
            Credential::Password(_) => "password",
            Credential::KeyFile(_) => "key-file",
            Credential::Kms { .. } => "kms",
        },
        key_file: key.file.as_ref().map(|path| path.display().to_string()),
        key_file_generated: key.generated,
    };
    Ok(Created { repository, store, document })
}

/// Names that were in the directory of a new repository before; none if there was no directory.
type NamesBefore = Option<Vec<OsString>>;

/// Refuses a directory in which something else lies already, and returns what lies in it.
fn refuse_used_directory(location: &RepositoryLocation) -> Outcome<NamesBefore> {
    let RepositoryLocation::Local(path) = location else { return Ok(None) };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("look into", path, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| Failure::io("look into", path, &error))?.file_name();
        names.push(name.clone());
        if name == icecore_format::layout::HEADER_KEY {
            // A header, good or bad, is judged by whoever reads it.
            return Ok(Some(names));
        }
        if HARMLESS_NAMES.iter().all(|harmless| name != *harmless)
            && name != DATA_PREFIX.trim_end_matches('/')
        {
            let (path, name) = (path.display(), name.to_string_lossy().into_owned());
            let message = format!("{path} is not empty and no repository: there is {name:?}");
            return Err(Failure::new(ExitStatus::Failed, message).hint("choose an empty or new directory"));
        }
    }
    Ok(Some(names))
}

/// Refuses a file system that cannot do what every backup needs, and leaves the directory as it was before.
fn try_file_system(context: &Context, store: &LocalStore, before: &NamesBefore) -> Outcome<()> {
    let mut name = [0; 8];
    context.environment.entropy.fill(&mut name);
    let Err(error) = context.environment.runtime.block_on(store.probe(u64::from_le_bytes(name))) else {
        return Ok(());
    };
    let path = store.path();
    let is_new = |name: &str| before.iter().flatten().all(|before| before != name);
    // Whatever cannot be removed does no harm: another attempt finds it and goes on.
    if is_new("+tmp") {
        fs::remove_dir(path.join("+tmp")).unwrap_or_default();
    }
    if is_new("+lock") {
        fs::remove_file(path.join("+lock")).unwrap_or_default();
    }
    if before.is_none() {
        fs::remove_dir(&path).unwrap_or_default();
    }
    let is_unsuitable = matches!(error, StoreError::Unsupported { .. } | StoreError::Io { .. });
    let failure = Failure::from(error).context(format!("no repository can be created in {}", path.display()));
    Err(if is_unsuitable {
        failure.hint("choose a directory on another file system, such as ext4, XFS, Btrfs, ZFS or NFS")
    } else {
        failure
    })
}

/// Refuses a place where this host has used a repository that is not there any more: somebody removed it, or a disk is
/// not mounted.
fn refuse_vanished(context: &Context, in_place_of: Option<RepositoryId>) -> Outcome<()> {
    let Some(resident) = icecore_witness::resident(&witness_settings(context)?) else { return Ok(()) };
    let (location, id) = (context.location()?, resident.repository);
    if in_place_of == Some(id) || !is_missing(context)? {
        return Ok(());
    }
    let since = text::local_time(resident.since, &context.zone);
    let message = format!(
        "since {since} this host has used the repository {id} at {location}, and it is not there any more"
    );
    Err(Failure::new(ExitStatus::NoRepository, message).hint(format!(
        "mount what has to be mounted there, or put the repository back; to begin a new one all the same, add \
         --in-place-of {id}"
    )))
}

/// Says whether there is no repository; whatever else is wrong with it is an error.
pub(crate) fn is_missing(context: &Context) -> Outcome<bool> {
    let store = match context.try_open_store(Access::Read)? {
        Err(StoreError::NoSuchDirectory { .. }) => return Ok(true),
        other => other?,
    };
    match read_plain_header(&store.store, &context.environment) {
        Err(RepoError::NoRepository { .. }) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(false),
    }
}

/// Refuses a place where a repository is, or what is left of one.
fn refuse_existing(context: &Context, store: &OpenStore) -> Outcome<()> {
    // Where nothing of a repository lies, one request is enough; else each object is judged.
    if let Some(s3) = &store.s3
        && nesting::refuse_in_bucket(context, store, s3)? == Place::Unused
    {
        return Ok(());
    }
    match read_plain_header(&store.store, &context.environment) {
        Err(RepoError::NoRepository { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(RepoError::RepositoryExists { location: store.store.location() }.into()),
    }
    for prefix in [SNAPSHOTS_PREFIX, PACKS_PREFIX, DATA_PREFIX] {
        let objects = context.environment.runtime.block_on(store.store.list(prefix))?;
        if let Some(object) = objects.first() {
            let message = format!(
                "at {} there are objects of a repository ({}), but its header is missing",
                store.store.location(),
                object.key
            );
            return Err(Failure::new(ExitStatus::Damage, message).hint(
                "copy the object `icecore` back from a copy of the repository, or choose another location",
            ));
        }
    }
    Ok(())
}

fn first_key(context: &Context, repository: RepositoryId, choice: KeyChoice<'_>) -> Outcome<FirstKey> {
    if let KeyChoice::Kms(key) = choice {
        let credential = kms::new_credential(context, repository, key)?;
        return Ok(FirstKey { credential, file: None, generated: false });
    }
    match context.credentials.choose()? {
        Some(CredentialSource::KeyFile(path)) if !path.exists() => new_key_file(context, path, repository),
        Some(source) => {
            let credential = credentials::load(source, repository, &context.console)?;
            let file = if let CredentialSource::KeyFile(path) = source { Some(path.clone()) } else { None };
            Ok(FirstKey { credential, file, generated: false })
        }
        None => {
            if matches!(choice, KeyChoice::GivenOrAsked)
                && credentials::can_ask()
                && let Some(password) =
                    credentials::ask_new("New password (empty: a key file is generated): ", &context.console)?
            {
                return Ok(FirstKey {
                    credential: Credential::Password(password),
                    file: None,
                    generated: false,
                });
            }
            let path = context.directories.generated_key_file(repository).ok_or_else(|| {
                Failure::new(ExitStatus::Failed, "there is no home directory for a generated key file")
                    .hint("give --key-file FILE, which is written anew, or a password")
            })?;
            new_key_file(context, &path, repository)
        }
    }
}

fn new_key_file(context: &Context, path: &Path, repository: RepositoryId) -> Outcome<FirstKey> {
    let secret = new_secret(context);
    key_file::create(path, repository, &secret)?;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(FirstKey { credential: Credential::KeyFile(secret), file: Some(path), generated: true })
}

/// Draws the secret of a key file.
pub(crate) fn new_secret(context: &Context) -> Secret {
    let mut bytes = Zeroizing::new([0; 32]);
    context.environment.entropy.fill(bytes.as_mut());
    Secret::new(*bytes)
}

impl CreatedDocument {
    /// Tells at once that a repository was created on the way to something else.
    pub(crate) fn announce(&self, console: &Console) -> Outcome<()> {
        if console.json {
            // The document may never be written, if something fails from here on.
            console.notice(self.text().trim_end());
            return Ok(());
        }
        // Even when quiet is wanted: who misses this loses the backups.
        ResultWriter::print(&self.text())
    }

    /// Returns what the user must know, in sentences.
    pub(crate) fn text(&self) -> String {
        let created = format!("created the repository {} at {}\n", self.repository, self.location);
        match &self.key_file {
            Some(path) if self.key_file_generated => format!(
                "{created}its key file is {path}\n\
                 KEEP A COPY OF THIS KEY FILE on another machine or on paper: without it nobody can read the backups, \
                 and nobody can make another one\n"
            ),
            Some(path) => format!("{created}the key file {path} opens it; keep a copy elsewhere\n"),
            None if self.credential == "kms" => {
                format!("{created}its only key is one of AWS KMS: {}\n", kms::RECOVERY_ADVICE)
            }
            None => format!("{created}keep the password: without it nobody can read the backups\n"),
        }
    }
}
