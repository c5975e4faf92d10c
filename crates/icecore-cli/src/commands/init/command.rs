//! Runs `init`.

use icecore_operations::init::{self, CreatedDocument};

use super::{arguments::InitArguments, text};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::console::ResultWriter,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &InitArguments) -> Outcome<ExitStatus> {
    let created = init::run(&context.access, &context.witness()?, &arguments.request())?;
    let document = CreatedDocument::from(&created);
    if context.console.json {
        ResultWriter::document(&document)?;
    } else {
        ResultWriter::print(&text::created(&document))?;
    }
    Ok(ExitStatus::Done)
}
