//! Options of `restore`.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgGroup, Args};
use icecore_operations::{
    reference,
    restore::{Base, Include, Place, RestoreRequest},
};
use icecore_restore::OwnerMapping;

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// Restore a snapshot, a directory or a file of it
///
/// The target becomes the referenced root or directory; a single file is put into it. Existing files are read
/// and compared with the snapshot: only the parts that differ are fetched. So a restore over an earlier
/// state, or one that was interrupted, moves only what is missing. --trust-times skips the comparison and
/// takes a file of the recorded size and time of modification to be up to date. On the host of the source,
/// --in-place does not read files that have not changed since the backup. What the snapshot does not have
/// stays, unless --delete is given. Nothing is ever written outside of the target.
///
/// An existing target directory keeps its own owner, permissions, attributes and times, unless --in-place,
/// --delete or --target-metadata is given. Everything below it gets the recorded ones. If some of them could
/// not be set, the exit code is 3; owners and what else only root may set do not count for other users.
///
/// Immutable and append-only files and directories (`chattr +i`, `chattr +a`) are restored, too: root clears
/// the flag of what has to change, and sets the recorded flags at the end.
///
/// --delete removes only what the snapshot knows not to have existed. What stays: the content of directories
/// that the backup could not read or did not enter, what it left out (unless --delete-excluded is given),
/// mount points and everything below them, the repository, and Icecore's own key files, cache and state. The
/// report counts what stays and says why.
///
/// Data in the archive classes of S3 (Glacier and others) has to be thawed before it can be read. Everything
/// else is restored, the packs that have to be thawed are listed with the commands for it, and the exit code
/// is 75. Run the same command again when they are thawed: files that are up to date are skipped.
///
/// --incremental, --differential and --since write only what changed between an earlier snapshot and this
/// one; the target has to be in the earlier state for the result to be the later one.
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
    /// Remove what the snapshot knows not to have existed; with --since and its like, what was deleted
    /// between the two
    #[arg(long)]
    pub(crate) delete: bool,
    /// Remove with --delete also what exclude patterns and CACHEDIR.TAG kept out of the backup
    #[arg(long, requires = "delete")]
    pub(crate) delete_excluded: bool,
    /// Read what was written again from the disk, and compare it
    #[arg(long)]
    pub(crate) verify: bool,
    /// Do not compare the content of existing files that have the recorded size and time
    #[arg(long)]
    pub(crate) trust_times: bool,
    /// Give an existing target directory the recorded owner, permissions, attributes and times
    #[arg(long)]
    pub(crate) target_metadata: bool,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
    /// Show what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Restore owners by number, not by name
    #[arg(long, conflicts_with = "no_owner")]
    numeric_owner: bool,
    /// Do not restore owners: everything belongs to who restores
    #[arg(long)]
    no_owner: bool,
    /// Do not ask before restoring into a directory of the running system, such as / or /etc, nor before
    /// deleting more than 1,000 objects that are more than 30 % of the target
    #[arg(long)]
    pub(crate) yes: bool,
}

impl RestoreArguments {
    /// Returns what is to be restored.
    pub(crate) fn request(&self) -> Outcome<RestoreRequest> {
        let base = match (&self.since, self.incremental, self.differential) {
            (Some(since), ..) => Base::Named(since.clone()),
            (None, _, true) => Base::LastFull,
            (None, true, false) => Base::Previous,
            (None, false, false) => Base::Any,
        };
        Ok(RestoreRequest {
            reference: reference::read(&self.reference)?,
            place: self.target.clone().map_or(Place::Original, Place::Target),
            include: Include::new(self.include.clone())?,
            base,
            delete: self.delete,
            delete_excluded: self.delete_excluded,
            is_confirmed: self.yes,
            verify: self.verify,
            trust_times: self.trust_times,
            target_metadata: self.target_metadata,
            ignores_rollback: self.rollback.ignore_rollback,
            dry_run: self.dry_run,
            owners: self.owners(),
        })
    }

    /// Returns whom restored objects belong to.
    fn owners(&self) -> OwnerMapping {
        match (self.numeric_owner, self.no_owner) {
            (_, true) => OwnerMapping::None,
            (true, false) => OwnerMapping::Numeric,
            (false, false) => OwnerMapping::ByName,
        }
    }
}
