//! Which keys a repository has.

use std::collections::{BTreeMap, BTreeSet};

use icecore_format::{
    ids::{PackName, RecordName, RunId},
    layout::{self, IndexSpan, PackPlace},
};
use icecore_store::ObjectInfo;

/// Length of the name of a key slot in hexadecimal digits.
const SLOT_NAME_DIGITS: usize = 32;

/// Maximum number of foreign objects that are named; all are counted. A bucket may be full of them.
pub(crate) const FOREIGN_NAMED_MAX: usize = 5;

/// What a key denotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// The repository header.
    Header,
    /// A key slot.
    Slot,
    /// A snapshot.
    Snapshot(RunId),
    /// A pack directory.
    Directory(PackName),
    /// A pack.
    Pack(PackName, PackPlace),
    /// The record of a collection.
    Collection,
    /// An object that a repair has moved into quarantine.
    Quarantined(RunId),
    /// Copies of other objects.
    Index,
    /// A record of the log.
    Log(RecordName),
    /// An object that was written to test a server or a file system.
    Probe,
    /// Not part of a repository.
    Foreign,
}

/// Returns what a key denotes.
pub(crate) fn classify(key: &str) -> KeyForm {
    if key == layout::HEADER_KEY {
        return KeyForm::Header;
    }
    if let Some(name) = key.strip_prefix(layout::KEYS_PREFIX) {
        let valid = name.len() == SLOT_NAME_DIGITS && RunId::from_hex(name).is_ok();
        return if valid { KeyForm::Slot } else { KeyForm::Foreign };
    }
    if layout::is_probe_key(key) {
        return KeyForm::Probe;
    }
    if key.starts_with(layout::GC_PREFIX) {
        return layout::parse_collection_key(key).map_or(KeyForm::Foreign, |_| KeyForm::Collection);
    }
    if key.starts_with(layout::INDEX_PREFIX) {
        return IndexSpan::parse(key).map_or(KeyForm::Foreign, |_| KeyForm::Index);
    }
    if let Some(rest) = key.strip_prefix(layout::QUARANTINE_PREFIX) {
        let repair = rest.split_once('/').and_then(|(run, _)| RunId::from_hex(run).ok());
        return repair.map_or(KeyForm::Foreign, KeyForm::Quarantined);
    }
    let form = if key.starts_with(layout::SNAPSHOTS_PREFIX) {
        layout::parse_snapshot_key(key).map(KeyForm::Snapshot)
    } else if key.starts_with(layout::PACKS_PREFIX) {
        layout::parse_directory_key(key).map(KeyForm::Directory)
    } else if key.starts_with(layout::LOG_PREFIX) {
        layout::parse_log_key(key).map(KeyForm::Log)
    } else {
        PackPlace::parse(key).map(|(place, name)| KeyForm::Pack(name, place))
    };
    form.unwrap_or(KeyForm::Foreign)
}

/// A pack as the store lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedPack {
    /// Its location.
    pub(crate) place: PackPlace,
    /// Its length in bytes.
    pub(crate) bytes: u64,
}

/// Packs and directories of a repository as the store lists them, and objects that do not belong to it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Packs by name; more than one location for a name is wrong.
    pub(crate) packs: BTreeMap<PackName, Vec<ListedPack>>,
    /// Packs that have a directory.
    pub(crate) directories: BTreeSet<PackName>,
    /// Number and bytes of the objects that repairs have moved into quarantine, by repair.
    pub(crate) quarantined: BTreeMap<RunId, (u64, u64)>,
    /// Keys of the first foreign objects, at most [`FOREIGN_NAMED_MAX`].
    pub(crate) foreign: Vec<String>,
    /// Number of the others.
    pub(crate) foreign_more: u64,
}

impl Listing {
    /// Sorts a listing of the whole store.
    pub(crate) fn new(objects: Vec<ObjectInfo>) -> Self {
        let mut listing = Self::default();
        for ObjectInfo { key, size, .. } in objects {
            match classify(&key) {
                KeyForm::Pack(name, place) => {
                    listing.packs.entry(name).or_default().push(ListedPack { place, bytes: size });
                }
                KeyForm::Directory(name) => {
                    listing.directories.insert(name);
                }
                KeyForm::Quarantined(repair) => {
                    let (objects, bytes) = listing.quarantined.entry(repair).or_default();
                    *objects += 1;
                    *bytes = bytes.saturating_add(size);
                }
                KeyForm::Foreign if listing.foreign.len() < FOREIGN_NAMED_MAX => listing.foreign.push(key),
                KeyForm::Foreign => listing.foreign_more += 1,
                KeyForm::Probe
                | KeyForm::Header
                | KeyForm::Slot
                | KeyForm::Snapshot(_)
                | KeyForm::Collection
                | KeyForm::Index
                | KeyForm::Log(_) => {}
            }
        }
        listing
    }

    /// Returns the pack of this name in its right location.
    pub(crate) fn find(&self, name: PackName, place: PackPlace) -> Option<ListedPack> {
        self.packs.get(&name)?.iter().find(|pack| pack.place == place).copied()
    }
}

#[cfg(test)]
mod tests;
