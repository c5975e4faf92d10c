//! Who makes a snapshot, of what, and how.

use std::collections::BTreeMap;

use icecore_format::{
    entry::Time,
    ids::{GroupId, RunId},
    snapshot::{DedupScope, Level, Snapshot, SnapshotIdentity, SnapshotOrigin, SnapshotState},
};

/// Who makes the snapshot, of what, and how; without the parts that the session adds.
#[derive(Clone, Debug)]
pub struct SessionOrigin {
    /// Name of the source.
    pub source: String,
    /// Host on which the run runs.
    pub host: String,
    /// Root of the source on that host, or the name of a stream.
    pub root: Vec<u8>,
    /// Command whose output is stored.
    pub command: Vec<String>,
    /// Level of the backup.
    pub level: Level,
    /// Which packs the snapshot may refer to.
    pub dedup: DedupScope,
    /// Group to write into; a full begins its own.
    pub group: Option<GroupId>,
    /// Snapshot that changes are detected against.
    pub base: Option<RunId>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Program and version.
    pub program: String,
    /// Position in the order of the source's snapshots: [`SnapshotList::next_sequence`], or for a copy, the
    /// position of its original.
    ///
    /// [`SnapshotList::next_sequence`]: crate::snapshots::SnapshotList::next_sequence
    pub sequence: u64,
    /// The copied snapshot of another repository, if this is a copy.
    pub copied: Option<CopiedSnapshot>,
}

impl SessionOrigin {
    /// Returns the origin of the first full of a directory: without tags, and with nothing that it follows.
    pub fn first_full(source: &str, host: &str, root: &[u8], program: &str) -> Self {
        Self {
            source: source.to_owned(),
            host: host.to_owned(),
            root: root.to_vec(),
            command: Vec::new(),
            level: Level::Full,
            dedup: DedupScope::Repository,
            group: None,
            base: None,
            tags: BTreeMap::new(),
            program: program.to_owned(),
            sequence: 1,
            copied: None,
        }
    }
}

/// A snapshot of another repository that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopiedSnapshot {
    /// Identity that it shares with its copies.
    pub identity: SnapshotIdentity,
    /// Start of its run: the name of the copy's run has this time.
    pub started: Time,
}

/// Returns the snapshot of a run that begins.
pub(super) fn pending_snapshot(run: RunId, now: Time, started: Time, origin: SessionOrigin) -> Snapshot {
    let origin = SnapshotOrigin {
        run,
        source: origin.source,
        host: origin.host,
        root: origin.root,
        command: origin.command,
        started,
        level: origin.level,
        dedup: origin.dedup,
        group: origin.group.unwrap_or(run),
        base: origin.base,
        tags: origin.tags,
        program: origin.program,
        copy_of: origin.copied.map(|copied| copied.identity),
        sequence: origin.sequence,
    };
    Snapshot { origin, state: SnapshotState::Pending { refreshed: now } }
}
