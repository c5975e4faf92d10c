//! Options of `ls`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{ls::LsRequest, reference};

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// List the contents of a snapshot
///
/// Shows the contents of the directory that the reference names. Paths are relative to the root of the
/// source, as in references. On a terminal, names are escaped; otherwise they are written unchanged.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore ls home@latest
  icecore ls home@latest:alice --long
  icecore ls etc@2026-11-01 --recursive")]
pub(crate) struct LsArguments {
    /// Snapshot, or a directory or file in it: `[SOURCE@]SNAPSHOT[:PATH]`
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

impl LsArguments {
    /// Returns the request.
    pub(crate) fn request(&self) -> Outcome<LsRequest> {
        Ok(LsRequest {
            reference: reference::read(&self.reference)?,
            recursive: self.recursive,
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}
