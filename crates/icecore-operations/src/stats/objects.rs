//! Objects by kind.

use std::collections::BTreeMap;

use icecore_format::layout::{
    DATA_PREFIX, GC_PREFIX, HEADER_KEY, INDEX_PREFIX, KEYS_PREFIX, LOG_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX,
    QUARANTINE_PREFIX, SNAPSHOTS_PREFIX,
};
use icecore_store::ObjectInfo;

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
    /// Returns the kind of an object by its key.
    pub(super) fn of(key: &str) -> Self {
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

/// Returns the kinds of objects that there are.
pub(super) fn sums(listed: &[ObjectInfo]) -> Vec<ObjectSums> {
    let mut sums: BTreeMap<ObjectClass, (u64, u64)> = BTreeMap::new();
    for object in listed {
        let of_class = sums.entry(ObjectClass::of(&object.key)).or_default();
        *of_class = (of_class.0 + 1, of_class.1 + object.size);
    }
    sums.into_iter().map(|(class, (objects, bytes))| ObjectSums { class, objects, bytes }).collect()
}

#[cfg(test)]
mod tests;
