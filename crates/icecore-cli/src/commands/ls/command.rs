//! Runs `ls`.

use icecore_operations::ls;

use super::{arguments::LsArguments, text::Listing};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &LsArguments) -> Outcome<ExitStatus> {
    let request = arguments.request()?;
    let mut listing = Listing::new(&context.console, &context.access.machine.zone, arguments.long);
    ls::run(&context.access, &context.witness()?, &request, &mut listing)?;
    Ok(ExitStatus::Done)
}
