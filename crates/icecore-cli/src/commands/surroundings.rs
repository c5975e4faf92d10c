//! The repository and the cache as directories of this machine: a backup must contain neither, and lie in neither; a restore
//! must not write into them, and not delete them.

use std::path::{Path, PathBuf};

use icecore_access::directories::KEYS_DIRECTORY;
use icecore_format::ids::RepositoryId;
use icecore_fs::stat_root;
use icecore_store::RepositoryLocation;

use crate::{
    context::Context,
    failure::{Failure, Outcome},
    surface::console::Verbosity,
};

/// Device and inode.
type Identity = (u64, u64);

/// Refuses a source that is the repository or lies in it.
pub(crate) fn refuse_source(context: &Context, path: &Path, real: &Path) -> Outcome<()> {
    let Some((place, identity)) = repository_directory(context) else { return Ok(()) };
    if !is_within(real, identity) {
        return Ok(());
    }
    Err(Failure::usage(format!("{} lies in the repository {}", path.display(), place.display()))
        .hint("a repository is copied with its files, not backed up into itself"))
}

/// Returns what a restore neither deletes nor overwrites: the repository, the key and password files that were given, and the
/// user's key files, cache and state.
pub(crate) fn protected(context: &Context) -> Vec<Identity> {
    let directories = &context.access.directories;
    let own = [
        context.access.cache_directory().map(Path::to_owned),
        directories.state.clone(),
        directories.configuration.as_ref().map(|configuration| configuration.join(KEYS_DIRECTORY)),
    ];
    let own = own.into_iter().flatten().chain(context.access.credentials.files().map(Path::to_owned));
    let repository = repository_directory(context).map(|(_, identity)| identity);
    repository.into_iter().chain(own.filter_map(|path| identity_of(&path))).collect()
}

/// Returns the directories that are left out wholly, and tells of those that lie in the source.
pub(crate) fn skip(context: &Context, repository: RepositoryId, source: &Path) -> Vec<Identity> {
    let catalog = context.access.catalog_directory(repository).and_then(|path| with_identity(&path));
    // A home directory has its cache in it every time.
    let verbose = context.console.verbosity >= Verbosity::Verbose;
    let own = [(repository_directory(context), "the repository", true), (catalog, "the catalogue", verbose)];
    let own = own
        .into_iter()
        .filter_map(|(place, what, tells)| place.map(|(path, identity)| (path, identity, what, tells)));
    own.map(|(path, identity, what, tells)| {
        if path.starts_with(source) && tells {
            context.console.notice(&format!("{what} {} lies in the source and is left out", path.display()));
        }
        identity
    })
    .collect()
}

/// Refuses a target in the repository.
pub(crate) fn refuse_target(context: &Context, target: &Path) -> Outcome<()> {
    let Some((place, identity)) = repository_directory(context) else { return Ok(()) };
    let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
    let Some(existing) = absolute.ancestors().find_map(|path| path.canonicalize().ok()) else {
        return Ok(());
    };
    let (shown, place_shown) = (target.display(), place.display());
    if is_within(&existing, identity) {
        return Err(Failure::usage(format!("the target {shown} lies in the repository {place_shown}"))
            .hint("choose another directory"));
    }
    Ok(())
}

/// Says whether a real path is a certain directory or lies in it; by identity, for the same directory can be mounted in
/// several places.
fn is_within(real: &Path, directory: Identity) -> bool {
    real.ancestors().any(|path| identity_of(path) == Some(directory))
}

fn repository_directory(context: &Context) -> Option<(PathBuf, Identity)> {
    match context.access.location() {
        Ok(RepositoryLocation::Local(path)) => with_identity(path),
        _ => None,
    }
}

/// Returns the real path of a directory that exists, and its identity.
fn with_identity(path: &Path) -> Option<(PathBuf, Identity)> {
    let real = path.canonicalize().ok()?;
    let identity = identity_of(&real)?;
    Some((real, identity))
}

fn identity_of(path: &Path) -> Option<Identity> {
    stat_root(path, true).ok().map(|found| (found.device, found.inode))
}
