//! Collections: records of the packs that are about to be removed, which writers obey (decision 0024).

mod condemned;
mod wire;

pub use self::condemned::Condemned;
use crate::{
    error::{FormatError, FormatResult},
    ids::{CollectionNumber, GroupId, PackName, RunId},
    keys::Keys,
    layout::pack_key,
    limits::{
        COLLECTION_PACKS_MAX, COLLECTION_RUNS_MAX, COLLECTION_SNAPSHOTS_MAX, COLLECTION_VERSION_BYTES_MAX,
        TEXT_BYTES_MAX,
    },
    seal::{ObjectKind, Salt, open_object, seal_object},
    time::Time,
};

const WHAT: &str = "collection record";

/// State of a collection; every change of it is a compare-and-swap of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CollectionState {
    /// Nothing is removed yet, and packs and snapshots may be taken out of the record.
    Condemned = 0,
    /// The packs and snapshots are being removed: it is too late to bring one back.
    Sweeping = 1,
}

/// A pack that a collection removes, as listed by the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedPack {
    /// Name of the pack.
    pub name: PackName,
    /// Kind of the pack: data or manifest.
    pub kind: ObjectKind,
    /// Group of the pack. If the group is unknown (for a pack of manifest nodes without a directory), the run
    /// of the pack.
    pub group: GroupId,
    /// Length of the pack object in bytes; 0 if it was not listed.
    pub bytes: u64,
    /// The store's version of the pack object; none if the object was not listed.
    pub pack_version: Option<String>,
    /// The store's version of the pack directory; none if the object was not listed.
    pub directory_version: Option<String>,
    /// Snapshots need chunks of the pack, and other packs hold copies of all these chunks.
    pub is_repacked: bool,
}

/// A run that somebody else ended. Except for the usable ones, its packs count as missing, even if it uploads
/// them later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRun {
    /// The run.
    pub run: RunId,
    /// Numbers of its packs that may be used, in ascending order.
    pub usable: Vec<u32>,
}

/// The record of a collection: object `meta/gc/<number>`.
///
/// All lists are sorted and contain no item twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRecord {
    /// Number of the collection.
    pub number: CollectionNumber,
    /// State.
    pub state: CollectionState,
    /// Run that created the record.
    pub run: RunId,
    /// When it was created, by that run's clock; for people.
    pub written: Time,
    /// Host of that run, for people.
    pub host: String,
    /// Packs that the collection removes, by name.
    pub packs: Vec<CollectedPack>,
    /// Snapshots in state *deleted* whose objects the collection removes.
    pub deleted: Vec<RunId>,
    /// Runs that were pending when this list was made, which happens after the record is created; none until
    /// then.
    pub waiting: Option<Vec<RunId>>,
    /// Dead runs; those of earlier records that still count are repeated.
    pub dead_runs: Vec<DeadRun>,
    /// Runs without a snapshot object that still have packs; repeated likewise.
    pub cleared_runs: Vec<RunId>,
}

impl CollectedPack {
    /// Returns the key of the pack object.
    pub fn key(&self) -> String {
        pack_key(self.kind, self.group, self.name)
    }

    fn validate(&self) -> FormatResult<()> {
        if !matches!(self.kind, ObjectKind::Data | ObjectKind::Manifest) {
            return Err(FormatError::malformed(WHAT, "a pack of an unknown kind"));
        }
        let versions = [&self.pack_version, &self.directory_version];
        if versions.iter().all(|version| version.is_none()) {
            return Err(FormatError::malformed(WHAT, "a pack of which no object was listed"));
        }
        let is_wrong = |version: &String| version.is_empty() || version.len() > COLLECTION_VERSION_BYTES_MAX;
        if versions.into_iter().flatten().any(is_wrong) {
            return Err(FormatError::malformed(WHAT, "a version of an object is empty or too long"));
        }
        Ok(())
    }
}

impl CollectionRecord {
    /// Seals the record as an object.
    ///
    /// Fails if a list is not sorted, or something exceeds the bounds of the format.
    pub fn seal(&self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        self.validate()?;
        seal_object(keys, ObjectKind::Collection, salt, &wire::encode(self)?)
    }

    /// Opens the record of the collection with this number.
    ///
    /// An unknown state has its own error, [`FormatError::UnknownState`].
    pub fn open(keys: &Keys, number: CollectionNumber, object: &[u8]) -> FormatResult<Self> {
        Self::read(number, &open_object(keys, ObjectKind::Collection, object)?)
    }

    /// Reads the record of the collection with this number from the opened object.
    pub fn read(number: CollectionNumber, record: &[u8]) -> FormatResult<Self> {
        let record = wire::decode(record)?;
        record.validate()?;
        if record.number == number {
            Ok(record)
        } else {
            Err(FormatError::malformed(WHAT, "it is the record of another collection"))
        }
    }

    /// Returns whether the collection removes a pack.
    pub fn names_pack(&self, pack: PackName) -> bool {
        self.packs.binary_search_by_key(&pack, |collected| collected.name).is_ok()
    }

    /// Returns whether the collection removes the snapshot of a run.
    pub fn names_snapshot(&self, run: RunId) -> bool {
        self.deleted.binary_search(&run).is_ok()
    }

    fn validate(&self) -> FormatResult<()> {
        let usable = self.dead_runs.iter().map(|dead| dead.usable.len()).sum();
        let waiting = self.waiting.as_deref().unwrap_or_default();
        for (what, found, maximum) in [
            ("length of the host in a collection record", self.host.len(), TEXT_BYTES_MAX),
            ("number of packs in a collection record", self.packs.len(), COLLECTION_PACKS_MAX),
            ("number of snapshots in a collection record", self.deleted.len(), COLLECTION_SNAPSHOTS_MAX),
            ("number of waiting runs in a collection record", waiting.len(), COLLECTION_SNAPSHOTS_MAX),
            ("number of dead runs in a collection record", self.dead_runs.len(), COLLECTION_RUNS_MAX),
            ("number of usable packs in a collection record", usable, COLLECTION_RUNS_MAX),
            ("number of cleared runs in a collection record", self.cleared_runs.len(), COLLECTION_RUNS_MAX),
        ] {
            if found > maximum {
                let (found, maximum) = (found as u64, maximum as u64);
                return Err(FormatError::OutOfBounds { what, found, minimum: 0, maximum });
            }
        }
        let is_sorted = rises(self.packs.iter().map(|pack| pack.name))
            && rises(&self.deleted)
            && rises(waiting)
            && rises(self.dead_runs.iter().map(|dead| dead.run))
            && self.dead_runs.iter().all(|dead| rises(&dead.usable))
            && rises(&self.cleared_runs);
        if !is_sorted {
            return Err(FormatError::malformed(WHAT, "a list is not sorted, or has something twice"));
        }
        self.packs.iter().try_for_each(CollectedPack::validate)
    }
}

/// Returns whether each item is greater than the one before it.
fn rises<T: PartialOrd>(items: impl IntoIterator<Item = T>) -> bool {
    items.into_iter().is_sorted_by(|left, right| left < right)
}

#[cfg(test)]
mod tests;
