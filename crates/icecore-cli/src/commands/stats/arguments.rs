//! Options of `stats`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{reference, stats::StatsRequest};
use icecore_policy::retention::{RetentionSelection, TagFilter};

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// Show what takes the space, and what forgetting snapshots would free
///
/// Shows the objects of the repository by kind, how much deduplication and compression save, and three
/// figures for each source. *alone*: stored bytes of the data that only its snapshots refer to. *freed*:
/// bytes that `prune` would remove if all its snapshots were forgotten. *shared*: bytes of packs that it
/// needs and other snapshots need, too.
///
/// `prune` removes whole packs. So *freed* is less than *alone* if packs also hold data of other snapshots,
/// and more if they hold data that no snapshot refers to.
///
/// With REF or with --source, --host and --tag, only the selected snapshots are shown, and counted as if they
/// were forgotten together. All manifests of the repository are read, because other snapshots may need the
/// same data. Nothing is written.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore stats
  icecore stats --source home --snapshots      # what each snapshot of a source holds
  icecore stats home@latest~1 home@latest~2    # what forgetting these two would free
  icecore stats --growth
  icecore stats --json")]
pub(crate) struct StatsArguments {
    /// Show only these snapshots: `[SOURCE@]SNAPSHOT`
    #[arg(value_name = "REF")]
    references: Vec<OsString>,
    /// Show only snapshots of this source; can be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// Show only snapshots of this host; can be given several times
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// Show only snapshots with this tag; if it is given several times, all tags must match
    #[arg(long, value_name = "KEY[=VALUE]")]
    tag: Vec<TagFilter>,
    /// Show each snapshot by itself
    #[arg(long)]
    snapshots: bool,
    /// Show what each month added
    #[arg(long)]
    pub(super) growth: bool,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl StatsArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> Outcome<StatsRequest> {
        let references = self.references.iter().map(|text| reference::read_without_path(text));
        Ok(StatsRequest {
            references: references.collect::<Result<_, _>>()?,
            selection: RetentionSelection {
                hosts: self.host.clone(),
                sources: self.source.clone(),
                tags: self.tag.clone(),
            },
            by_snapshot: self.snapshots || !self.references.is_empty(),
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}
