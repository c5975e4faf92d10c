//! How a source is backed up: the settings of the configuration, and the choices for one run.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use icecore_backup::request::IgnoredChanges;
use icecore_format::limits::{TAGS_MAX, TEXT_BYTES_MAX};
use icecore_fs::excludes::ExcludesBuilder;
use icecore_policy::BackupSettings;
use icecore_repo::session::WriteOptions;

use super::BackupFault;

/// How a source is read, and what its snapshot records besides the files; the same for a choice for one run
/// and for the settings of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// Whether the content of caches is left out.
    pub exclude_caches: bool,
    /// Whether the backup stays on the root's file system.
    pub one_file_system: bool,
    /// Changes that alone are no reason to read a file again.
    pub ignored: IgnoredChanges,
    /// Whether an empty source may replace one that had content.
    pub allow_empty: bool,
    /// Tags of the snapshot.
    pub tags: BTreeMap<String, String>,
    /// Maximum number of files that are read at the same time; if absent, the program chooses.
    pub read_concurrency: Option<NonZeroUsize>,
}

/// Choices for one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChosenSettings {
    /// Exclude patterns.
    pub exclude: Vec<String>,
    /// Files with exclude patterns.
    pub exclude_files: Vec<PathBuf>,
    /// How all sources are read.
    pub snapshot: SnapshotSettings,
    /// Level of compression.
    pub compression_level: Option<i32>,
    /// Size of packs in bytes.
    pub pack_bytes: Option<u64>,
    /// Whether finished packs are uploaded without opening them again.
    pub skip_verification: bool,
}

/// Where exclude patterns come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternOrigin {
    /// A file with patterns.
    File(PathBuf),
    /// A pattern of the configuration.
    Configured(String),
}

/// Settings of one source.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// Patterns that may be meant for other sources, in the order in which they count.
    pub patterns: Vec<PatternOrigin>,
    /// Patterns of the run, which come after them: each must have an effect on a source.
    pub chosen_patterns: Vec<String>,
    /// How the source is read.
    pub snapshot: SnapshotSettings,
    /// How packs are written.
    pub write: WriteOptions,
}

impl SnapshotSettings {
    /// Combines the choices with the configuration.
    fn over(&self, configured: &BackupSettings) -> Self {
        let mut tags = configured.tags.clone();
        tags.extend(self.tags.clone());
        Self {
            exclude_caches: configured.exclude_caches || self.exclude_caches,
            one_file_system: configured.one_file_system || self.one_file_system,
            ignored: IgnoredChanges {
                changed: configured.ignore_ctime || self.ignored.changed,
                inode: configured.ignore_inode || self.ignored.inode,
            },
            allow_empty: configured.allow_empty || self.allow_empty,
            tags,
            read_concurrency: self.read_concurrency.or(configured.read_concurrency),
        }
    }
}

impl SourceSettings {
    /// Combines the configuration of a source with the choices for the run.
    ///
    /// Patterns and tags of the run are added; all other choices replace the configuration.
    pub fn merge(configured: BackupSettings, chosen: &ChosenSettings) -> Self {
        let snapshot = chosen.snapshot.over(&configured);
        let configured_files = configured.exclude_files.into_iter().map(PatternOrigin::File);
        let configured_patterns = configured.exclude.into_iter().map(PatternOrigin::Configured);
        let chosen_files = chosen.exclude_files.iter().cloned().map(PatternOrigin::File);
        Self {
            patterns: configured_files.chain(configured_patterns).chain(chosen_files).collect(),
            chosen_patterns: chosen.exclude.clone(),
            snapshot,
            write: WriteOptions {
                compression_level: chosen.compression_level.unwrap_or(configured.compression_level),
                pack_bytes: chosen.pack_bytes.unwrap_or(configured.pack_bytes),
                verify: !chosen.skip_verification,
                ..WriteOptions::default()
            },
        }
    }

    /// Refuses tags that are too many or too long for a snapshot.
    pub(super) fn check_tags(&self) -> Result<(), BackupFault> {
        let tags = &self.snapshot.tags;
        let longest = tags.iter().flat_map(|(key, value)| [key.len(), value.len()]).max().unwrap_or(0);
        if tags.len() > TAGS_MAX || longest > TEXT_BYTES_MAX { Err(BackupFault::Tags) } else { Ok(()) }
    }

    /// Adds all patterns to `excludes`; returns how many come before those of the run.
    pub(super) fn add_patterns(&self, excludes: &mut ExcludesBuilder) -> Result<usize, BackupFault> {
        for origin in &self.patterns {
            match origin {
                PatternOrigin::File(file) => excludes.add_file(file).map(|_| ()),
                PatternOrigin::Configured(pattern) => excludes.add_pattern(pattern).map(|_| ()),
            }
            .map_err(BackupFault::Exclude)?;
        }
        let before = excludes.len();
        for pattern in &self.chosen_patterns {
            excludes.add_pattern(pattern).map_err(BackupFault::Exclude)?;
        }
        Ok(before)
    }
}

#[cfg(test)]
mod tests;
