//! The packs that are really there, as the store lists them: what directories say of packs is held against it.

use std::collections::HashMap;

use icecore_format::{
    ids::{GroupId, PackName},
    layout::{DATA_PREFIX, MANIFEST_PREFIX, PackPlace},
    seal::ObjectKind,
};

use crate::{error::RepoResult, repository::Repository};

/// Packs with their places and lengths.
#[derive(Debug)]
pub(crate) struct StoredPacks {
    bytes: HashMap<(PackName, PackPlace), u64>,
}

impl StoredPacks {
    /// Lists all packs.
    pub fn list(repository: &Repository) -> RepoResult<Self> {
        let environment = repository.environment();
        let mut bytes = HashMap::new();
        for prefix in [DATA_PREFIX, MANIFEST_PREFIX] {
            environment.proceed()?;
            for object in environment.runtime.block_on(repository.store().list(prefix))? {
                let Ok((place, name)) = PackPlace::parse(&object.key) else {
                    tracing::debug!(key = ?object.key, "foreign object among the packs");
                    continue;
                };
                bytes.insert((name, place), object.size);
            }
        }
        Ok(Self { bytes })
    }

    /// Says whether a pack is there as its directory describes it; a length of none fits any.
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
