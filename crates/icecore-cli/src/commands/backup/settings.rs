//! How a source is backed up: the configuration file and the command line together, as a request to the engine.

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc, thread};

use icecore_backup::request::{BackupRequest, BackupSource, IgnoredChanges};
use icecore_format::limits::{TAGS_MAX, TEXT_BYTES_MAX};
use icecore_fs::excludes::Excludes;
use icecore_policy::Configuration;
use icecore_repo::{session::WriteOptions, snapshots::SnapshotList};

use super::{patterns::IneffectivePatterns, sources::PlannedSource};
use crate::{
    arguments::backup::BackupArguments,
    context::program,
    failure::{Failure, Outcome},
};

/// Threads that list directories of network file systems: these answer late, but many questions at a time.
const NETWORK_WALK_THREADS: usize = 64;
/// Threads that read files of network file systems.
const NETWORK_READ_THREADS: usize = 64;

/// Settings of one source, with everything that can be wrong with them checked.
#[derive(Debug)]
pub(crate) struct SourceSettings {
    excludes: Excludes,
    /// Patterns without effect; none for a stream, of which nothing is left out.
    pub(super) patterns: Option<IneffectivePatterns>,
    exclude_caches: bool,
    one_file_system: bool,
    ignored: IgnoredChanges,
    allow_empty: bool,
    tags: BTreeMap<String, String>,
    read_concurrency: Option<NonZeroUsize>,
    write: WriteOptions,
}

impl SourceSettings {
    /// Puts together what the configuration file says of a source and what the command line says.
    ///
    /// Patterns and tags of the command line come in addition, everything else instead.
    pub(crate) fn merge(
        configuration: &Configuration,
        arguments: &BackupArguments,
        source: &PlannedSource,
    ) -> Outcome<Self> {
        let configured = configuration.backup_settings(Some(&source.name));
        let mut tags = configured.tags;
        tags.extend(arguments.tags());
        let longest = tags.iter().flat_map(|(key, value)| [key.len(), value.len()]).max().unwrap_or(0);
        if tags.len() > TAGS_MAX || longest > TEXT_BYTES_MAX {
            return Err(Failure::usage(format!(
                "there are at most {TAGS_MAX} tags, and none is longer than {TEXT_BYTES_MAX} bytes"
            )));
        }
        let mut excludes = Excludes::builder();
        for file in &configured.exclude_files {
            excludes.add_file(file)?;
        }
        for pattern in &configured.exclude {
            excludes.add_pattern(pattern)?;
        }
        for file in &arguments.exclude_file {
            excludes.add_file(file)?;
        }
        let in_files = excludes.len();
        for pattern in &arguments.exclude {
            excludes.add_pattern(pattern)?;
        }
        let (builder, excludes) = (&excludes, excludes.build()?);
        Ok(Self {
            patterns: IneffectivePatterns::find(builder, &excludes, in_files, source),
            excludes,
            exclude_caches: configured.exclude_caches || arguments.exclude_caches,
            one_file_system: configured.one_file_system || arguments.one_file_system,
            ignored: IgnoredChanges {
                changed: configured.ignore_ctime || arguments.ignore_ctime,
                inode: configured.ignore_inode || arguments.ignore_inode,
            },
            allow_empty: configured.allow_empty || arguments.allow_empty,
            tags,
            read_concurrency: arguments.read_concurrency.or(configured.read_concurrency),
            write: WriteOptions {
                compression_level: arguments.compression.unwrap_or(configured.compression_level),
                pack_bytes: arguments.pack_size.unwrap_or(configured.pack_bytes),
                verify: !arguments.skip_verification,
                ..WriteOptions::default()
            },
        })
    }

    /// Makes the request.
    pub(crate) fn request(
        self,
        arguments: &BackupArguments,
        source: BackupSource,
        name: String,
        host: String,
        skip: Vec<(u64, u64)>,
        snapshots: Arc<SnapshotList>,
    ) -> BackupRequest {
        let (walk_threads, read_threads) = match &source {
            BackupSource::Tree { path } => threads(path),
            BackupSource::Stream { .. } => (1, 1),
        };
        BackupRequest {
            source,
            name,
            host,
            level: arguments.level(),
            dedup: arguments.dedup(),
            snapshots: Some(snapshots),
            tags: self.tags,
            program: program(),
            excludes: self.excludes,
            exclude_caches: self.exclude_caches,
            one_file_system: self.one_file_system,
            ignored: self.ignored,
            skip,
            walk_concurrency: walk_threads,
            read_concurrency: self.read_concurrency.map_or(read_threads, NonZeroUsize::get),
            write: self.write,
            dry_run: arguments.dry_run,
            allow_empty: self.allow_empty,
        }
    }
}

/// Returns how many threads list directories, and how many read files, for the file system of a source.
fn threads(path: &Path) -> (usize, usize) {
    if icecore_fs::is_network_file_system(path) {
        return (NETWORK_WALK_THREADS, NETWORK_READ_THREADS);
    }
    let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2);
    (cores, cores)
}
