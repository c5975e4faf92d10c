//! `init`: creates a repository.

use crate::{
    arguments::repository::InitArguments, commands::creation, context::Context, exit_status::ExitStatus,
    failure::Outcome,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &InitArguments) -> Outcome<ExitStatus> {
    let created = creation::create(context, &arguments.label, true)?;
    if context.console.json {
        context.console.document(&created.document)?;
    } else {
        context.console.result(&created.document.text())?;
    }
    Ok(ExitStatus::Done)
}
