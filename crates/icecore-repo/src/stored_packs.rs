//! The packs that exist according to the store's listing; pack directories are compared with them.

use std::collections::HashMap;

use icecore_format::{
    directory::PackDirectory,
    ids::{GroupId, PackName},
    layout::{DATA_PREFIX, MANIFEST_PREFIX, PackPlace},
    seal::ObjectKind,
};
use icecore_store::ObjectInfo;

use crate::{error::RepoResult, repository::Repository};

/// Packs with their locations and lengths.
#[derive(Debug)]
pub(crate) struct StoredPacks {
    bytes: HashMap<(PackName, PackPlace), u64>,
}

impl StoredPacks {
    /// Lists all packs. Skips those of manifest nodes if they are given, which is so if all of `meta/` was
    /// listed.
    pub fn list(repository: &Repository, manifests: Option<&[&ObjectInfo]>) -> RepoResult<Self> {
        let mut found = Self { bytes: HashMap::new() };
        let list = |prefix| -> RepoResult<Vec<ObjectInfo>> {
            let environment = repository.environment();
            environment.proceed()?;
            Ok(environment.runtime.block_on(repository.store().list(prefix))?)
        };
        list(DATA_PREFIX)?.iter().for_each(|object| found.add(object));
        match manifests {
            Some(manifests) => manifests.iter().for_each(|object| found.add(object)),
            None => list(MANIFEST_PREFIX)?.iter().for_each(|object| found.add(object)),
        }
        Ok(found)
    }

    /// Adds a pack that was just uploaded.
    pub fn add_directory(&mut self, directory: &PackDirectory) {
        let place = PackPlace::of(directory.kind, directory.group);
        let bytes = directory.checksum.map_or(0, |checksum| checksum.bytes);
        self.bytes.insert((directory.pack, place), bytes);
    }

    fn add(&mut self, object: &ObjectInfo) {
        if let Ok((place, name)) = PackPlace::parse(&object.key) {
            self.bytes.insert((name, place), object.size);
        } else {
            tracing::debug!(key = ?object.key, "an object that is not a pack is ignored");
        }
    }

    /// Returns whether a pack exists as its directory describes it; a missing length matches any.
    pub fn has(&self, name: PackName, kind: ObjectKind, group: GroupId, bytes: Option<u64>) -> bool {
        let found = self.bytes.get(&(name, PackPlace::of(kind, group)));
        found.is_some_and(|found| bytes.is_none_or(|bytes| bytes == *found))
    }

    /// Returns the packs whose names are not in `known` (sorted), in the order of their names.
    pub fn not_among(&self, known: &[PackName]) -> Vec<(PackName, PackPlace)> {
        let mut others: Vec<_> =
            self.bytes.keys().filter(|(name, _)| known.binary_search(name).is_err()).copied().collect();
        others.sort_unstable();
        others
    }
}
