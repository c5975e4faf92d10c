//! All objects of a repository, by kind.

use std::collections::BTreeMap;

use icecore_catalog::Catalog;
use icecore_format::layout::{
    DATA_PREFIX, GC_PREFIX, HEADER_KEY, INDEX_PREFIX, KEYS_PREFIX, LOG_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX,
    QUARANTINE_PREFIX, SNAPSHOTS_PREFIX,
};
use icecore_prune::PackTable;
use icecore_repo::{
    error::{RepoError, RepoResult},
    index::read_directories,
    repository::Repository,
};
use icecore_store::ObjectInfo;

use super::report::StatsDamage;

/// Kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectClass {
    /// Packs with contents of files.
    DataPacks,
    /// Packs with manifests.
    ManifestPacks,
    /// Pack directories.
    Directories,
    /// Copies of other small objects.
    Index,
    /// Snapshots in every state.
    Snapshots,
    /// Records of the log.
    Log,
    /// Records of collections.
    Collections,
    /// Key slots.
    Keys,
    /// What repairs have put aside.
    Quarantine,
    /// The header.
    Header,
    /// Everything else.
    Other,
}

/// Number and length of the objects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectSums {
    /// The kind.
    pub class: ObjectClass,
    /// Number of objects.
    pub objects: u64,
    /// Their length in bytes.
    pub bytes: u64,
}

impl ObjectClass {
    fn of(key: &str) -> Self {
        let prefixes = [
            (DATA_PREFIX, Self::DataPacks),
            (MANIFEST_PREFIX, Self::ManifestPacks),
            (PACKS_PREFIX, Self::Directories),
            (INDEX_PREFIX, Self::Index),
            (SNAPSHOTS_PREFIX, Self::Snapshots),
            (LOG_PREFIX, Self::Log),
            (GC_PREFIX, Self::Collections),
            (KEYS_PREFIX, Self::Keys),
            (QUARANTINE_PREFIX, Self::Quarantine),
        ];
        if key == HEADER_KEY {
            return Self::Header;
        }
        let found = prefixes.into_iter().find(|(prefix, _)| key.starts_with(prefix));
        found.map_or(Self::Other, |(_, class)| class)
    }
}

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
        Ok(Self { objects: sums(&listed), packs, damage: damage.collect() })
    }
}

fn sums(listed: &[ObjectInfo]) -> Vec<ObjectSums> {
    let mut sums: BTreeMap<ObjectClass, (u64, u64)> = BTreeMap::new();
    for object in listed {
        let of_class = sums.entry(ObjectClass::of(&object.key)).or_default();
        *of_class = (of_class.0 + 1, of_class.1 + object.size);
    }
    sums.into_iter().map(|(class, (objects, bytes))| ObjectSums { class, objects, bytes }).collect()
}

impl StatsDamage {
    pub(super) fn new(object: &str, error: &dyn std::error::Error) -> Self {
        Self { object: object.to_owned(), reason: crate::text::reason(error) }
    }
}

#[cfg(test)]
mod tests;
