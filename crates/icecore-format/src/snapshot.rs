//! Snapshots: lease, fence and commit record of a run in one object.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    cbor::{decode_record, encode_record},
    entry::Time,
    error::{FormatError, FormatResult},
    ids::{ChunkId, GroupId, RepositoryId, RunId},
    keys::Keys,
    limits::{
        LEFT_OUT_BYTES_MAX, LEFT_OUT_ITEMS_MAX, NODE_LEVEL_MAX, SEQUENCE_MAX, TAGS_MAX, TEXT_BYTES_MAX,
    },
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

/// What a snapshot and all copies of it in other repositories have in common: where it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotIdentity {
    /// Repository in which the snapshot was made.
    pub repository: RepositoryId,
    /// Run that made it.
    pub run: RunId,
}

/// Who made a snapshot, of what, and how; known when the run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOrigin {
    /// Run that makes the snapshot, and the snapshot's name.
    pub run: RunId,
    /// Name of the source.
    pub source: String,
    /// Host on which the run runs.
    pub host: String,
    /// Root of the source on that host, or the name of a stream; bytes as the system has them.
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
    /// Snapshot that changes were detected against; none for the first of a source.
    pub base: Option<RunId>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Program and version that made the snapshot.
    pub program: String,
    /// Place in the order of the source's snapshots: one more than the largest that the run saw of the source. 0 if the
    /// program did not number snapshots yet; these come first, in the order of their runs.
    pub sequence: u64,
    /// Snapshot of another repository that this one is a copy of: the very first, if it was copied several times.
    pub copy_of: Option<SnapshotIdentity>,
}

/// What a run did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotStatistics {
    /// Files that were not in the base.
    #[n(0)]
    pub files_new: u64,
    /// Files whose content or metadata differs from the base.
    #[n(1)]
    pub files_changed: u64,
    /// Files taken over from the base.
    #[n(2)]
    pub files_unchanged: u64,
    /// Bytes read from the source.
    #[n(3)]
    pub bytes_read: u64,
    /// Bytes of data chunks that the repository did not have, before compression.
    #[n(4)]
    pub bytes_new: u64,
    /// Bytes of everything that was uploaded (packs and pack directories).
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

/// What a run was told not to look at: a path that the snapshot does not have may have existed all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Exclude patterns, in their order and syntax.
    pub patterns: Vec<String>,
    /// Contents of directories with a valid `CACHEDIR.TAG` were left out; those that were met are marked.
    pub caches: bool,
    /// Other file systems than the root's were not entered; the mount points that were met are marked.
    pub other_file_systems: bool,
    /// Single objects that were left out wholly (the repository, the cache), relative to the root, sorted.
    pub paths: Vec<Vec<u8>>,
    /// There was more than the bounds of the format allow: anything may have been left out.
    pub more: bool,
}

impl LeftOut {
    /// Drops what is beyond the bounds of the format, and notes that.
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

/// Says that a part of a complete snapshot is lost, as a repair found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamageMark {
    /// When the repair noted it, by its own clock.
    pub noted: Time,
    /// Number of files that cannot be restored in whole.
    pub files: u64,
}

/// What a complete snapshot refers to.
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
    /// Number of objects of the source that could not be read, or not consistently: the snapshot is partial if it is not 0.
    pub errors: u64,
    /// Newest epoch of condemned packs that the run had seen.
    pub condemned_epoch: u64,
    /// What the run did.
    pub statistics: SnapshotStatistics,
    /// What was lost since; none as long as nobody found anything.
    pub damage: Option<DamageMark>,
    /// What the run did not look at; unknown in snapshots of programs before 2026-11-30.
    pub left_out: Option<LeftOut>,
    /// Granularity of the source's times in nanoseconds, measured or assumed; 0 if it is not known.
    pub time_granularity: u64,
}

