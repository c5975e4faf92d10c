//! Options of `restore`.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgGroup, Args, ValueHint, builder::TypedValueParser};
use icecore_operations::{
    reference,
    restore::{Base, Include, RestoreRequest, TargetChoice},
};
use icecore_restore::OwnerMapping;

use crate::{
    arguments::{rollback::RollbackArguments, values::local_directory},
    failure::Outcome,
};

/// Restore a snapshot, or a directory or file in it
///
/// The target becomes the referenced root or directory. A single file is restored into the target. Existing
/// files are read and compared with the snapshot, and only the parts that differ are fetched. A restore over
/// an earlier state, or after an interruption, transfers only the missing data. --trust-times skips the
/// comparison: files with the recorded size and modification time count as up to date. On the host of the
/// source, --in-place does not read files that have not changed since the backup. Objects that the snapshot
/// does not have stay, unless --delete is given. Nothing is ever written outside the target.
///
/// An existing target directory keeps its own owner, permissions, attributes and times, unless --in-place,
/// --delete or --target-metadata is given. Everything below it gets the recorded ones. If some of them cannot
/// be set, the exit code is 3. For users other than root, owners and other metadata that only root can set do
/// not count. The exit code is also 3 if files are missing because the backup could not read them.
///
/// Immutable and append-only files and directories (`chattr +i`, `chattr +a`) are also restored. Root clears
/// the flag of objects that have to change, and sets the recorded flags at the end.
///
/// --delete removes only objects that did not exist according to the snapshot. The following objects stay:
/// the contents of directories that the backup could not read or did not enter, objects that the backup
/// excluded (unless --delete-excluded is given), mount points and everything below them, the repository, and
/// Icecore's own key files, cache and state. The report counts the objects that stay and says why.
///
/// Data in the archive classes of S3 (Glacier and others) must be thawed before it can be read. The command
/// restores everything else, lists the packs that must be thawed and the commands to thaw them, and ends with
/// exit code 75. Run the same command again when the packs are thawed: files that are already up to date are
/// skipped.
///
/// --incremental, --differential and --since write only the changes between an earlier snapshot and this one.
/// The target must be in the state of the earlier snapshot; otherwise, the result is not the state of this
/// one.
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
    /// Snapshot, or a directory or file in it: `[SOURCE@]SNAPSHOT[:PATH]`
    #[arg(value_name = "REF")]
    pub(crate) reference: OsString,
    /// Directory to restore into; created if it does not exist
    #[arg(short, long, value_name = "DIR", value_parser = local_directory().map(PathBuf::from), value_hint = ValueHint::DirPath)]
    pub(crate) target: Option<PathBuf>,
    /// Restore to the original location of the source
    #[arg(long)]
    pub(crate) in_place: bool,
    /// Restore only objects that match this pattern (as in .gitignore files; `!` excludes again)
    ///
    /// A pattern that matches a directory also applies to everything below it. The last pattern that matches
    /// an object, or a directory that contains it, decides. Patterns are relative to the referenced
    /// directory. --include '*' --include '!/cache/' restores everything except cache.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,
    /// Restore only changes since this older snapshot of the same source
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) since: Option<OsString>,
    /// Restore only changes since the previous snapshot of the source
    #[arg(long)]
    pub(crate) incremental: bool,
    /// Restore only changes since the last full of the source
    #[arg(long)]
    pub(crate) differential: bool,
    /// Remove objects that did not exist according to the snapshot
    ///
    /// With --since, --incremental or --differential: remove objects that were deleted between the two
    /// snapshots. With --include: remove objects only in directories that the patterns select as a whole.
    #[arg(long)]
    pub(crate) delete: bool,
    /// With --delete: also remove objects that exclude patterns and CACHEDIR.TAG kept out of the backup
    #[arg(long, requires = "delete")]
    pub(crate) delete_excluded: bool,
    /// Read restored data again from the disk, and compare it
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
    /// Show what would be done, but change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Restore owners by number, not by name
    #[arg(long, conflicts_with = "no_owner")]
    numeric_owner: bool,
    /// Do not restore owners: everything belongs to the user who restores
    #[arg(long)]
    no_owner: bool,
    /// Do not ask for confirmation
    ///
    /// Without this option, the command asks before it restores into a directory of the running system, such
    /// as / or /etc. It also asks before it deletes more than 1,000 objects if they are more than 30 % of the
    /// target. Without a terminal, it cannot ask: it refuses both and changes nothing, but --in-place without
    /// many deletions continues.
    #[arg(long)]
    pub(crate) yes: bool,
}

impl RestoreArguments {
    /// Returns the request.
    pub(crate) fn request(&self) -> Outcome<RestoreRequest> {
        let base = match (&self.since, self.incremental, self.differential) {
            (Some(since), ..) => Base::Named(since.clone()),
            (None, _, true) => Base::LastFull,
            (None, true, false) => Base::Previous,
            (None, false, false) => Base::Any,
        };
        Ok(RestoreRequest {
            reference: reference::read(&self.reference)?,
            target: self.target.clone().map_or(TargetChoice::Original, TargetChoice::Directory),
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

    /// Returns the owners of restored objects.
    fn owners(&self) -> OwnerMapping {
        match (self.numeric_owner, self.no_owner) {
            (_, true) => OwnerMapping::None,
            (true, false) => OwnerMapping::Numeric,
            (false, false) => OwnerMapping::ByName,
        }
    }
}
