//! Options of `diff`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{diff::DiffRequest, reference};

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// Show the differences between two snapshots
///
/// Each line begins with A (added), D (deleted) or M (modified, then `content`, `metadata` or `kind`). Parts
/// that both snapshots share are not read.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore diff latest~1 latest
  icecore diff home@2026-11-01:alice home@latest:alice")]
pub(crate) struct DiffArguments {
    /// Older snapshot: `[SOURCE@]SNAPSHOT[:PATH]`
    #[arg(value_name = "OLD")]
    pub(crate) old: OsString,
    /// Newer snapshot, with the same PATH as OLD if OLD has one
    #[arg(value_name = "NEW")]
    pub(crate) new: OsString,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}

impl DiffArguments {
    /// Returns the request.
    pub(crate) fn request(&self) -> Outcome<DiffRequest> {
        let (old, new) = (reference::read(&self.old)?, reference::read(&self.new)?);
        Ok(DiffRequest::new(old, new, self.rollback.ignore_rollback)?)
    }
}
