//! Options of `backup`.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    io,
    num::NonZeroUsize,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use icecore_access::creation::KeyChoice;
use icecore_backup::request::IgnoredChanges;
use icecore_format::{
    ids::RepositoryId,
    snapshot::{DedupScope, Level},
};
use icecore_operations::{
    backup::{
        self, BackupOptions, BackupRequest, ChosenSettings, SnapshotSettings, SourceChoice, StreamChoice,
        parse_source_name,
    },
    init::InitRequest,
    text,
};
use icecore_policy::Configuration;

use crate::{
    arguments::values::{parse_compression, parse_concurrency, parse_pack_size, parse_tag},
    failure::{Failure, Outcome},
};

/// Make a snapshot of each directory, or of a stream
///
/// Each PATH becomes one snapshot; if one fails, the others are still made. Every snapshot is complete by
/// itself at every level: the level only decides which files are read again. The first snapshot of a source
/// is always a full.
///
/// The name of a source is the last part of its path (`etc` for /etc), unless --name or the configuration
/// file sets another name.
///
/// Files that cannot be read are listed at the end. The snapshot is then marked as partial, and the exit code
/// is 3.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Patterns work as in .gitignore files, relative to the root of the source: `*.tmp` matches anywhere, \
`/cache/` only at the root, and `!keep.tmp` includes files again. The last pattern that matches decides. \
Patterns of the configuration file come first, then those of --exclude-file, then those of --exclude. Nothing \
below an excluded directory can be included again: write `/cache/*` and `!/cache/keep/`.

A pattern that cannot have an effect, such as `/home/alice/cache` for the source /home or `./cache`, is an \
error in --exclude, and a warning elsewhere.

To back up a whole system, give / with --one-file-system. The snapshot then contains the mount points /proc, \
/sys, /dev and /run without their contents, and no other mounted file system. Back up those that you need as \
sources of their own, such as /home. The name of the source / is `rootfs`.

If the program that writes into a pipe fails, --stdin does not notice it: the snapshot then contains half a \
dump. Prefer --command, which makes no snapshot if the program fails. With --stdin, run `set -o pipefail` in \
the shell before, so that the script at least notices the failure.

