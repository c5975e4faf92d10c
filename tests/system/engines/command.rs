//! The commands that a host can run.

use std::{
    fmt,
    io::{self, Read},
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
};

use bytes::{Buf, Bytes};
use icecore_backup::{
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    request::{BackupRequest, BackupSource, IgnoredChanges},
};
use icecore_format::{
    ids::RunId,
    node::Totals,
    snapshot::{DedupScope, Level},
};
use icecore_fs::excludes::Excludes;
use icecore_repo::session::WriteOptions;

/// A command of the program. Keys are key files, named by a number.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Init,
    Backup(Backup),
    KeyAdd {
        new: u8,
    },
    KeyRemove {
        old: u8,
    },
    /// Like `key passwd`: removes the key with which the command is run.
    KeyChange {
        new: u8,
    },
    Restore(Restore),
    Check,
    Forget(RunId),
    /// Removes what nothing needs, without a grace period, and repacks.
    Prune,
}

/// A restore: what and where.
#[derive(Clone, Debug)]
pub(crate) struct Restore {
    pub(crate) run: RunId,
    pub(crate) target: PathBuf,
    pub(crate) delete: bool,
    pub(crate) verify: bool,
}

/// A backup: what and how.
#[derive(Clone, Debug)]
pub(crate) struct Backup {
    pub(crate) source: String,
    pub(crate) content: Content,
    pub(crate) level: Level,
    pub(crate) scope: Option<DedupScope>,
    pub(crate) uploads_max: NonZeroUsize,
}

/// Called in the middle of a stream, while the run is open.
pub(crate) type Midway = Arc<dyn Fn() + Send + Sync>;

/// Content of a source.
#[derive(Clone)]
pub(crate) enum Content {
    Tree(PathBuf),
    Stream { bytes: Bytes, midway: Option<Midway> },
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(path) => formatter.debug_tuple("Tree").field(path).finish(),
            Self::Stream { bytes, .. } => formatter.debug_tuple("Stream").field(&bytes.len()).finish(),
        }
    }
}

/// Name of the file for a stream.
pub(crate) const STREAM_NAME: &str = "stream";

impl Backup {
    /// Backs up a tree with the defaults.
    pub(crate) fn tree(source: &str, path: impl Into<PathBuf>, level: Level) -> Self {
        Self {
            source: source.to_owned(),
            content: Content::Tree(path.into()),
            level,
            scope: None,
            uploads_max: const { NonZeroUsize::new(2).unwrap() },
        }
    }

    pub(super) fn request(&self, host: &str) -> BackupRequest {
        let source = match self.content.clone() {
            Content::Tree(path) => BackupSource::Tree { path },
            Content::Stream { bytes, midway } => BackupSource::Stream {
                file_name: STREAM_NAME.into(),
                input: Box::new(Stream { middle: bytes.len() / 2, bytes, midway }),
                command: Vec::new(),
                finish: Box::new(|| Ok(())),
            },
        };
        BackupRequest {
            source,
            name: self.source.clone(),
            host: host.to_owned(),
            level: self.level,
            dedup: self.scope,
            snapshots: None,
            tags: std::collections::BTreeMap::new(),
            program: "icecore test".to_owned(),
            excludes: Excludes::none(),
            exclude_caches: false,
            one_file_system: false,
            ignored: IgnoredChanges::default(),
            skip: Vec::new(),
            walk_concurrency: 2,
            read_concurrency: 2,
            write: WriteOptions {
                pack_bytes: 1 << 20,
                uploads_max: Some(self.uploads_max),
                ..WriteOptions::default()
            },
            dry_run: false,
            allow_empty: true,
        }
    }
}

struct Stream {
    bytes: Bytes,
    middle: usize,
    midway: Option<Midway>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.len() <= self.middle
            && let Some(midway) = self.midway.take()
        {
            midway();
        }
        let past_middle = self.bytes.len().checked_sub(self.middle).filter(|rest| *rest > 0);
        let length = buffer.len().min(past_middle.unwrap_or(self.bytes.len()));
        self.bytes.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Receiver that ignores everything.
pub(super) struct Silent;

impl BackupEvents for Silent {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, _: &SourceProblem) {}
    fn notice(&self, _: &BackupNotice) {}
}
