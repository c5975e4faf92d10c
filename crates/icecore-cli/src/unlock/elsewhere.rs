//! Where the key file may be if this user has none: with somebody else, mostly, because of `sudo`.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use icecore_format::ids::RepositoryId;
use icecore_store::RepositoryLocation;

use crate::{
    context::Context,
    failure::{Failure, exit_status::ExitStatus},
    process::{
        directories::{Directories, User, users},
        environment_variables,
    },
};

/// Variables by which a program that changes the user says who it was before: by number, or by name.
const FORMER_USERS: [&str; 4] = ["SUDO_UID", "PKEXEC_UID", "SUDO_USER", "DOAS_USER"];

/// Makes the failure of a command that finds no key file for a repository that nothing else opens.
pub(super) fn not_found(context: &Context, repository: RepositoryId) -> Failure {
    let location = context.location().map(ToString::to_string).unwrap_or_default();
    let wanted = context.directories.generated_key_file(repository);
    let looked = match &wanted {
        Some(path) => format!("there is no {}", path.display()),
        None => "there is no home directory to look in".to_owned(),
    };
    let message = format!(
        "only a key file opens the repository {repository} at {location}, and none is given or found: {looked}"
    );
    let hint = match others(context, repository).first() {
        Some(Candidate { path, user, is_certain: true }) => {
            let path = path.display();
            format!("the key file of {user} is {path}: add --key-file {path}, or run the command as {user}")
        }
        Some(Candidate { path, user, is_certain: false }) => format!(
            "it may be {}, which this user cannot look at: run the command as {user}, or give a copy with --key-file",
            path.display()
        ),
        None => "give the key file with --key-file or ICECORE_KEY_FILE, or put a copy where it was looked for; `icecore \
                 init` said where it wrote the file"
            .to_owned(),
    };
    Failure::new(ExitStatus::WrongKey, message).hint(hint)
}

/// A place where the key file may be.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    path: PathBuf,
    user: String,
    /// The file is there, and not only perhaps.
    is_certain: bool,
}

/// Looks for the key file with those who may have made it: who was the user before `sudo`, the owner of the repository, root.
/// What is certain comes first.
fn others(context: &Context, repository: RepositoryId) -> Vec<Candidate> {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let owner = match context.location() {
        Ok(RepositoryLocation::Local(path)) => fs::metadata(path).ok().map(|metadata| metadata.uid()),
        _ => None,
    };
    let former = FORMER_USERS.iter().filter_map(|name| environment_variables::read(name));
    let own = rustix::process::geteuid().as_raw();
    let users = users(&passwd);
    let mut named: Vec<&User> = former.filter_map(|value| find(&users, &value)).collect();
    named.extend(owner.into_iter().chain([0]).filter_map(|id| users.iter().find(|user| user.id == id)));
    let mut candidates: Vec<Candidate> = Vec::new();
    for user in named.into_iter().filter(|user| user.id != own) {
        let Some(path) = Directories::of_home(&user.home).generated_key_file(repository) else { continue };
        let Some(is_certain) = presence(&path) else { continue };
        if candidates.iter().all(|candidate| candidate.path != path) {
            candidates.push(Candidate { path, user: user.name.to_string_lossy().into_owned(), is_certain });
        }
    }
    candidates.sort_by_key(|candidate| !candidate.is_certain);
    candidates
}

fn find<'a>(users: &'a [User], value: &OsStr) -> Option<&'a User> {
    let id: Option<u32> = str::from_utf8(value.as_bytes()).ok().and_then(|value| value.parse().ok());
    users.iter().find(|user| id.map_or(user.name == value, |id| user.id == id))
}

/// Says whether a file is there: surely, perhaps (this user may not look), or not at all.
fn presence(path: &Path) -> Option<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Some(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(false),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