Examples:
  icecore backup --init --repository /srv/backup /etc
  icecore backup /home --exclude '.cache/' --exclude '*.iso' --tag plan=daily
  icecore backup /srv --name shop --level full --one-file-system
  icecore backup / /home --one-file-system
  icecore backup --command db.sql -- pg_dump --dbname shop
  mysqldump shop | icecore backup --stdin shop.sql --name shop-database")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct BackupArguments {
    /// Directories or single files to back up
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Name of the source; without PATH, a source in the configuration file
    #[arg(long, value_name = "NAME", value_parser = parse_source_name)]
    pub(crate) name: Option<String>,
    /// Which files to read again
    #[arg(long, value_enum, default_value_t = LevelArgument::Incremental)]
    level: LevelArgument,
    /// Which packs the snapshot may refer to (default: same as for the last full)
    #[arg(long, value_enum)]
    dedup: Option<DedupArgument>,
    /// Exclude files that match this pattern, such as `/cache/` for PATH/cache
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Exclude files that match the patterns in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude_file: Vec<PathBuf>,
    /// Exclude the contents of directories that a CACHEDIR.TAG marks as caches
    #[arg(long)]
    pub(crate) exclude_caches: bool,
    /// Stay on the file system of PATH
    #[arg(long)]
    pub(crate) one_file_system: bool,
    /// Do not read a file again if only its change time (ctime) is new
    ///
    /// Use this option if another program sets hard links, attributes or owners of many files, or if the file
    /// system makes up change times. With this option, only a full finds a file that was rewritten with its
    /// old size and modification time restored.
    #[arg(long)]
    pub(crate) ignore_ctime: bool,
    /// Do not read a file again if only its inode number is new
    ///
    /// Use this option for file systems that make up inode numbers, such as some FUSE file systems and
    /// network shares.
    #[arg(long)]
    pub(crate) ignore_inode: bool,
    /// Allow a snapshot of an empty stream, or of an empty directory whose last snapshot has files
    ///
    /// Without this option, both are failures: a command without output has often failed, and a directory
    /// that has become empty is often a file system that is not mounted.
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Add this tag to the snapshot
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub(crate) tag: Vec<(String, String)>,
    /// Host name to record in the snapshot (default: the name of this machine)
    #[arg(long, value_name = "NAME", value_parser = parse_source_name)]
    pub(crate) host: Option<String>,
    /// Show what would be read, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Create the repository if it does not exist
    ///
    /// The given key becomes its first key; a --key-file that does not exist is created. If no key is given,
    /// a key file is generated in the user's configuration directory, where later commands find it.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) init: bool,
    /// AWS KMS key (ARN, alias or id) to use as the first key of a new repository
    ///
    /// Everyone who may use this KMS key can unlock the repository.
    #[arg(long, value_name = "KEY", requires = "init")]
    pub(crate) kms: Option<String>,
    /// Create the repository although repository ID, which this host used at this location, is missing
    #[arg(long, value_name = "ID", requires = "init", value_parser = RepositoryId::from_hex)]
    pub(crate) in_place_of: Option<RepositoryId>,
    /// Store standard input as a file with this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["paths", "command", "program"])]
    pub(crate) stdin: Option<OsString>,
    /// Store the output of a command as a file with this name; if the command fails, no snapshot is made
    #[arg(long, value_name = "NAME")]
    pub(crate) command: Option<OsString>,
    /// Command for --command, with its arguments
    #[arg(last = true, value_name = "CMD")]
    pub(crate) program: Vec<OsString>,
    /// Compression level, from -7 (fast) to 19 (small) (default: 3, or the value in the configuration file)
    #[arg(long, value_name = "LEVEL", allow_negative_numbers = true, value_parser = parse_compression)]
    pub(crate) compression: Option<i32>,
    /// Size of the uploaded packs, 1MiB to 240MiB (default: 64MiB, or the value in the configuration file)
    #[arg(long, value_name = "SIZE", value_parser = parse_pack_size)]
    pub(crate) pack_size: Option<u64>,
    /// Number of files to read at the same time; a higher number helps on network file systems
    #[arg(long, value_name = "N", value_parser = parse_concurrency)]
    pub(crate) read_concurrency: Option<NonZeroUsize>,
    /// Do not verify finished packs before they are uploaded
    ///
    /// The verification opens each finished pack again. It finds faulty memory and costs a little processor
    /// time.
    #[arg(long)]
    pub(crate) skip_verification: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LevelArgument {
    /// Every file
    Full,
    /// Files that changed since the previous snapshot
    Incremental,
    /// Files that changed since the last full
    Differential,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DedupArgument {
    /// All packs of the repository
    Repository,
    /// Only packs written since the last full, so you can keep them apart from all others
    Group,
}

impl BackupArguments {
    /// Returns the request, combined with the configuration.
    pub(super) fn request(&self, configuration: &Configuration) -> Outcome<BackupRequest> {
        let sources = backup::plan(self.sources()?, &self.settings(), configuration)?;
        Ok(BackupRequest { sources, options: self.options(), working_directory: env::current_dir().ok() })
    }

    fn sources(&self) -> Outcome<SourceChoice> {
        let stream = match (&self.stdin, &self.command) {
            (Some(file_name), _) => {
                Some(StreamChoice::Input { file_name: file_name.clone(), open: standard_input })
            }
            (None, Some(file_name)) if self.program.is_empty() || !self.paths.is_empty() => {
                return Err(self.without_separator(file_name));
            }
            (None, Some(file_name)) => {
                Some(StreamChoice::Command { file_name: file_name.clone(), program: self.program.clone() })
            }
            (None, None) if self.program.is_empty() => None,
            (None, None) => {
                return Err(Failure::usage("a command after -- requires --command NAME").hint(
                    "run `icecore backup --command NAME -- CMD…`; write ./-name for a path that begins with -",
                ));
            }
        };
        Ok(SourceChoice { paths: self.paths.clone(), name: self.name.clone(), stream })
    }

    /// Makes the failure of `--command` whose command does not stand behind `--`.
    fn without_separator(&self, file_name: &OsStr) -> Failure {
        let words = self
            .paths
            .iter()
            .map(|path| path.as_os_str())
            .chain(self.program.iter().map(OsString::as_os_str));
        let words: Vec<_> = words.map(|word| text::shell_word(word.as_bytes())).collect();
        let program = if words.is_empty() { "CMD…".to_owned() } else { words.join(" ") };
        let file_name = text::shell_word(file_name.as_bytes());
        Failure::usage("--command needs a command after --, and no PATH")
            .hint(format!("run `icecore backup --command {file_name} -- {program}`"))
    }

    fn settings(&self) -> ChosenSettings {
        ChosenSettings {
            exclude: self.exclude.clone(),
            exclude_files: self.exclude_file.clone(),
            snapshot: SnapshotSettings {
                exclude_caches: self.exclude_caches,
                one_file_system: self.one_file_system,
                ignored: IgnoredChanges { changed: self.ignore_ctime, inode: self.ignore_inode },
                allow_empty: self.allow_empty,
                tags: self.tags(),
                read_concurrency: self.read_concurrency,
            },
            compression_level: self.compression,
            pack_bytes: self.pack_size,
            skip_verification: self.skip_verification,
        }
    }

    fn options(&self) -> BackupOptions {
        let create = || {
            let key = self.kms.clone().map_or(KeyChoice::Given, KeyChoice::Kms);
            InitRequest { in_place_of: self.in_place_of, ..InitRequest::new(key) }
        };
        BackupOptions {
            host: self.host.clone(),
            level: self.level(),
            dedup: self.dedup(),
            create: self.init.then(create),
            dry_run: self.dry_run,
        }
    }

    /// Returns the chosen level.
    pub(crate) fn level(&self) -> Level {
        match self.level {
            LevelArgument::Full => Level::Full,
            LevelArgument::Incremental => Level::Incremental,
            LevelArgument::Differential => Level::Differential,
        }
    }

    /// Returns the chosen scope of deduplication, if any.
    fn dedup(&self) -> Option<DedupScope> {
        self.dedup.map(|scope| match scope {
            DedupArgument::Repository => DedupScope::Repository,
            DedupArgument::Group => DedupScope::Group,
        })
    }

    /// Returns the tags; if a key has several values, the last one counts.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        self.tag.iter().cloned().collect()
    }
}

/// Returns a separate file handle of standard input.
fn standard_input() -> io::Result<OwnedFd> {
    io::stdin().as_fd().try_clone_to_owned()
}

#[cfg(test)]
mod tests;
