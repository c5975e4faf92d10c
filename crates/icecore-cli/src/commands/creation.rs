//! Creates a repository with its first key, for `init` and `backup --init`.

use icecore_access::{
    OpenStore,
    creation::{self, Created, KeyChoice},
};
use icecore_format::{ids::RepositoryId, slot::Credential};
use icecore_operations::text;
use icecore_repo::repository::Repository;
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Failure, Outcome, advice::kms, exit_status::ExitStatus, reason},
    surface::console::{Console, ResultWriter},
};

/// A repository that has just been created, and what the user must know of it.
#[derive(Debug)]
pub(crate) struct NewRepository {
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

/// Creates a repository; `key` says where its first key comes from, `in_place_of` which one may have vanished from here,
/// `single_writer` that conditional requests are not relied upon.
pub(crate) fn create(
    context: &Context,
    label: &str,
    key: KeyChoice<'_>,
    in_place_of: Option<RepositoryId>,
    single_writer: bool,
) -> Outcome<NewRepository> {
    let site = creation::inspect(&context.access)?;
    refuse_vanished(context, in_place_of)?;
    let created = creation::create(&context.access, &site, label, key, single_writer)?;
    let document = CreatedDocument::of(&created);
    let Created { repository, store, .. } = created;
    if let Err(error) = icecore_witness::settle(&context.witness()?, repository.id()) {
        context.console.warning(&format!(
            "this host cannot remember that the repository is here: {}; if it vanishes, this host may not notice",
            reason(&error)
        ));
    }
    Ok(NewRepository { repository, store, document })
}

/// Refuses a place where this host has used a repository that is not there any more: somebody removed it, or a disk is
/// not mounted.
fn refuse_vanished(context: &Context, in_place_of: Option<RepositoryId>) -> Outcome<()> {
    let Some(resident) = icecore_witness::resident(&context.witness()?) else { return Ok(()) };
    let (location, id) = (context.access.location()?, resident.repository);
    if in_place_of == Some(id) || !creation::is_missing(&context.access)? {
        return Ok(());
    }
    let since = text::local_time(resident.since, &context.access.machine.zone);
    let message = format!(
        "since {since} this host has used the repository {id} at {location}, and it is not there any more"
    );
    Err(Failure::new(ExitStatus::NoRepository, message).hint(format!(
        "mount what has to be mounted there, or put the repository back; to begin a new one all the same, add \
         --in-place-of {id}"
    )))
}

impl CreatedDocument {
    fn of(created: &Created) -> Self {
        let Created { repository, store, key } = created;
        Self {
            repository: repository.id().to_string(),
            location: store.store.location(),
            credential: match key.credential {
                Credential::Password(_) => "password",
                Credential::KeyFile(_) => "key-file",
                Credential::Kms { .. } => "kms",
            },
            key_file: key.file.as_ref().map(|path| path.display().to_string()),
            key_file_generated: key.is_generated,
        }
    }

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
                format!("{created}its only key is one of AWS KMS: {}\n", kms::RECOVERY)
            }
            None => format!("{created}keep the password: without it nobody can read the backups\n"),
        }
    }
}