/// State of a snapshot; each change of it is a compare-and-swap of the one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// The run is at work, or was killed.
    Pending {
        /// When the writer last said that it is alive, by its own clock.
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

/// A snapshot, or the attempt at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Who, what and how.
    pub origin: SnapshotOrigin,
    /// State.
    pub state: SnapshotState,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct SnapshotRecord {
    #[n(0)]
    state: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    run: [u8; 16],
    #[n(2)]
    source: String,
    #[n(3)]
    host: String,
    #[n(4)]
    root: ByteVec,
    #[n(5)]
    command: Option<Vec<String>>,
    #[n(6)]
    started: (i64, u32),
    #[n(7)]
    level: u8,
    #[n(8)]
    dedup: u8,
    #[cbor(n(9), with = "minicbor::bytes")]
    group: [u8; 16],
    #[n(10)]
    base: Option<ByteVec>,
    #[n(11)]
    tags: Option<BTreeMap<String, String>>,
    #[n(12)]
    program: String,
    #[n(13)]
    refreshed: Option<(i64, u32)>,
    #[n(14)]
    reason: Option<String>,
    #[n(15)]
    completion: Option<CompletionRecord>,
    #[n(16)]
    copy_of: Option<CopyRecord>,
    #[n(17)]
    sequence: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct CopyRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    repository: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    run: [u8; 16],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct CompletionRecord {
    #[n(0)]
    finished: (i64, u32),
    #[n(1)]
    root_node: ByteVec,
    #[n(2)]
    root_level: u8,
    #[n(3)]
    entries: u64,
    #[n(4)]
    files: u64,
    #[n(5)]
    bytes: u64,
    #[n(6)]
    errors: u64,
    #[n(7)]
    condemned_epoch: u64,
    #[n(8)]
    statistics: SnapshotStatistics,
    #[n(9)]
    damage: Option<DamageRecord>,
    #[n(10)]
    left_out: Option<LeftOutRecord>,
    #[n(11)]
    time_granularity: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct LeftOutRecord {
    #[n(0)]
    patterns: Option<Vec<String>>,
    #[n(1)]
    caches: Option<bool>,
    #[n(2)]
    other_file_systems: Option<bool>,
    #[n(3)]
    paths: Option<Vec<ByteVec>>,
    #[n(4)]
    more: Option<bool>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct DamageRecord {
    #[n(0)]
    noted: (i64, u32),
    #[n(1)]
    files: u64,
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

    /// Returns the snapshot's place among those of its source: the number first, then the run. A number beyond
    /// [`SEQUENCE_MAX`] counts as none.
    pub fn place(&self) -> (u64, RunId) {
        let sequence = if self.sequence > SEQUENCE_MAX { 0 } else { self.sequence };
        (sequence, self.run)
    }

    /// Returns what the snapshot has in common with its copies; `repository` is the one that it lies in.
    pub fn identity(&self, repository: RepositoryId) -> SnapshotIdentity {
        self.copy_of.unwrap_or(SnapshotIdentity { repository, run: self.run })
    }
}

impl Snapshot {
    /// Returns the completion of a complete snapshot; none in every other state.
    pub fn completion(&self) -> Option<&Completion> {
        if let SnapshotState::Complete(completion) = &self.state { Some(completion) } else { None }
    }

    /// Seals the snapshot as an object.
    ///
    /// Fails when a text or the number of tags is beyond the bounds of the format.
    pub fn seal(&self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        self.origin.validate()?;
        seal_object(keys, ObjectKind::Snapshot, salt, &encode_record(&SnapshotRecord::from(self))?)
    }

    /// Opens a snapshot object that was stored under the name of `run`.
    pub fn open(keys: &Keys, run: RunId, object: &[u8]) -> FormatResult<Self> {
        Self::read(run, &open_object(keys, ObjectKind::Snapshot, object)?)
    }

    /// Reads the record of a snapshot object that was stored under the name of `run`: what the object holds once it is
    /// opened.
    pub fn read(run: RunId, record: &[u8]) -> FormatResult<Self> {
        let snapshot = Self::read_any(record)?;
        if snapshot.origin.run == run {
            Ok(snapshot)
        } else {
            Err(FormatError::malformed(WHAT, "it is the snapshot of another run"))
        }
    }

    /// Opens a snapshot object, whatever run it names: for rescuing objects that lie under another one's name.
    pub fn open_any(keys: &Keys, object: &[u8]) -> FormatResult<Self> {
        Self::read_any(&open_object(keys, ObjectKind::Snapshot, object)?)
    }

    fn read_any(record: &[u8]) -> FormatResult<Self> {
        Self::try_from(decode_record::<SnapshotRecord>(WHAT, record)?)
    }
}

fn time(time: Time) -> (i64, u32) {
    (time.seconds, time.nanoseconds)
}

fn read_time((seconds, nanoseconds): (i64, u32)) -> FormatResult<Time> {
    if nanoseconds < 1_000_000_000 {
        Ok(Time { seconds, nanoseconds })
    } else {
        Err(FormatError::malformed(WHAT, "nanoseconds of a second or more"))
    }
}

impl From<&Snapshot> for SnapshotRecord {
    fn from(snapshot: &Snapshot) -> Self {
        let origin = &snapshot.origin;
        let (state, refreshed, reason, completion) = match &snapshot.state {
            SnapshotState::Pending { refreshed } => (0, Some(time(*refreshed)), None, None),
            SnapshotState::Complete(completion) => (1, None, None, Some(completion.into())),
            SnapshotState::Aborted { reason } => (2, None, Some(reason.clone()), None),
            SnapshotState::Deleted(completion) => (3, None, None, Some(completion.into())),
        };
        Self {
            state,
            run: origin.run.0,
            source: origin.source.clone(),
            host: origin.host.clone(),
            root: origin.root.clone().into(),
            command: (!origin.command.is_empty()).then(|| origin.command.clone()),
            started: time(origin.started),
            level: origin.level as u8,
            dedup: origin.dedup as u8,
            group: origin.group.0,
            base: origin.base.map(|base| base.0.to_vec().into()),
            tags: (!origin.tags.is_empty()).then(|| origin.tags.clone()),
            program: origin.program.clone(),
            refreshed,
            reason,
            completion,
            copy_of: origin.copy_of.map(|SnapshotIdentity { repository, run }| CopyRecord {
                repository: repository.0,
                run: run.0,
            }),
            sequence: (origin.sequence > 0).then_some(origin.sequence),
        }
    }
}

impl From<&Completion> for CompletionRecord {
    fn from(completion: &Completion) -> Self {
        Self {
            finished: time(completion.finished),
            root_node: completion.root_node.0.to_vec().into(),
            root_level: completion.root_level,
            entries: completion.totals.entries,
            files: completion.totals.files,
            bytes: completion.totals.bytes,
            errors: completion.errors,
            condemned_epoch: completion.condemned_epoch,
            statistics: completion.statistics,
            damage: completion.damage.map(|mark| DamageRecord { noted: time(mark.noted), files: mark.files }),
            left_out: completion.left_out.as_ref().map(LeftOutRecord::from),
            time_granularity: (completion.time_granularity > 0).then_some(completion.time_granularity),
        }
    }
}

impl From<&LeftOut> for LeftOutRecord {
    fn from(left_out: &LeftOut) -> Self {
        Self {
            patterns: (!left_out.patterns.is_empty()).then(|| left_out.patterns.clone()),
            caches: left_out.caches.then_some(true),
            other_file_systems: left_out.other_file_systems.then_some(true),
            paths: (!left_out.paths.is_empty())
                .then(|| left_out.paths.iter().map(|path| path.clone().into()).collect()),
            more: left_out.more.then_some(true),
        }
    }
}

impl TryFrom<LeftOutRecord> for LeftOut {
    type Error = FormatError;

    fn try_from(record: LeftOutRecord) -> FormatResult<Self> {
        let left_out = Self {
            patterns: record.patterns.unwrap_or_default(),
            caches: record.caches.unwrap_or(false),
            other_file_systems: record.other_file_systems.unwrap_or(false),
            paths: record.paths.unwrap_or_default().into_iter().map(Into::into).collect(),
            more: record.more.unwrap_or(false),
        };
        if left_out.clone().bounded() == left_out {
            Ok(left_out)
        } else {
            Err(FormatError::malformed(WHAT, "there is too much of what was left out"))
        }
    }
}

impl TryFrom<DamageRecord> for DamageMark {
    type Error = FormatError;

    fn try_from(record: DamageRecord) -> FormatResult<Self> {
        Ok(Self { noted: read_time(record.noted)?, files: record.files })
    }
}

impl TryFrom<CompletionRecord> for Completion {
    type Error = FormatError;

    fn try_from(record: CompletionRecord) -> FormatResult<Self> {
        if record.root_level > NODE_LEVEL_MAX {
            return Err(FormatError::malformed(WHAT, "the level of the root node is too high"));
        }
        Ok(Self {
            finished: read_time(record.finished)?,
            root_node: ChunkId::from_slice(&record.root_node)?,
            root_level: record.root_level,
            totals: Totals { entries: record.entries, files: record.files, bytes: record.bytes },
            errors: record.errors,
            condemned_epoch: record.condemned_epoch,
            statistics: record.statistics,
            damage: record.damage.map(DamageMark::try_from).transpose()?,
            left_out: record.left_out.map(LeftOut::try_from).transpose()?,
            time_granularity: record.time_granularity.unwrap_or(0),
        })
    }
}

impl TryFrom<SnapshotRecord> for Snapshot {
    type Error = FormatError;

    fn try_from(record: SnapshotRecord) -> FormatResult<Self> {
        let malformed = |reason| FormatError::malformed(WHAT, reason);
        let command = record.command.unwrap_or_default();
        let tags = record.tags.unwrap_or_default();
        let completion = record.completion.map(Completion::try_from).transpose()?;
        let state = match (record.state, record.refreshed, completion) {
            (0, Some(refreshed), None) => SnapshotState::Pending { refreshed: read_time(refreshed)? },
            (1, None, Some(completion)) => SnapshotState::Complete(completion),
            (2, None, None) => SnapshotState::Aborted { reason: record.reason.unwrap_or_default() },
            (3, None, Some(completion)) => SnapshotState::Deleted(completion),
            _ => return Err(malformed("unknown state, or fields that do not go with it")),
        };
        let level = match record.level {
            0 => Level::Full,
            1 => Level::Incremental,
            2 => Level::Differential,
            _ => return Err(malformed("unknown level")),
        };
        let dedup = match record.dedup {
            0 => DedupScope::Repository,
            1 => DedupScope::Group,
            _ => return Err(malformed("unknown dedup scope")),
        };
        let origin = SnapshotOrigin {
            run: RunId(record.run),
            source: record.source,
            host: record.host,
            root: record.root.into(),
            command,
            started: read_time(record.started)?,
            level,
            dedup,
            group: RunId(record.group),
            base: record.base.map(|base| RunId::from_slice(&base)).transpose()?,
            tags,
            program: record.program,
            copy_of: record.copy_of.map(|CopyRecord { repository, run }| SnapshotIdentity {
                repository: RepositoryId(repository),
                run: RunId(run),
            }),
            sequence: record.sequence.unwrap_or(0),
        };
        origin.validate()?;
        Ok(Self { origin, state })
    }
}

#[cfg(test)]
mod tests;
