//! Key files that jobs rely on when a key changes: the new one takes the place of the old one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use icecore_access::{
    CredentialSource,
    key_file::{self, KeyFile},
};
use icecore_format::slot::Credential;
use icecore_policy::UnlockMethod;
use icecore_repo::{repository::Repository, slots};
use serde::Serialize;

use super::{NewKey, is_same};
use crate::{context::Context, failure::Outcome};
use icecore_operations::text;

/// A key file that was put aside.
#[derive(Debug)]
pub(super) struct MovedFile {
    /// Where commands look for a key file.
    pub(super) path: PathBuf,
    /// Where the old one is now.
    pub(super) kept: PathBuf,
    /// Whether the new key is at `path` now.
    pub(super) holds_new_key: bool,
}

/// A key file that was put aside, in JSON.
#[derive(Debug, Serialize)]
pub(super) struct MovedDocument {
    key_file: String,
    kept_as: String,
    holds_new_key: bool,
}

impl From<&MovedFile> for MovedDocument {
    fn from(file: &MovedFile) -> Self {
        Self {
            key_file: file.path.display().to_string(),
            kept_as: file.kept.display().to_string(),
            holds_new_key: file.holds_new_key,
        }
    }
}

impl MovedFile {
    /// Returns what was done, as a line.
    pub(super) fn text(&self) -> String {
        let (path, kept) = (self.path.display(), self.kept.display());
        if self.holds_new_key {
            format!(
                "{path} holds the new key now; the old key file is kept as {kept} and opens nothing any more"
            )
        } else {
            format!("the old key file {path} was renamed to {kept}; it opens nothing any more")
        }
    }
}

/// Puts the new key where commands find a key file by themselves, or by the configuration file, if the present key is there.
/// Whatever fails leaves all files as they were.
pub(super) fn move_files(
    context: &Context,
    repository: &Repository,
    present: &Credential,
    new: &NewKey,
) -> Outcome<Vec<MovedFile>> {
    let mut moved = Vec::new();
    let result = places(context, repository).into_iter().try_for_each(|path| {
        if peek(&path, repository).is_some_and(|found| is_same(&found, present)) {
            moved.extend(move_file(context, repository, &path, new)?);
        }
        Ok(())
    });
    if result.is_err() {
        for file in &moved {
            // Its old content is the better one, however far this got.
            fs::rename(&file.kept, &file.path).unwrap_or_default();
        }
    }
    result.map(|()| moved)
}

fn move_file(
    context: &Context,
    repository: &Repository,
    path: &Path,
    new: &NewKey,
) -> Outcome<Option<MovedFile>> {
    let date = text::local_date(context.access.machine.environment.now(), &context.access.machine.zone);
    let (kept, holds_new_key) = match &new.credential {
        Credential::KeyFile(secret) => (key_file::replace(path, repository.id(), secret, &date)?, true),
        // Where the configuration file names it, its absence would be another error and no better.
        _ if context.access.directories.generated_key_file(repository.id()).as_deref() != Some(path) => {
            return Ok(None);
        }
        _ => (key_file::retire(path, &date)?, false),
    };
    Ok(Some(MovedFile { path: path.to_owned(), kept, holds_new_key }))
}

/// Returns where commands look for a key file if none is given.
fn places(context: &Context, repository: &Repository) -> Vec<PathBuf> {
    let configured = match &context.configuration.unlock {
        Some(UnlockMethod::KeyFile(path)) => Some(path.clone()),
        _ => None,
    };
    let generated = context.access.directories.generated_key_file(repository.id());
    generated.into_iter().chain(configured).collect()
}

/// Reads the key file at a path, if it is one of this repository.
fn peek(path: &Path, repository: &Repository) -> Option<Credential> {
    let KeyFile { repository: owner, secret } = key_file::peek(path)?;
    owner.is_none_or(|owner| owner == repository.id()).then_some(Credential::KeyFile(secret))
}

/// Warns of everything that gave the old key and does not give the new one.
pub(super) fn warn_of_old(context: &Context, repository: &Repository, new: &NewKey) -> Outcome<()> {
    let must_give = match &new.file {
        Some(path) => format!("must name {}", absolute(path).display()),
        None => "must give the new key".to_owned(),
    };
    let warn = |what: &str, whatever: &str| {
        context.console.warning(&format!(
            "{what} opens nothing any more; {whatever} {must_give}, or it fails with code 12"
        ));
    };
    match context.access.credentials.choose_with_origin()? {
        Some((CredentialSource::KeyFile(path), place)) => {
            if let Some(old) = peek(path, repository)
                && !opens(repository, &old)?
            {
                let path = absolute(path);
                warn(
                    &format!("the key file {}", path.display()),
                    &format!("whatever names it as you did ({place})"),
                );
            }
        }
        Some((_, place)) => {
            warn("the old password", &format!("whatever gives it as you did ({place})"));
        }
        None if new.file.is_none() => context.console.notice(
            "commands that are given no key or password ask for the new one, or use AWS KMS, from now on",
        ),
        None => {}
    }
    warn_of_useless_default(context, repository)
}

/// Warns if the key file that commands find by themselves opens no slot.
pub(super) fn warn_of_useless_default(context: &Context, repository: &Repository) -> Outcome<()> {
    let Some(path) = context.access.directories.generated_key_file(repository.id()) else { return Ok(()) };
    let Some(credential) = peek(&path, repository) else { return Ok(()) };
    if !opens(repository, &credential)? {
        let path = path.display();
        context.console.warning(&format!(
            "{path}, which commands use if no key is given, opens nothing any more: put a key file that opens there, or \
             rename it"
        ));
    }
    Ok(())
}

/// Says whether a key opens a slot.
pub(super) fn opens(repository: &Repository, credential: &Credential) -> Outcome<bool> {
    Ok(slots::list(repository)?.iter().any(|slot| slot.opens_with(credential)))
}

/// Says whether commands find a key by themselves that is the same.
pub(super) fn is_found(context: &Context, repository: &Repository, credential: &Credential) -> bool {
    places(context, repository)
        .iter()
        .any(|path| peek(path, repository).is_some_and(|found| is_same(&found, credential)))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
