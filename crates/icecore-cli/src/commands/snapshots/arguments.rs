//! Options of `snapshots`.

use clap::Args;
use icecore_operations::snapshots::SnapshotsRequest;

use crate::arguments::{backup::parse_tag, rollback::RollbackArguments};

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

impl SnapshotsArguments {
    /// Returns which snapshots are to be listed.
    pub(crate) fn request(&self) -> SnapshotsRequest {
        SnapshotsRequest {
            source: self.source.clone(),
            tags: self.tag.clone(),
            ignores_rollback: self.rollback.ignore_rollback,
        }
    }
}
