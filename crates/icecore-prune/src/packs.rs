//! All packs that the store lists, by number.

use std::collections::BTreeMap;

use icecore_format::{
    ids::PackName,
    layout::{PackPlace, parse_directory_key},
};
use icecore_store::ObjectInfo;

/// A pack as the store lists it. Pack and directory are two objects, and each may be there without the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPack {
    /// Name of the pack.
    pub name: PackName,
    /// The pack object and where it is.
    pub pack: Option<(PackPlace, ObjectInfo)>,
    /// The pack directory.
    pub directory: Option<ObjectInfo>,
}

/// All packs that the store lists. The number of a pack is its position in the order of names; it means
/// nothing in another table.
#[derive(Clone, Debug, Default)]
pub struct PackTable {
    packs: Vec<ListedPack>,
    /// Pack objects whose name is also that of another one at a different location: they are left alone.
    pub duplicates: Vec<ObjectInfo>,
}

impl PackTable {
    /// Makes a table of the objects below `meta/packs/`, `meta/manifest/` and `data/`; other objects are left
    /// out.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a ObjectInfo>) -> Self {
        let mut packs: BTreeMap<PackName, ListedPack> = BTreeMap::new();
        let mut duplicates = Vec::new();
        let empty = |name| ListedPack { name, pack: None, directory: None };
        for object in objects {
            if let Ok(name) = parse_directory_key(&object.key) {
                packs.entry(name).or_insert_with(|| empty(name)).directory = Some(object.clone());
            } else if let Ok((place, name)) = PackPlace::parse(&object.key) {
                let listed = packs.entry(name).or_insert_with(|| empty(name));
                if listed.pack.is_some() {
                    duplicates.push(object.clone());
                } else {
                    listed.pack = Some((place, object.clone()));
                }
            }
        }
        Self { packs: packs.into_values().collect(), duplicates }
    }

    /// Returns a table without the packs that `is_lost` says yes to; they have other numbers there.
    #[must_use]
    pub fn without(&self, is_lost: impl Fn(PackName) -> bool) -> Self {
        let packs = self.packs.iter().filter(|pack| !is_lost(pack.name)).cloned();
        Self { packs: packs.collect(), duplicates: self.duplicates.clone() }
    }

    /// Returns the number of packs.
    pub fn len(&self) -> usize {
        self.packs.len()
    }

    /// Says whether there are no packs.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// Returns the number of a pack.
    pub fn number(&self, name: PackName) -> Option<u32> {
        self.packs.binary_search_by_key(&name, |pack| pack.name).ok().map(|number| number as u32)
    }

    /// Returns a pack by its number.
    ///
    /// # Panics
    /// When the number is of another table.
    pub fn get(&self, number: u32) -> &ListedPack {
        &self.packs[number as usize]
    }

    /// Returns all packs with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &ListedPack)> {
        (0..).zip(&self.packs)
    }
}

impl ListedPack {
    /// Returns the length of the pack object in bytes; 0 if it is not listed.
    pub fn bytes(&self) -> u64 {
        self.pack.as_ref().map_or(0, |(_, object)| object.size)
    }

    /// Returns the lengths of both objects in bytes, as far as they are listed.
    pub fn stored_bytes(&self) -> u64 {
        self.bytes() + self.directory.as_ref().map_or(0, |object| object.size)
    }
}

#[cfg(test)]
mod tests;
