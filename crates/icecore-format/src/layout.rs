//! Keys of the objects of a repository, relative to its root.

use crate::{
    error::FormatResult,
    ids::{CollectionNumber, GroupId, PackName, RecordName, RunId},
    object_kind::ObjectKind,
};

/// Key of the repository header.
pub const HEADER_KEY: &str = "icecore";
/// Prefix of all objects except the header and the data packs.
pub const META_PREFIX: &str = "meta/";
/// Prefix of key slots.
pub const KEYS_PREFIX: &str = "meta/keys/";
/// Prefix of snapshots.
pub const SNAPSHOTS_PREFIX: &str = "meta/snapshots/";
/// Prefix of packs of manifest nodes.
pub const MANIFEST_PREFIX: &str = "meta/manifest/";
/// Prefix of pack directories.
pub const PACKS_PREFIX: &str = "meta/packs/";
/// Prefix of index objects: copies of other objects below `meta/`.
pub const INDEX_PREFIX: &str = "meta/index/";
/// Prefix of the records of collections.
pub const GC_PREFIX: &str = "meta/gc/";
/// Prefix of objects that repairs have put aside.
pub const QUARANTINE_PREFIX: &str = "meta/quarantine/";
/// Prefix of the log of completed and deleted snapshots.
pub const LOG_PREFIX: &str = "meta/log/";
/// Beginning of the keys of small objects for testing a server or a file system.
const PROBE: &str = "probe";
/// Prefix of data packs: the only one that may ever be cold.
pub const DATA_PREFIX: &str = "data/";

/// Returns whether an object was written to test a server (`probe/NAME`) or a file system (`probe-NAME`,
/// which needs no directory). It is not part of the repository. A user who may not delete leaves it behind,
/// and so does a program that was killed.
pub fn is_probe_key(key: &str) -> bool {
    let name = key.strip_prefix(PROBE).and_then(|rest| rest.strip_prefix(['/', '-']));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

/// Returns the key of the snapshot of a run.
pub fn snapshot_key(run: RunId) -> String {
    format!("{SNAPSHOTS_PREFIX}{run}")
}

/// Reads the run from the key of a snapshot.
pub fn parse_snapshot_key(key: &str) -> FormatResult<RunId> {
    RunId::from_hex(key.strip_prefix(SNAPSHOTS_PREFIX).unwrap_or_default())
}

/// Returns the key under which the repair with the name `run` puts the object of `key` aside.
pub fn quarantine_key(run: RunId, key: &str) -> String {
    format!("{QUARANTINE_PREFIX}{run}/{key}")
}

/// Returns the key of a pack directory.
pub fn directory_key(pack: PackName) -> String {
    format!("{PACKS_PREFIX}{pack}")
}

/// Reads the pack's name from the key of its directory.
pub fn parse_directory_key(key: &str) -> FormatResult<PackName> {
    PackName::parse(key.strip_prefix(PACKS_PREFIX).unwrap_or_default())
}

/// Returns the key of a record of the log.
pub fn log_key(record: RecordName) -> String {
    format!("{LOG_PREFIX}{record}")
}

/// Reads the record's name from its key.
pub fn parse_log_key(key: &str) -> FormatResult<RecordName> {
    RecordName::parse(key.strip_prefix(LOG_PREFIX).unwrap_or_default())
}

/// Returns the key of the record of a collection.
pub fn collection_key(number: CollectionNumber) -> String {
    format!("{GC_PREFIX}{number}")
}

/// Reads the number of a collection from the key of its record.
pub fn parse_collection_key(key: &str) -> FormatResult<CollectionNumber> {
    CollectionNumber::parse(key.strip_prefix(GC_PREFIX).unwrap_or_default())
}

/// A span of times of the store's clock, in milliseconds since 1970: after the first, up to the second. An
/// index object contains copies of objects that were written in this span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexSpan {
    /// The time just before the span.
    pub after: u64,
    /// The last time of the span.
    pub until: u64,
}

impl IndexSpan {
    /// Returns the key of the index object.
    pub fn key(self) -> String {
        format!("{INDEX_PREFIX}{:012x}-{:012x}", self.after, self.until)
    }

    /// Reads the times from the key of an index object; nothing if it is not one.
    pub fn parse(key: &str) -> Option<Self> {
        let (after, until) = key.strip_prefix(INDEX_PREFIX)?.split_once('-')?;
        let [after, until] = [after, until].map(|digits| {
            let is_time =
                digits.len() == 12 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            is_time.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        });
        Some(Self { after: after?, until: until? }).filter(|span| span.after < span.until)
    }

    /// Returns whether a time is in the span.
    pub fn contains(self, milliseconds: u64) -> bool {
        self.after < milliseconds && milliseconds <= self.until
    }
}

/// Returns the key of a pack: data packs are stored under their group, packs of manifest nodes are not.
pub fn pack_key(kind: ObjectKind, group: GroupId, pack: PackName) -> String {
    PackPlace::of(kind, group).key(pack)
}

/// Where a pack is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackPlace {
    /// Among the packs of manifest nodes.
    Manifest,
    /// Among the data packs of a group.
    Data(GroupId),
}

impl PackPlace {
    /// Returns where packs of this kind and group are stored.
    pub fn of(kind: ObjectKind, group: GroupId) -> Self {
        if kind == ObjectKind::Manifest { Self::Manifest } else { Self::Data(group) }
    }

    /// Returns the kind of the packs that are stored there.
    pub fn kind(self) -> ObjectKind {
        match self {
            Self::Manifest => ObjectKind::Manifest,
            Self::Data(_) => ObjectKind::Data,
        }
    }

    /// Returns the key of a pack that is stored there.
    pub fn key(self, pack: PackName) -> String {
        match self {
            Self::Manifest => format!("{MANIFEST_PREFIX}{pack}"),
            Self::Data(group) => format!("{DATA_PREFIX}{group}/{pack}"),
        }
    }

    /// Reads where a pack is stored, and its name, from its key.
    pub fn parse(key: &str) -> FormatResult<(Self, PackName)> {
        if let Some(name) = key.strip_prefix(MANIFEST_PREFIX) {
            return Ok((Self::Manifest, PackName::parse(name)?));
        }
        let (group, name) =
            key.strip_prefix(DATA_PREFIX).and_then(|rest| rest.split_once('/')).unwrap_or_default();
        Ok((Self::Data(GroupId::from_hex(group)?), PackName::parse(name)?))
    }
}

/// Returns the key of a key slot whose object has the given BLAKE3 hash: slots are named by their content.
pub fn slot_key(slot_bytes: &[u8]) -> String {
    let hash = blake3::hash(slot_bytes).to_hex();
    format!("{KEYS_PREFIX}{}", &hash.as_str()[..32])
}
