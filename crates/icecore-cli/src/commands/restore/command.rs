//! Runs `restore`.

use icecore_operations::restore;

use super::{
    arguments::RestoreArguments,
    receiver::Receiver,
    text::{notice_text, show},
};
use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, status},
    surface::{console::ResultWriter, requests},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &RestoreArguments) -> Outcome<ExitStatus> {
    let request = arguments.request()?;
    let console = &context.console;
    let mut receiver = Receiver::new(context);
    let restored = restore::run(&context.access, &context.witness()?, &request, &mut receiver)?;
    let (document, actions) = (restored.document(notice_text), receiver.into_actions());
    let is_begun = actions.is_begun();
    actions.close(&document).map_err(|error| Failure::output(&error))?;
    match (console.json, is_begun) {
        (true, true) => {}
        (true, false) => ResultWriter::document(&document)?,
        (false, _) => show(console, &restored)?,
    }
    requests::tell_calls(console, &restored.usage);
    Ok(status::of_restore_report(&restored.report, restored.is_forgotten))
}
