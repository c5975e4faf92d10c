//! Runs `check`.

use icecore_operations::check::{self, CheckDocument};

use super::{arguments::CheckArguments, progress::Receiver, text::describe};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus, status},
    surface::{
        console::{ResultWriter, Verbosity},
        requests,
    },
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CheckArguments) -> Outcome<ExitStatus> {
    let (console, request) = (&context.console, arguments.request());
    let checked = check::run(&context.access, &context.witness()?, &request, &Receiver { context })?;
    if console.json {
        ResultWriter::document(&CheckDocument::new(&checked))?;
    } else {
        let quiet = console.verbosity == Verbosity::Quiet && checked.is_well();
        let text =
            if quiet { String::new() } else { describe(&context.access.machine, &checked, request.reading) };
        ResultWriter::print(&text)?;
    }
    requests::tell_calls(console, &checked.usage);
    Ok(status::of_check_report(&checked))
}
