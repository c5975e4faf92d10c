//! All objects of a repository, and what is known of its packs.

use icecore_catalog::Catalog;
use icecore_prune::PackTable;
use icecore_repo::{
    error::{RepoError, RepoResult},
    index::read_directories,
    repository::Repository,
};
use icecore_store::ObjectInfo;

use super::{
    objects::{self, ObjectClass, ObjectSums},
    report::StatsDamage,
};

/// All objects of a repository.
pub(super) struct Inventory {
    pub objects: Vec<ObjectSums>,
    /// The packs. One whose directory cannot be read has none here.
    pub packs: PackTable,
    pub damage: Vec<StatsDamage>,
}

impl Inventory {
    /// Lists all objects, and brings the catalogue up to date with the pack directories.
    ///
    /// Snapshots must have been listed before: then all packs are listed that complete ones need.
    pub fn read(repository: &Repository, catalog: &mut Catalog) -> RepoResult<Self> {
        let environment = repository.environment();
        let listed = environment.runtime.block_on(repository.store().list("")).map_err(RepoError::from)?;
        let is_directory = |object: &ObjectInfo| ObjectClass::of(&object.key) == ObjectClass::Directories;
        let directories: Vec<ObjectInfo> =
            listed.iter().filter(|object| is_directory(object)).cloned().collect();
        let unreadable = read_directories(repository, catalog, &directories)?;
        let is_readable = |object: &&ObjectInfo| unreadable.iter().all(|(key, _)| *key != object.key);
        let packs = PackTable::of(listed.iter().filter(is_readable));
        let damage = unreadable.iter().map(|(key, error)| StatsDamage::new(key, error));
        Ok(Self { objects: objects::sums(&listed), packs, damage: damage.collect() })
    }
}
