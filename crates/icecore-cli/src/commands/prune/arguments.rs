//! Options of `prune`.

use std::time::Duration;

use clap::Args;
use icecore_format::ids::RunId;
use icecore_operations::prune::{GRACE, PruneRequest};

use crate::arguments::values::{parse_bytes, parse_duration, parse_run};

/// Remove data that no snapshot needs
///
/// Run it after `forget`, on one host at a time or on several. It works beside running backups, restores,
/// copies and checks, and never stops them. Packs that no snapshot needs are marked first, so that no new
/// backup uses them. They are removed by the first `prune` after the grace period, when all backups have
/// ended that were running when they were marked.
///
/// If the repository is damaged, if snapshots disappeared, or if the store returns an incomplete listing,
/// nothing is removed, and the exit code is 20.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore prune --dry-run
  icecore prune
  icecore prune --max-repack 100GiB  # look everywhere for packs that are mostly unused
  icecore prune --grace 0          # remove at once what no running backup may use")]
pub(crate) struct PruneArguments {
    /// Show what would be marked and removed, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Time between marking and removing, such as 12h or 3d [default: 1d]
    ///
    /// Until then, `forget --undo` brings a snapshot back, and a restore that began before can finish.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) grace: Option<Duration>,
    /// Read at most so many bytes of packs to repack them, such as 500MiB or 2TiB; 0 repacks nothing
    /// [default: 16GiB]
    ///
    /// What snapshots need of packs that are at least half unused, or small, goes into new packs. Without
    /// this option, `prune` looks for such packs only after snapshots were forgotten, or if there are many
    /// small ones.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) max_repack: Option<u64>,
    /// Do not wait for this run: its process has ended
    ///
    /// A backup that was killed is no longer waited for after a day. A repair that was killed is waited for
    /// until you name its run here.
    #[arg(long, value_name = "RUN", value_parser = parse_run)]
    pub(crate) end_run: Vec<RunId>,
}

impl PruneArguments {
    /// Returns the request.
    pub(crate) fn request(&self) -> PruneRequest {
        PruneRequest {
            grace: self.grace.unwrap_or(GRACE),
            ended_runs: self.end_run.clone(),
            max_repack: self.max_repack,
            dry_run: self.dry_run,
        }
    }
}
