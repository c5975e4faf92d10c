//! Snapshots: lease, fence and commit record of a run in one object.

mod wire;

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use self::wire::SnapshotRecord;
use crate::{
    cbor::{decode_record, encode_record},
    entry::Time,
    error::{FormatError, FormatResult},
    ids::{ChunkId, GroupId, RepositoryId, RunId},
    keys::Keys,
    limits::{LEFT_OUT_BYTES_MAX, LEFT_OUT_ITEMS_MAX, SEQUENCE_MAX, TAGS_MAX, TEXT_BYTES_MAX},
    node::Totals,
    seal::{ObjectKind, Salt, open_object, seal_object},
};

const WHAT: &str = "snapshot";

/// Which files a backup reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Level {
    /// Every file is read again.
    Full = 0,
    /// Files that changed since the previous snapshot are read.
    Incremental = 1,
    /// Files that changed since the last full are read.
    Differential = 2,
}

/// Which packs a snapshot may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DedupScope {
    /// Packs of the whole repository.
    Repository = 0,
    /// Packs of the snapshot's own group only.
    Group = 1,
}

/// Where a snapshot was made, which is the same for all copies of it in other repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotIdentity {
    /// Repository in which the snapshot was made.
    pub repository: RepositoryId,
    /// Run that created it.
    pub run: RunId,
}

/// Who creates a snapshot, of what, and how; known when the run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOrigin {
    /// Run that creates the snapshot, which also names it.
    pub run: RunId,
    /// Name of the source.
    pub source: String,
    /// Host on which the run runs.
    pub host: String,
    /// Root of the source on that host, or the name of a stream; bytes as in the system.
    pub root: Vec<u8>,
    /// Command whose output was stored, with its arguments, when the source is a command.
    pub command: Vec<String>,
    /// Start of the run by the writer's clock.
    pub started: Time,
    /// Level of the backup.
    pub level: Level,
    /// Which packs the snapshot may refer to.
    pub dedup: DedupScope,
    /// Group into which the run writes packs: the run of the last full (itself for a full).
    pub group: GroupId,
    /// Snapshot that changes were detected against; none for the first one of a source.
    pub base: Option<RunId>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Program and version that created the snapshot.
    pub program: String,
    /// Number in the order of the source's snapshots: one more than the largest that the run saw for the
    /// source. 0 if the program did not number snapshots yet; these come first, in the order of their runs.
    pub sequence: u64,
    /// The original in another repository, if this snapshot is a copy. If it was copied several times, this
    /// is the very first one.
    pub copy_of: Option<SnapshotIdentity>,
}

/// Figures about a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotStatistics {
    /// Files that were not in the base.
    #[n(0)]
    pub files_new: u64,
    /// Files whose content or metadata differs from the base.
    #[n(1)]
    pub files_changed: u64,
    /// Files that did not change since the base.
    #[n(2)]
    pub files_unchanged: u64,
    /// Bytes read from the source.
    #[n(3)]
    pub bytes_read: u64,
    /// Bytes of data chunks that the repository did not have, before compression.
    #[n(4)]
    pub bytes_new: u64,
    /// Bytes of all uploaded packs and pack directories.
    #[n(5)]
    pub bytes_stored: u64,
    /// Data chunks that the repository did not have.
    #[n(6)]
    pub chunks_new: u64,
    /// Data chunks of files that were read.
    #[n(7)]
    pub chunks_read: u64,
    /// Duration of the run in milliseconds.
    #[n(8)]
    pub duration_milliseconds: u64,
}

/// Objects that a run was told to skip: a path that is missing in the snapshot may have existed anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Exclude patterns, in order and in their own syntax.
    pub patterns: Vec<String>,
    /// Contents of directories with a valid `CACHEDIR.TAG` were left out; the directories that were found are
    /// marked.
    pub caches: bool,
    /// Other file systems than the root's were not entered; the mount points that were found are marked.
    pub other_file_systems: bool,
    /// Single objects that were left out completely (the repository, the cache), relative to the root,
    /// sorted.
    pub paths: Vec<Vec<u8>>,
    /// The list exceeded the bounds of the format: anything may have been left out.
    pub more: bool,
}

impl LeftOut {
    /// Drops items beyond the bounds of the format, and notes that.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut bytes = 0;
        let mut fits = |length: usize| {
            bytes += length + 8;
            bytes <= LEFT_OUT_BYTES_MAX
        };
        let before = self.patterns.len() + self.paths.len();
        self.patterns.retain(|pattern| fits(pattern.len()));
        self.paths.retain(|path| fits(path.len()));
        self.patterns.truncate(LEFT_OUT_ITEMS_MAX);
        self.paths.truncate(LEFT_OUT_ITEMS_MAX);
        self.more |= self.patterns.len() + self.paths.len() < before;
        self
    }
}

/// Notes that a repair found a part of a complete snapshot lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamageMark {
    /// When the repair noted it, by its own clock.
    pub noted: Time,
    /// Number of files that cannot be restored completely.
    pub files: u64,
}

/// Keeps a snapshot, regardless of the rules of retention, until it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When the hold ends, in seconds since 1970; none if it lasts until somebody releases it.
    pub until_seconds: Option<i64>,
    /// Why, for people.
    pub reason: String,
    /// When it was placed, by the clock of the host that placed it.
    pub placed: Time,
}

