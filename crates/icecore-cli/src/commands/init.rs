//! `init`: creates a repository.

use icecore_access::creation::KeyChoice;

use crate::{
    arguments::repository::InitArguments,
    commands::creation,
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::console::ResultWriter,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &InitArguments) -> Outcome<ExitStatus> {
    let InitArguments { label, in_place_of, single_writer, kms } = arguments;
    let key = kms.as_deref().map_or(KeyChoice::GivenOrAsked, KeyChoice::Kms);
    let created = creation::create(context, label, key, *in_place_of, *single_writer)?;
    if context.console.json {
        ResultWriter::document(&created.document)?;
    } else {
        ResultWriter::print(&created.document.text())?;
    }
    Ok(ExitStatus::Done)
}
