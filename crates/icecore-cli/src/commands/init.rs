//! `init`: creates a repository.

use crate::{
    arguments::repository::InitArguments, commands::creation, console::ResultWriter, context::Context,
    exit_status::ExitStatus, failure::Outcome,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &InitArguments) -> Outcome<ExitStatus> {
    let created = creation::create(context, &arguments.label, true, arguments.in_place_of)?;
    if context.console.json {
        ResultWriter::document(&created.document)?;
    } else {
        ResultWriter::print(&created.document.text())?;
    }
    Ok(ExitStatus::Done)
}
