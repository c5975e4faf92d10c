//! Options of `restore`.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgGroup, Args};
use icecore_restore::OwnerMapping;

/// Restore a snapshot, a directory or a file of it
///
/// The target becomes the referenced root or directory; a single file is put into it. What is already right in the target is
/// left alone and not fetched again, so that a restore over an earlier state, or one that was interrupted, moves only
/// what is missing. A file counts as right if its length and its time of modification are; with --verify, if its content
/// is: use it where something else may have written files of the same time. What the snapshot does not have stays, unless --delete is given. Nothing is ever written outside of
/// the target.
///
/// --incremental, --differential and --since write only what changed between an earlier snapshot and this one; the target
/// has to be in the earlier state for the result to be the later one.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("place").args(["target", "in_place"]).required(true))]
#[command(group = ArgGroup::new("base").args(["since", "incremental", "differential"]))]
#[command(after_help = "\
Examples:
  icecore restore home@latest --target /srv/home
  icecore restore home@2026-11-01:alice/report.txt --target /tmp
  icecore restore latest --target /tmp/part --include '*.conf' --include '/ssh/'
  icecore restore home@latest --target /standby/home --differential --delete
  icecore restore etc@latest --in-place --dry-run")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct RestoreArguments {
    /// Snapshot, or directory or file in it: `[SOURCE@]SNAPSHOT[:PATH]`
    #[arg(value_name = "REF")]
    pub(crate) reference: OsString,
    /// Directory to restore into; created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub(crate) target: Option<PathBuf>,
    /// Restore to where the source was
    #[arg(long)]
    pub(crate) in_place: bool,
    /// Restore only what matches this pattern (as in .gitignore files; `!` takes out again)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,
    /// Restore only what changed since this older snapshot of the same source
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) since: Option<OsString>,
    /// Restore only what changed since the previous snapshot of the source
    #[arg(long)]
    pub(crate) incremental: bool,
    /// Restore only what changed since the last full of the source
    #[arg(long)]
    pub(crate) differential: bool,
    /// Remove what the snapshot does not have; with --since and its like, what was deleted between the two
    #[arg(long)]
    pub(crate) delete: bool,
    /// Compare the content of files that look right, and read back what was written
    #[arg(long)]
    pub(crate) verify: bool,
    /// Show what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Restore owners by number, not by name
    #[arg(long, conflicts_with = "no_owner")]
    numeric_owner: bool,
    /// Do not restore owners: everything belongs to who restores
    #[arg(long)]
    no_owner: bool,
}

impl RestoreArguments {
    /// Returns whom restored objects belong to.
    pub(crate) fn owners(&self) -> OwnerMapping {
        match (self.numeric_owner, self.no_owner) {
            (_, true) => OwnerMapping::None,
            (true, false) => OwnerMapping::Numeric,
            (false, false) => OwnerMapping::ByName,
        }
    }
}
