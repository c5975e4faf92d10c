//! Options of `hold` and `release`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{
    hold::{HoldRequest, ReleaseRequest},
    reference::{self, Moment},
};

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// Keep a snapshot, whatever the rules of retention say
///
/// `icecore forget` does not remove the snapshot until the hold ends, or until `icecore release` releases it.
/// A second hold replaces the first one.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore hold home@latest --until 2027-12-31 --reason 'tax records'
  icecore hold 3f9a2c --reason 'court case'")]
pub(crate) struct HoldArguments {
    /// Snapshot: `[SOURCE@]SNAPSHOT`
    #[arg(value_name = "REF")]
    reference: OsString,
    /// Last day or moment of the hold (default: until it is released)
    #[arg(long, value_name = "DATE", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Why the snapshot is held
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    rollback: RollbackArguments,
}

/// Release the hold on a snapshot
///
/// The rules of retention decide about the snapshot again.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  icecore release 3f9a2c")]
pub(crate) struct ReleaseArguments {
    /// Snapshot: `[SOURCE@]SNAPSHOT`
    #[arg(value_name = "REF")]
    reference: OsString,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl HoldArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> Outcome<HoldRequest> {
        Ok(HoldRequest {
            reference: reference::read_without_path(&self.reference)?,
            until: self.until,
            reason: self.reason.clone(),
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}

impl ReleaseArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> Outcome<ReleaseRequest> {
        Ok(ReleaseRequest {
            reference: reference::read_without_path(&self.reference)?,
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}

fn parse_moment(text: &str) -> Result<Moment, String> {
    reference::read_moment(text)
        .ok_or_else(|| "write a date or a time, as in 2027-12-31 or 2027-12-31T18:00".to_owned())
}
