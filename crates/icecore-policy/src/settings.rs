//! Settings of a backup: from the file, overridden by those of a source, and the defaults.

use std::{collections::BTreeMap, num::NonZeroUsize, ops::RangeInclusive, path::PathBuf};

/// Valid compression levels: those of zstd, of which negative ones are faster.
pub const COMPRESSION_LEVELS: RangeInclusive<i32> = -7..=19;
/// Default compression level.
pub const COMPRESSION_LEVEL_DEFAULT: i32 = 3;
/// Valid sizes of packs, in bytes.
pub const PACK_BYTES_RANGE: RangeInclusive<u64> = (1 << 20)..=(240 << 20);
/// Default size of packs, in bytes.
pub const PACK_BYTES_DEFAULT: u64 = 64 << 20;
/// Highest number of files that can be read at once.
pub const READ_CONCURRENCY_MAX: usize = 1024;

/// How a source is backed up. Everything is decided, except what the program finds out by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct BackupSettings {
    /// Root of the source; none for a source that is not in the file.
    pub path: Option<PathBuf>,
    /// Patterns of left-out objects, in the syntax of gitignore; not checked yet.
    pub exclude: Vec<String>,
    /// Files with such patterns, absolute.
    pub exclude_files: Vec<PathBuf>,
    /// Whether the content of directories with a valid `CACHEDIR.TAG` is left out.
    pub exclude_caches: bool,
    /// Whether the backup stays on the root's file system.
    pub one_file_system: bool,
    /// Whether a file is not read again if only its time of change is new.
    pub ignore_ctime: bool,
    /// Whether a file is not read again if only its inode is new.
    pub ignore_inode: bool,
    /// Whether an empty source is backed up even if it was not empty before.
    pub allow_empty: bool,
    /// Compression level, within [`COMPRESSION_LEVELS`].
    pub compression_level: i32,
    /// Files that are read at once, up to [`READ_CONCURRENCY_MAX`]; if absent, the program chooses.
    pub read_concurrency: Option<NonZeroUsize>,
    /// Size of packs in bytes, within [`PACK_BYTES_RANGE`].
    pub pack_bytes: u64,
    /// Tags of the snapshots.
    pub tags: BTreeMap<String, String>,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            path: None,
            exclude: Vec::new(),
            exclude_files: Vec::new(),
            exclude_caches: false,
            one_file_system: false,
            ignore_ctime: false,
            ignore_inode: false,
            allow_empty: false,
            compression_level: COMPRESSION_LEVEL_DEFAULT,
            read_concurrency: None,
            pack_bytes: PACK_BYTES_DEFAULT,
            tags: BTreeMap::new(),
        }
    }
}

/// The backup settings in one table of the file. Missing ones come from the table around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SettingsTable {
    pub exclude: Option<Vec<String>>,
    pub exclude_files: Option<Vec<PathBuf>>,
    pub exclude_caches: Option<bool>,
    pub one_file_system: Option<bool>,
    pub ignore_ctime: Option<bool>,
    pub ignore_inode: Option<bool>,
    pub allow_empty: Option<bool>,
    pub compression_level: Option<i32>,
    pub read_concurrency: Option<NonZeroUsize>,
    pub pack_bytes: Option<u64>,
    pub tags: Option<BTreeMap<String, String>>,
}

impl SettingsTable {
    /// Overrides `settings` with the settings of this table; lists and tags are replaced as a whole.
    pub(crate) fn apply(&self, settings: &mut BackupSettings) {
        fn replace<T: Clone>(target: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                target.clone_from(value);
            }
        }
        replace(&mut settings.exclude, self.exclude.as_ref());
        replace(&mut settings.exclude_files, self.exclude_files.as_ref());
        replace(&mut settings.exclude_caches, self.exclude_caches.as_ref());
        replace(&mut settings.one_file_system, self.one_file_system.as_ref());
        replace(&mut settings.ignore_ctime, self.ignore_ctime.as_ref());
        replace(&mut settings.ignore_inode, self.ignore_inode.as_ref());
        replace(&mut settings.allow_empty, self.allow_empty.as_ref());
        replace(&mut settings.compression_level, self.compression_level.as_ref());
        settings.read_concurrency = self.read_concurrency.or(settings.read_concurrency);
        replace(&mut settings.pack_bytes, self.pack_bytes.as_ref());
        replace(&mut settings.tags, self.tags.as_ref());
    }
}
