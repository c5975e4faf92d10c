//! `init`: creates a repository.

use crate::{
    arguments::repository::InitArguments, commands::creation, console::ResultWriter, context::Context,
    exit_status::ExitStatus, failure::Outcome,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &InitArguments) -> Outcome<ExitStatus> {
    let InitArguments { label, in_place_of, single_writer } = arguments;
    let created = creation::create(context, label, true, *in_place_of, *single_writer)?;
    if context.console.json {
        ResultWriter::document(&created.document)?;
    } else {
        ResultWriter::print(&created.document.text())?;
    }
    Ok(ExitStatus::Done)
}
