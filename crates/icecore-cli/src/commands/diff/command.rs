//! Runs `diff`.

use icecore_operations::diff;

use super::{
    arguments::DiffArguments,
    text::{Listing, summary},
};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &DiffArguments) -> Outcome<ExitStatus> {
    let request = arguments.request()?;
    let console = &context.console;
    let report = diff::run(&context.access, &context.witness()?, &request, &mut Listing::new(console))?;
    if !console.json {
        console.notice(&summary(&report));
    }
    Ok(ExitStatus::Done)
}
