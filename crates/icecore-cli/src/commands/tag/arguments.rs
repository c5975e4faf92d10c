//! Options of `tag`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{reference, tag::TagRequest};

use crate::{
    arguments::{rollback::RollbackArguments, values::parse_tag},
    failure::{Failure, Outcome},
};

/// Add and remove tags of a snapshot
///
/// A tag with the same key is replaced. Tags choose snapshots in `icecore snapshots` and `icecore forget`.
#[derive(Clone, Debug, Args)]
#[command(
    group(clap::ArgGroup::new("change").required(true).multiple(true).args(["add", "remove"])),
    after_help = "\
Examples:
  icecore tag home@latest --add keep=year
  icecore tag 3f9a2c --add plan=weekly --remove trial"
)]
pub(crate) struct TagArguments {
    /// Snapshot: `[SOURCE@]SNAPSHOT`
    #[arg(value_name = "REF")]
    reference: OsString,
    /// Add this tag; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_tag)]
    add: Vec<(String, String)>,
    /// Remove the tag with this key; can be given several times
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl TagArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> Outcome<TagRequest> {
        let keys = || self.add.iter().map(|(key, _)| key).chain(&self.remove);
        if let Some((_, key)) =
            keys().enumerate().find(|(index, key)| keys().take(*index).any(|other| other == *key))
        {
            return Err(Failure::usage(format!("the tag {key:?} is given twice")));
        }
        Ok(TagRequest {
            reference: reference::read_without_path(&self.reference)?,
            add: self.add.clone(),
            remove: self.remove.clone(),
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}
