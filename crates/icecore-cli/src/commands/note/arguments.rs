//! Options of `note`.

use std::ffi::OsString;

use clap::Args;
use icecore_operations::{note::NoteRequest, reference};

use crate::{arguments::rollback::RollbackArguments, failure::Outcome};

/// Write a note about a snapshot
///
/// The note replaces an earlier one, and `icecore snapshots` shows it. An empty text removes it.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore note home@latest 'before the migration'
  icecore note 3f9a2c ''")]
pub(crate) struct NoteArguments {
    /// Snapshot: `[SOURCE@]SNAPSHOT`
    #[arg(value_name = "REF")]
    reference: OsString,
    /// The note
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    rollback: RollbackArguments,
}

impl NoteArguments {
    /// Returns the request.
    pub(super) fn request(&self) -> Outcome<NoteRequest> {
        Ok(NoteRequest {
            reference: reference::read_without_path(&self.reference)?,
            text: self.text.clone(),
            ignores_rollback: self.rollback.ignore_rollback,
        })
    }
}
