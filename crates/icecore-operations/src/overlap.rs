//! The repository and the cache as directories of this machine: a backup must neither contain them nor be
//! inside them; a restore must neither write into them nor delete them.

use std::path::{Path, PathBuf};

use icecore_access::{RepositoryAccess, directories::KEYS_DIRECTORY};
use icecore_format::ids::RepositoryId;
use icecore_fs::stat_root;
use icecore_store::RepositoryLocation;

/// Device and inode.
type Identity = (u64, u64);

/// Two directories overlap that must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overlap {
    /// A source is the repository or inside it.
    #[error("{} is inside the repository {}", .source_path.display(), .repository.display())]
    Source {
        /// Source as the user typed it.
        source_path: PathBuf,
        /// Directory of the repository.
        repository: PathBuf,
    },
    /// The target of a restore is the repository or inside it.
    #[error("the target {} is inside the repository {}", .target.display(), .repository.display())]
    Target {
        /// Target as the user typed it.
        target: PathBuf,
        /// Directory of the repository.
        repository: PathBuf,
    },
}

/// A directory that a backup leaves out completely, because it is Icecore's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnDirectory {
    /// Its kind.
    pub kind: OwnDirectoryKind,
    /// Its real path.
    pub path: PathBuf,
    /// Its device and inode.
    pub identity: (u64, u64),
}

/// Kind of an own directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnDirectoryKind {
    /// The repository.
    Repository,
    /// The catalogue of the repository.
    Catalog,
}

/// Refuses a source that is the repository or inside it.
pub fn refuse_source(access: &RepositoryAccess, path: &Path, real: &Path) -> Result<(), Overlap> {
    match repository_directory(access) {
        Some((repository, identity)) if is_within(real, identity) => {
            Err(Overlap::Source { source_path: path.to_owned(), repository })
        }
        _ => Ok(()),
    }
}

/// Returns the objects that a restore neither deletes nor overwrites: the repository, the given key and
/// password files, and the user's key files, cache and state.
pub fn protected(access: &RepositoryAccess) -> Vec<Identity> {
    let directories = &access.directories;
    let own = [
        access.cache_directory().map(Path::to_owned),
        directories.state.clone(),
        directories.configuration.as_ref().map(|configuration| configuration.join(KEYS_DIRECTORY)),
    ];
    let own = own.into_iter().flatten().chain(access.credentials.files().map(Path::to_owned));
    let repository = repository_directory(access).map(|(_, identity)| identity);
    repository.into_iter().chain(own.filter_map(|path| identity_of(&path))).collect()
}

/// Returns the directories that a backup leaves out completely, wherever they are.
pub fn own_directories(access: &RepositoryAccess, repository: RepositoryId) -> Vec<OwnDirectory> {
    let catalog = access.catalog_directory(repository).and_then(|path| with_identity(&path));
    let own =
        [(OwnDirectoryKind::Repository, repository_directory(access)), (OwnDirectoryKind::Catalog, catalog)];
    let own = own
        .into_iter()
        .filter_map(|(kind, found)| found.map(|(path, identity)| OwnDirectory { kind, path, identity }));
    own.collect()
}

/// Refuses a target in the repository.
pub fn refuse_target(access: &RepositoryAccess, target: &Path) -> Result<(), Overlap> {
    let Some((repository, identity)) = repository_directory(access) else { return Ok(()) };
    let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
    let Some(existing) = absolute.ancestors().find_map(|path| path.canonicalize().ok()) else {
        return Ok(());
    };
    if is_within(&existing, identity) {
        return Err(Overlap::Target { target: target.to_owned(), repository });
    }
    Ok(())
}

/// Returns whether a real path is the directory or inside it. This compares identities, because a directory
/// can be mounted at several paths.
fn is_within(real: &Path, directory: Identity) -> bool {
    real.ancestors().any(|path| identity_of(path) == Some(directory))
}

fn repository_directory(access: &RepositoryAccess) -> Option<(PathBuf, Identity)> {
    match access.location() {
        Ok(RepositoryLocation::Local(path)) => with_identity(path),
        _ => None,
    }
}

/// Returns the real path of an existing directory, and its identity.
fn with_identity(path: &Path) -> Option<(PathBuf, Identity)> {
    let real = path.canonicalize().ok()?;
    let identity = identity_of(&real)?;
    Some((real, identity))
}

fn identity_of(path: &Path) -> Option<Identity> {
    stat_root(path, true).ok().map(|found| (found.device, found.inode))
}
