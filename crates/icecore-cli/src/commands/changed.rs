//! The result of commands that change what a snapshot object says.

use icecore_operations::change::{Changed, ChangedDocument};

use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::{console::ResultWriter, requests},
};

/// Shows a changed snapshot; `said` is what its object says now.
pub(super) fn show(context: &Context, changed: &Changed, said: &str) -> Outcome<ExitStatus> {
    let console = &context.console;
    if console.json {
        ResultWriter::document(&ChangedDocument::new(changed))?;
    } else {
        let id = changed.snapshot.origin.run.snapshot_id();
        let unchanged = if changed.is_changed { "" } else { " (unchanged)" };
        ResultWriter::print(&format!("snapshot {id}: {said}{unchanged}\n"))?;
    }
    requests::tell_calls(console, &changed.usage);
    Ok(ExitStatus::Done)
}
