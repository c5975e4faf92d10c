//! Options of `forget`.

use std::{ffi::OsString, time::Duration};

use clap::Args;
use icecore_operations::{
    error::OperationError,
    forget::{ForgetChoice, ForgetRequest, UndoRequest},
    prune::{GRACE, PruneRequest},
    reference,
};
use icecore_policy::retention::{GroupBy, RetentionSelection, TagFilter};

use super::rules::RuleArguments;
use crate::{
    arguments::{rollback::RollbackArguments, values::parse_duration},
    failure::{Failure, Outcome},
};

/// Forget snapshots, by name or by rules
///
/// Forgotten snapshots are not listed any more. Their data stays until `icecore prune` removes it, and until
/// then, `icecore forget --undo ID` brings them back. Rules are applied to each source of each host by
/// itself: a snapshot stays if at least one rule keeps it.
///
/// A guard keeps the last whole snapshot of a source and snapshots around unusual changes, and refuses to
/// forget more than half of the snapshots of a source at once. --yes switches it off. Try new rules with
/// --dry-run.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run
  icecore forget --scheme gfs --prune
  icecore forget home@latest~3
  icecore forget --undo 3f9a2c")]
pub(crate) struct ForgetArguments {
    /// Snapshots to forget: `[SOURCE@]SNAPSHOT`
    #[arg(value_name = "REF")]
    references: Vec<OsString>,
    #[command(flatten)]
    rules: RuleArguments,
    /// Apply the rules only to snapshots of this source; can be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "references")]
    source: Vec<String>,
    /// Apply the rules only to snapshots of this host; can be given several times
    #[arg(long, value_name = "HOST", conflicts_with = "references")]
    host: Vec<String>,
    /// Apply the rules only to snapshots with this tag; if it is given several times, all tags must match
    #[arg(long, value_name = "KEY[=VALUE]", conflicts_with = "references")]
    tag: Vec<TagFilter>,
    /// Count snapshots together that have these in common: host, source, tags (default: host,source)
    #[arg(long, value_name = "FIELDS", conflicts_with = "references")]
    group_by: Option<GroupBy>,
    /// Forget what the guard would refuse
    #[arg(long)]
    yes: bool,
    /// Show for each snapshot which rule keeps it or why it goes, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove data that no snapshot needs, as `icecore prune` does
    #[arg(long, conflicts_with = "dry_run")]
    prune: bool,
    /// With --prune, time between marking data and removing it, such as 12h or 3d (default: 1d)
    #[arg(long, value_name = "TIME", requires = "prune", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// Bring back the forgotten snapshot with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["references", "source", "host", "tag", "group_by", "yes", "dry_run", "prune"])]
    undo: Option<OsString>,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl ForgetArguments {
    /// Returns the snapshot to bring back, if there is one.
    pub(super) fn undo(&self) -> Outcome<Option<UndoRequest>> {
        let Some(text) = &self.undo else { return Ok(None) };
        if self.rules.is_given() {
            return Err(Failure::usage("--undo brings one snapshot back, and rules forget snapshots")
                .hint("give --undo ID alone"));
        }
        Ok(Some(UndoRequest { reference: reference::read_without_path(text)? }))
    }

    /// Returns which snapshots to forget.
    pub(super) fn request(&self) -> Outcome<ForgetRequest> {
        let choice = if self.references.is_empty() {
            ForgetChoice::Rules {
                policy: self.rules.policy().map_err(OperationError::from)?,
                selection: RetentionSelection {
                    hosts: self.host.clone(),
                    sources: self.source.clone(),
                    tags: self.tag.clone(),
                },
                group_by: self.group_by.unwrap_or_default(),
            }
        } else if self.rules.is_given() {
            return Err(Failure::usage("snapshots are named, and rules are given, too")
                .hint("name the snapshots to forget, or give rules that choose them"));
        } else {
            let references = self.references.iter().map(|text| reference::read_without_path(text));
            ForgetChoice::Named(references.collect::<Result<_, _>>()?)
        };
        Ok(ForgetRequest {
            choice,
            is_confirmed: self.yes,
            is_dry_run: self.dry_run,
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }

    /// Returns how to remove packs afterwards, if this is requested.
    pub(super) fn prune(&self) -> Option<PruneRequest> {
        let grace = self.grace.unwrap_or(GRACE);
        self.prune.then(|| PruneRequest { grace, ended_runs: Vec::new(), max_repack: None, dry_run: false })
    }
}
