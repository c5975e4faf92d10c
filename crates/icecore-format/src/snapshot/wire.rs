//! The form of snapshots in their objects.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode, bytes::ByteVec};

use super::{
    Completion, DamageMark, DedupScope, Hold, LeftOut, Level, Snapshot, SnapshotIdentity, SnapshotOrigin,
    SnapshotState, SnapshotStatistics, WHAT,
};
use crate::{
    entry::Time,
    error::{FormatError, FormatResult},
    ids::{ChunkId, RepositoryId, RunId},
    limits::NODE_LEVEL_MAX,
    node::Totals,
    time::TimeRecord,
};

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct SnapshotRecord {
    #[n(0)]
    pub state: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub run: [u8; 16],
    #[n(2)]
    pub source: String,
    #[n(3)]
    pub host: String,
    #[n(4)]
    pub root: ByteVec,
    #[n(5)]
    pub command: Option<Vec<String>>,
    #[n(6)]
    pub started: TimeRecord,
    #[n(7)]
    pub level: u8,
    #[n(8)]
    pub dedup: u8,
    #[cbor(n(9), with = "minicbor::bytes")]
    pub group: [u8; 16],
    #[n(10)]
    pub base: Option<ByteVec>,
    #[n(11)]
    pub tags: Option<BTreeMap<String, String>>,
    #[n(12)]
    pub program: String,
    #[n(13)]
    pub refreshed: Option<TimeRecord>,
    #[n(14)]
    pub reason: Option<String>,
    #[n(15)]
    pub completion: Option<CompletionRecord>,
    #[n(16)]
    pub copy_of: Option<CopyRecord>,
    #[n(17)]
    pub sequence: Option<u64>,
    // They belong to the completion, but are stored beside it: holds and notes came later, and do not come
    // from the run.
    #[n(19)]
    pub hold: Option<HoldRecord>,
    #[n(20)]
    pub note: Option<String>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct HoldRecord {
    #[n(0)]
    pub until_seconds: Option<i64>,
    #[n(1)]
    pub reason: String,
    #[n(2)]
    pub placed: TimeRecord,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct CopyRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub repository: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub run: [u8; 16],
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct CompletionRecord {
    #[n(0)]
    pub finished: TimeRecord,
    #[n(1)]
    pub root_node: ByteVec,
    #[n(2)]
    pub root_level: u8,
    #[n(3)]
    pub entries: u64,
    #[n(4)]
    pub files: u64,
    #[n(5)]
    pub bytes: u64,
    #[n(6)]
    pub errors: u64,
    #[n(7)]
    pub condemned_epoch: u64,
    #[n(8)]
    pub statistics: SnapshotStatistics,
    #[n(9)]
    pub damage: Option<DamageRecord>,
    #[n(10)]
    pub left_out: Option<LeftOutRecord>,
    #[n(11)]
    pub time_granularity: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct LeftOutRecord {
    #[n(0)]
    pub patterns: Option<Vec<String>>,
    #[n(1)]
    pub caches: Option<bool>,
    #[n(2)]
    pub other_file_systems: Option<bool>,
    #[n(3)]
    pub paths: Option<Vec<ByteVec>>,
    #[n(4)]
    pub more: Option<bool>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct DamageRecord {
    #[n(0)]
    pub noted: TimeRecord,
    #[n(1)]
    pub files: u64,
}

impl From<&Snapshot> for SnapshotRecord {
    fn from(snapshot: &Snapshot) -> Self {
        let origin = &snapshot.origin;
        let (state, refreshed, reason, completion) = match &snapshot.state {
            SnapshotState::Pending { refreshed } => (0, Some(refreshed.to_record()), None, None),
            SnapshotState::Complete(completion) => (1, None, None, Some(completion.into())),
            SnapshotState::Aborted { reason } => (2, None, Some(reason.clone()), None),
            SnapshotState::Deleted(completion) => (3, None, None, Some(completion.into())),
        };
        let noted = match &snapshot.state {
            SnapshotState::Complete(completion) | SnapshotState::Deleted(completion) => Some(completion),
            SnapshotState::Pending { .. } | SnapshotState::Aborted { .. } => None,
        };
        Self {
            state,
            run: origin.run.0,
            source: origin.source.clone(),
            host: origin.host.clone(),
            root: origin.root.clone().into(),
            command: (!origin.command.is_empty()).then(|| origin.command.clone()),
            started: origin.started.to_record(),
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
            hold: noted.and_then(|completion| completion.hold.as_ref()).map(HoldRecord::from),
            note: noted.map(|completion| completion.note.clone()).filter(|note| !note.is_empty()),
        }
    }
}

impl From<&Hold> for HoldRecord {
    fn from(hold: &Hold) -> Self {
        Self {
            until_seconds: hold.until_seconds,
            reason: hold.reason.clone(),
            placed: hold.placed.to_record(),
        }
    }
}

impl TryFrom<HoldRecord> for Hold {
    type Error = FormatError;

    fn try_from(record: HoldRecord) -> FormatResult<Self> {
        let HoldRecord { until_seconds, reason, placed } = record;
        Ok(Self { until_seconds, reason, placed: Time::read(WHAT, placed)? })
    }
}

impl From<&Completion> for CompletionRecord {
    fn from(completion: &Completion) -> Self {
        Self {
            finished: completion.finished.to_record(),
            root_node: completion.root_node.0.to_vec().into(),
            root_level: completion.root_level,
            entries: completion.totals.entries,
            files: completion.totals.files,
            bytes: completion.totals.bytes,
            errors: completion.errors,
            condemned_epoch: completion.condemned_epoch,
            statistics: completion.statistics,
            damage: completion
                .damage
                .map(|mark| DamageRecord { noted: mark.noted.to_record(), files: mark.files }),
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
            Err(FormatError::malformed(WHAT, "the list of excluded objects is too long"))
        }
    }
}

impl TryFrom<DamageRecord> for DamageMark {
    type Error = FormatError;

    fn try_from(record: DamageRecord) -> FormatResult<Self> {
        Ok(Self { noted: Time::read(WHAT, record.noted)?, files: record.files })
    }
}

impl TryFrom<CompletionRecord> for Completion {
    type Error = FormatError;

    fn try_from(record: CompletionRecord) -> FormatResult<Self> {
        if record.root_level > NODE_LEVEL_MAX {
            return Err(FormatError::malformed(WHAT, "the level of the root node is too high"));
        }
        Ok(Self {
            finished: Time::read(WHAT, record.finished)?,
            root_node: ChunkId::from_slice(&record.root_node)?,
            root_level: record.root_level,
            totals: Totals { entries: record.entries, files: record.files, bytes: record.bytes },
            errors: record.errors,
            condemned_epoch: record.condemned_epoch,
            statistics: record.statistics,
            damage: record.damage.map(DamageMark::try_from).transpose()?,
            left_out: record.left_out.map(LeftOut::try_from).transpose()?,
            time_granularity: record.time_granularity.unwrap_or(0),
            hold: None,
            note: String::new(),
        })
    }
}

impl TryFrom<SnapshotRecord> for Snapshot {
    type Error = FormatError;

    fn try_from(record: SnapshotRecord) -> FormatResult<Self> {
        let malformed = |reason| FormatError::malformed(WHAT, reason);
        let command = record.command.unwrap_or_default();
        let tags = record.tags.unwrap_or_default();
        let mut completion = record.completion.map(Completion::try_from).transpose()?;
        let (hold, note) = (record.hold.map(Hold::try_from).transpose()?, record.note.unwrap_or_default());
        if let Some(completion) = &mut completion {
            (completion.hold, completion.note) = (hold, note);
            completion.validate()?;
        } else if hold.is_some() || !note.is_empty() {
            return Err(malformed("a hold or a note, and the snapshot never was complete"));
        }
        let state = match (record.state, record.refreshed, completion) {
            (0, Some(refreshed), None) => SnapshotState::Pending { refreshed: Time::read(WHAT, refreshed)? },
            (1, None, Some(completion)) => SnapshotState::Complete(completion),
            (2, None, None) => SnapshotState::Aborted { reason: record.reason.unwrap_or_default() },
            (3, None, Some(completion)) => SnapshotState::Deleted(completion),
            _ => return Err(malformed("unknown state, or fields that do not match it")),
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
            started: Time::read(WHAT, record.started)?,
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
