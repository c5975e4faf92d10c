//! Options of `snapshots`.

use clap::Args;
use icecore_operations::snapshots::SnapshotsRequest;

use crate::arguments::{rollback::RollbackArguments, values::parse_tag};

/// List the snapshots
///
/// Shows the id, time, source and level of each snapshot, the number and size of its files, and the bytes
/// that were new in the repository (before compression). Snapshots that lack some source files are marked as
/// partial.
///
/// If snapshots disappeared, or the repository was rolled back, the list shows the existing snapshots, and
/// the exit code is 20.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore snapshots
  icecore snapshots --source home --tag plan=daily
  icecore snapshots --json")]
pub(crate) struct SnapshotsArguments {
    /// List only snapshots of this source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// List only snapshots with this tag; if it is given several times, all tags must match
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub(crate) tag: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}

impl SnapshotsArguments {
    /// Returns the request.
    pub(crate) fn request(&self) -> SnapshotsRequest {
        SnapshotsRequest {
            source: self.source.clone(),
            tags: self.tag.clone(),
            ignores_rollback: self.rollback.ignore_rollback,
        }
    }
}
