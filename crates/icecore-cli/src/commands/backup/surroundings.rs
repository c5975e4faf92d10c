//! The repository and the cache as directories of this machine: a backup must contain neither, and lie in neither.

use std::path::{Path, PathBuf};

use icecore_fs::stat_root;
use icecore_repo::repository::Repository;
use icecore_store::RepositoryLocation;

use super::sources::{PlannedSource, SourceKind};
use crate::{
    console::Verbosity,
    context::Context,
    failure::{Failure, Outcome},
};

type Identity = (u64, u64);

/// Refuses sources that are the repository or lie in it.
pub(crate) fn refuse_sources_in_repository(context: &Context, planned: &[PlannedSource]) -> Outcome<()> {
    let Some((place, identity)) = repository_directory(context) else { return Ok(()) };
    for source in planned {
        let SourceKind::Tree { path, real } = &source.kind else { continue };
        // By identity, for the same directory can be mounted in several places.
        if real.ancestors().any(|directory| identity_of(directory) == Some(identity)) {
            let message = format!("{} lies in the repository {}", path.display(), place.display());
            return Err(Failure::usage(message)
                .hint("a repository is copied with its files, not backed up into itself"));
        }
    }
    Ok(())
}

/// Returns the directories that are left out wholly, and tells of those that lie in the source.
pub(crate) fn skip(context: &Context, repository: &Repository, source: &PlannedSource) -> Vec<Identity> {
    let SourceKind::Tree { real, .. } = &source.kind else { return Vec::new() };
    let catalog = context.catalog_directory(repository.id()).and_then(|path| with_identity(&path));
    // A home directory has its cache in it every time.
    let verbose = context.console.verbosity >= Verbosity::Verbose;
    let own = [(repository_directory(context), "the repository", true), (catalog, "the catalogue", verbose)];
    let own = own
        .into_iter()
        .filter_map(|(place, what, tells)| place.map(|(path, identity)| (path, identity, what, tells)));
    own.map(|(path, identity, what, tells)| {
        if path.starts_with(real) && tells {
            context.console.notice(&format!("{what} {} lies in the source and is left out", path.display()));
        }
        identity
    })
    .collect()
}

fn repository_directory(context: &Context) -> Option<(PathBuf, Identity)> {
    match context.location() {
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
