//! Options of the commands that look inside: `snapshots`, `ls`, `cat`, `diff`.

use std::ffi::OsString;

use clap::Args;

use super::backup::parse_tag;

/// What a command that reads does if snapshots disappeared.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct RollbackArguments {
    /// Go on although snapshots disappeared, or the repository was rolled back
    ///
    /// Every command looks at the log of the repository before it reads. If the newest snapshot may have been
    /// removed, or an older copy of the repository was put in its place, the command ends with exit code 20.
    /// With this option it warns and takes the newest snapshot that is there. `icecore check
    /// --accept-rollback` accepts the loss for good.
    #[arg(long)]
    pub(crate) ignore_rollback: bool,
}

/// List the snapshots
///
/// Shows id, time, source, level, number and size of the files, and the bytes that were new in the repository (before
/// compression). Snapshots in which some source files are missing are marked as partial.
///
/// If snapshots disappeared, or the repository was rolled back, the list shows what is there, and the exit
/// code is 20.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore snapshots
  icecore snapshots --source home --tag plan=daily
  icecore snapshots --json")]
pub(crate) struct SnapshotsArguments {
    /// Only those of this source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Only those with this tag; several must all be there
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub(crate) tag: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}

/// List what is in a snapshot
///
/// Shows the content of the directory that the reference names, with paths relative to the source's root, as other
/// references want them. Names are escaped on a terminal, and written as they are otherwise.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore ls home@latest
  icecore ls home@latest:alice --long
  icecore ls etc@2026-11-01 --recursive")]
pub(crate) struct LsArguments {
    /// Snapshot, or directory or file in it: `[SOURCE@]SNAPSHOT[:PATH]`
    #[arg(value_name = "REF")]
    pub(crate) reference: OsString,
    /// Show kind, mode, owner, size and time
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Show directories with everything below them
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}

/// Write a file of a snapshot to standard output
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore cat etc@latest:fstab
  icecore cat home@2026-11-01:alice/report.txt | less")]
pub(crate) struct CatArguments {
    /// File: `[SOURCE@]SNAPSHOT:PATH`
    #[arg(value_name = "REF")]
    pub(crate) reference: OsString,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}

/// Show what differs between two snapshots
///
/// Each line begins with A (added), D (deleted) or M (modified, then `content`, `metadata` or `kind`). Parts that both
/// snapshots share are not even read.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore diff latest~1 latest
  icecore diff home@2026-11-01:alice home@latest:alice")]
pub(crate) struct DiffArguments {
    /// Older snapshot: `[SOURCE@]SNAPSHOT[:PATH]`
    #[arg(value_name = "OLD")]
    pub(crate) old: OsString,
    /// Newer snapshot, with the same PATH if there is one
    #[arg(value_name = "NEW")]
    pub(crate) new: OsString,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}