/// Content of a complete snapshot, and later additions of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// End of the run by the writer's clock.
    pub finished: Time,
    /// Id of the root node of the manifest.
    pub root_node: ChunkId,
    /// Level of the root node; 0 is a leaf.
    pub root_level: u8,
    /// Totals of the whole manifest.
    pub totals: Totals,
    /// Number of objects of the source that could not be read, or not consistently; if it is not 0, the
    /// snapshot is partial.
    pub errors: u64,
    /// Newest epoch of condemned packs that the run had seen.
    pub condemned_epoch: u64,
    /// Figures about the run.
    pub statistics: SnapshotStatistics,
    /// Losses that were found later; none if nobody found any.
    pub damage: Option<DamageMark>,
    /// Objects that the run skipped; unknown in snapshots of programs before 2026-11-30.
    pub left_out: Option<LeftOut>,
    /// Granularity of the source's times in nanoseconds, measured or assumed; 0 if unknown.
    pub time_granularity: u64,
    /// The hold on the snapshot, if there is one.
    pub hold: Option<Hold>,
    /// Note of a user about the snapshot; may be empty.
    pub note: String,
}

/// State of a snapshot; every change of it is a compare-and-swap of the same object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// The run is still working, or was killed.
    Pending {
        /// When the writer last reported that it is alive, by its own clock.
        refreshed: Time,
    },
    /// The snapshot can be restored.
    Complete(Completion),
    /// The run ended without a snapshot.
    Aborted {
        /// Why, for people.
        reason: String,
    },
    /// The snapshot was complete and has been forgotten.
    Deleted(Completion),
}

/// A snapshot, or the attempt to create one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Who, what and how.
    pub origin: SnapshotOrigin,
    /// State.
    pub state: SnapshotState,
}

impl SnapshotOrigin {
    /// Checks the bounds of the format.
    pub fn validate(&self) -> FormatResult<()> {
        let texts = [&self.source, &self.host, &self.program].into_iter().chain(&self.command);
        let longest =
            texts.chain(self.tags.iter().flat_map(|(key, value)| [key, value])).map(String::len).max();
        if self.tags.len() > TAGS_MAX
            || longest.unwrap_or(0) > TEXT_BYTES_MAX
            || self.root.len() > TEXT_BYTES_MAX
        {
            return Err(FormatError::malformed(WHAT, "a text is too long, or there are too many tags"));
        }
        Ok(())
    }

    /// Returns the position of the snapshot among those of its source: the number first, then the run. A
    /// number beyond [`SEQUENCE_MAX`] counts as 0.
    pub fn place(&self) -> (u64, RunId) {
        let sequence = if self.sequence > SEQUENCE_MAX { 0 } else { self.sequence };
        (sequence, self.run)
    }

    /// Returns the identity that the snapshot shares with its copies; `repository` is the one that contains
    /// it.
    pub fn identity(&self, repository: RepositoryId) -> SnapshotIdentity {
        self.copy_of.unwrap_or(SnapshotIdentity { repository, run: self.run })
    }
}

impl Completion {
    /// Checks the bounds of the texts.
    pub fn validate(&self) -> FormatResult<()> {
        let reason = self.hold.as_ref().map_or("", |hold| &hold.reason);
        if [reason, &self.note].iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(FormatError::malformed(WHAT, "a note or the reason of a hold is too long"));
        }
        Ok(())
    }
}

impl Snapshot {
    /// Returns the completion of a complete snapshot; none in all other states.
    pub fn completion(&self) -> Option<&Completion> {
        if let SnapshotState::Complete(completion) = &self.state { Some(completion) } else { None }
    }

    /// Seals the snapshot as an object.
    ///
    /// Fails if a text or the number of tags exceeds the bounds of the format.
    pub fn seal(&self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        self.origin.validate()?;
        if let SnapshotState::Complete(completion) | SnapshotState::Deleted(completion) = &self.state {
            completion.validate()?;
        }
        seal_object(keys, ObjectKind::Snapshot, salt, &encode_record(&SnapshotRecord::from(self))?)
    }

    /// Opens a snapshot object that was stored under the name of `run`.
    pub fn open(keys: &Keys, run: RunId, object: &[u8]) -> FormatResult<Self> {
        Self::read(run, &open_object(keys, ObjectKind::Snapshot, object)?)
    }

    /// Reads the record of the opened snapshot object that was stored under the name of `run`.
    pub fn read(run: RunId, record: &[u8]) -> FormatResult<Self> {
        let snapshot = Self::read_any(record)?;
        if snapshot.origin.run == run {
            Ok(snapshot)
        } else {
            Err(FormatError::malformed(WHAT, "it belongs to another run"))
        }
    }

    /// Opens a snapshot object without checking which run it names, to rescue objects under the name of
    /// another one.
    pub fn open_any(keys: &Keys, object: &[u8]) -> FormatResult<Self> {
        Self::read_any(&open_object(keys, ObjectKind::Snapshot, object)?)
    }

    fn read_any(record: &[u8]) -> FormatResult<Self> {
        Self::try_from(decode_record::<SnapshotRecord>(WHAT, record)?)
    }
}

#[cfg(test)]
mod tests;
