//! Options of `cat`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{cat::CatRequest, reference};

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// Write a file from a snapshot to standard output
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore cat etc@latest:fstab
  icecore cat home@2026-11-01:alice/report.txt | less")]
pub(crate) struct CatArguments {
    /// File to write: `[SOURCE@]SNAPSHOT:PATH`
    #[arg(value_name = "REF")]
    pub(crate) reference: OsString,
    #[command(flatten)]
    pub(crate) rollback: RollbackArguments,
}

impl CatArguments {
    /// Returns the request.
    pub(crate) fn request(&self) -> Outcome<CatRequest> {
        Ok(CatRequest {
            reference: reference::read(&self.reference)?,
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}
