//! Runs a backup of a tree with the engine.

use std::{collections::BTreeMap, path::PathBuf};

use icecore_backup::{
    events::{BackupEvents, BackupNotice, BackupProgress, SourceProblem},
    request::{BackupRequest, BackupSource, IgnoredChanges},
};
use icecore_format::{ids::RunId, node::Totals, snapshot::Level};
use icecore_fs::excludes::Excludes;
use icecore_repo::session::WriteOptions;

/// Ignores all events.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl BackupEvents for Silent {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, _: &SourceProblem) {}
    fn notice(&self, _: &BackupNotice) {}
}

/// Requests an incremental backup of a tree under the name `source`, with four threads.
pub fn request(root: PathBuf) -> BackupRequest {
    BackupRequest {
        source: BackupSource::Tree { path: root },
        name: "source".to_owned(),
        host: "host".to_owned(),
        level: Level::Incremental,
        dedup: None,
        snapshots: None,
        tags: BTreeMap::new(),
        program: "bench".to_owned(),
        excludes: Excludes::none(),
        exclude_caches: false,
        one_file_system: false,
        ignored: IgnoredChanges::default(),
        skip: Vec::new(),
        walk_concurrency: 4,
        read_concurrency: 4,
        write: WriteOptions::default(),
        dry_run: false,
        allow_empty: false,
    }
}
