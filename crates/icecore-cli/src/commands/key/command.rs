//! Runs `key`.

use icecore_operations::key::{self, ChangedDocument, ChangedKeys};

use super::{
    arguments::{KeyArguments, KeyCommand},
    text::{self, Notices},
};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::console::ResultWriter,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &KeyArguments) -> Outcome<ExitStatus> {
    let (access, notices) = (&context.access, Notices { console: &context.console });
    let change = match &arguments.command {
        KeyCommand::List => return list(context),
        KeyCommand::Add(arguments) => key::add(access, &arguments.request())?,
        KeyCommand::Remove(arguments) => key::remove(access, &arguments.id, &notices)?,
        KeyCommand::Passwd(arguments) => key::change(access, &arguments.new.source(), &notices)?,
    };
    show(context, &change)
}

fn list(context: &Context) -> Outcome<ExitStatus> {
    let list = key::list(&context.access)?;
    if context.console.json {
        ResultWriter::document(&list.documents())?;
    } else {
        ResultWriter::print(&text::table(&list, &context.access.machine.zone).text())?;
    }
    Ok(ExitStatus::Done)
}

fn show(context: &Context, change: &ChangedKeys) -> Outcome<ExitStatus> {
    if context.console.json {
        ResultWriter::document(&ChangedDocument::from(change))?;
    } else {
        context.console.summary(&text::changed(change))?;
    }
    Ok(ExitStatus::Done)
}
