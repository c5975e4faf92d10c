//! Settings of a backup: what the file says, what a source says instead, and what holds when nobody says
//! anything.

use std::{collections::BTreeMap, num::NonZeroUsize, ops::RangeInclusive, path::PathBuf};

/// Levels of compression that can be asked for: zstd's, of which negative ones are faster.
pub const COMPRESSION_LEVELS: RangeInclusive<i32> = -7..=19;
/// Level of compression when none is asked for.
pub const COMPRESSION_LEVEL_DEFAULT: i32 = 3;
/// Sizes of packs that can be asked for, in bytes.
pub const PACK_BYTES_RANGE: RangeInclusive<u64> = (1 << 20)..=(240 << 20);
/// Size of packs when none is asked for, in bytes.
pub const PACK_BYTES_DEFAULT: u64 = 64 << 20;
/// Most files that can be asked to be read at a time.
pub const READ_CONCURRENCY_MAX: usize = 1024;

/// How a source is backed up, with nothing left open but what the program finds out by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct BackupSettings {
    /// Root of the source; none for a source that is not in the file.
    pub path: Option<PathBuf>,
    /// Patterns of what is left out, in the syntax of gitignore; not checked yet.
    pub exclude: Vec<String>,
    /// Files with such patterns, absolute.
    pub exclude_files: Vec<PathBuf>,
    /// Whether the content of directories with a valid `CACHEDIR.TAG` is left out.
    pub exclude_caches: bool,
    /// Whether the backup stays on the root's file system.
    pub one_file_system: bool,
    /// Whether a new time of change alone does not have a file read again.
    pub ignore_ctime: bool,
    /// Whether a new inode alone does not have a file read again.
    pub ignore_inode: bool,
    /// Whether an empty source replaces one that had something in it.
    pub allow_empty: bool,
    /// Level of compression, within [`COMPRESSION_LEVELS`].
    pub compression_level: i32,
    /// Files that are read at a time, up to [`READ_CONCURRENCY_MAX`]; the program chooses when there is none.
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

/// What one table of the file says about backups. What it does not say is left to the table around it.
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
    /// Replaces what this table says in `settings`; lists and tags are replaced as a whole.
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
