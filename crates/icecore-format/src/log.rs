//! The log: records of completed and deleted snapshots, which refer to their predecessors by hash.

mod wire;

use self::wire::Wire;
use crate::{
    cbor::{decode_record, encode_record},
    entry::Time,
    error::{FormatError, FormatResult},
    ids::{RecordHash, RecordName, RunId, SnapshotDigest},
    keys::Keys,
    limits::{LOG_HOLDS_MAX, LOG_ITEMS_MAX, LOG_TEXT_BYTES_MAX},
    node::Totals,
    seal::{ObjectKind, Salt, open_object, seal_object},
    snapshot::Snapshot,
};

const WHAT: &str = "log record";

/// Reference to a record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordReference {
    /// Name of the record.
    pub name: RecordName,
    /// Hash of the stored object.
    pub hash: RecordHash,
}

/// A snapshot that was complete when the record was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompletedSnapshot {
    /// Run that created it.
    pub run: RunId,
    /// Hash of its immutable parts.
    pub digest: SnapshotDigest,
    /// Name of the source, for people; truncated to [`LOG_TEXT_BYTES_MAX`] bytes.
    pub source: String,
    /// Host of the run, for people; truncated likewise.
    pub host: String,
    /// Start of the run, for people.
    pub started: Time,
}

/// A snapshot that was deleted on purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletedSnapshot {
    /// Run that created it.
    pub run: RunId,
    /// Why, for people.
    pub reason: String,
    /// When, by the clock of the host that deleted it.
    pub time: Time,
}

/// A snapshot on which somebody has placed a hold. The snapshot object contains the hold, too. But somebody
/// who can write to the store could put back an older object without it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldSnapshot {
    /// Run that created it.
    pub run: RunId,
    /// When the hold ends, in seconds since 1970; none if it lasts until somebody releases it.
    pub until_seconds: Option<i64>,
    /// Why, for people; truncated to [`LOG_TEXT_BYTES_MAX`] bytes.
    pub reason: String,
}

/// One record of the log. It is written once and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Its name.
    pub name: RecordName,
    /// When it was written, by the writer's clock.
    pub written: Time,
    /// Host of the writer, for people.
    pub host: String,
    /// Program and version that wrote it, for people.
    pub program: String,
    /// The records that the writer had seen and that no record refers to yet, its own last record, and
    /// missing records that it had seen earlier.
    pub references: Vec<RecordReference>,
    /// Snapshots that were completed.
    pub completed: Vec<CompletedSnapshot>,
    /// Snapshots that were deleted.
    pub deleted: Vec<DeletedSnapshot>,
    /// Records whose loss an operator has accepted.
    pub lost_records: Vec<RecordReference>,
    /// Snapshots whose loss an operator has accepted.
    pub lost_snapshots: Vec<RunId>,
    /// Holds that were placed; at most [`LOG_HOLDS_MAX`].
    pub holds: Vec<HeldSnapshot>,
    /// Snapshots whose holds were released.
    pub releases: Vec<RunId>,
}

impl RecordHash {
    /// Hashes the stored bytes of a record.
    pub fn of(object: &[u8]) -> Self {
        Self(*blake3::hash(object).as_bytes())
    }
}

impl CompletedSnapshot {
    /// Describes a complete snapshot; returns none unless it is complete.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let origin = &snapshot.origin;
        Some(Self {
            run: origin.run,
            digest: snapshot_digest(snapshot)?,
            source: cut_text(&origin.source),
            host: cut_text(&origin.host),
            started: origin.started,
        })
    }
}

/// Returns the hash of the immutable parts of a complete snapshot; none unless it is complete.
pub fn snapshot_digest(snapshot: &Snapshot) -> Option<SnapshotDigest> {
    let (origin, completion) = (&snapshot.origin, snapshot.completion()?);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&origin.run.0).update(&origin.group.0).update(&completion.root_node.0);
    hasher.update(&[completion.root_level, origin.level as u8, origin.dedup as u8]);
    hasher.update(&origin.started.seconds.to_le_bytes()).update(&origin.started.nanoseconds.to_le_bytes());
    let Totals { entries, files, bytes } = completion.totals;
    for total in [entries, files, bytes] {
        hasher.update(&total.to_le_bytes());
    }
    for text in [origin.source.as_bytes(), origin.host.as_bytes(), &origin.root] {
        hasher.update(&(text.len() as u32).to_le_bytes()).update(text);
    }
    Some(SnapshotDigest(*hasher.finalize().as_bytes()))
}

/// Truncates a text to [`LOG_TEXT_BYTES_MAX`] bytes, between two characters.
pub fn cut_text(text: &str) -> String {
    text[..text.floor_char_boundary(LOG_TEXT_BYTES_MAX)].to_owned()
}

impl LogRecord {
    /// Makes a record without references and events.
    pub fn new(name: RecordName, written: Time, host: &str, program: &str) -> Self {
        Self {
            name,
            written,
            host: cut_text(host),
            program: cut_text(program),
            references: Vec::new(),
            completed: Vec::new(),
            deleted: Vec::new(),
            lost_records: Vec::new(),
            lost_snapshots: Vec::new(),
            holds: Vec::new(),
            releases: Vec::new(),
        }
    }

    /// Seals the record as an object.
    ///
    /// Fails if a list or a text exceeds the bounds of the format.
    pub fn seal(&self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        self.validate()?;
        seal_object(keys, ObjectKind::Log, salt, &encode_record(&Wire::from(self))?)
    }

    /// Opens the object that was stored under the name `name`.
    pub fn open(keys: &Keys, name: RecordName, object: &[u8]) -> FormatResult<Self> {
        Self::read(name, &open_object(keys, ObjectKind::Log, object)?)
    }

    /// Reads the record from the opened object that was stored under the name `name`.
    pub fn read(name: RecordName, record: &[u8]) -> FormatResult<Self> {
        let record = Self::try_from(decode_record::<Wire>(WHAT, record)?)?;
        record.validate()?;
        if record.name == name {
            Ok(record)
        } else {
            Err(FormatError::malformed(WHAT, "it does not match its name"))
        }
    }

    fn validate(&self) -> FormatResult<()> {
        let lengths = [
            self.references.len(),
            self.completed.len(),
            self.deleted.len(),
            self.lost_records.len(),
            self.lost_snapshots.len(),
            self.releases.len(),
        ];
        let completed = self.completed.iter().flat_map(|snapshot| [&snapshot.source, &snapshot.host]);
        let deleted = self.deleted.iter().map(|snapshot| &snapshot.reason);
        let holds = self.holds.iter().map(|hold| &hold.reason);
        let mut texts = [&self.host, &self.program].into_iter().chain(completed).chain(deleted).chain(holds);
        if lengths.iter().any(|length| *length > LOG_ITEMS_MAX)
            || self.holds.len() > LOG_HOLDS_MAX
            || texts.any(|text| text.len() > LOG_TEXT_BYTES_MAX)
        {
            return Err(FormatError::malformed(WHAT, "a text or a list is too long"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
