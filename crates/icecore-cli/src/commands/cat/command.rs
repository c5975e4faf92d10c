//! Runs `cat`.

use icecore_operations::cat;

use super::{arguments::CatArguments, text::ContentWriter};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CatArguments) -> Outcome<ExitStatus> {
    let request = arguments.request()?;
    cat::run(&context.access, &context.witness()?, &request, &mut ContentWriter::new(&context.console))?;
    Ok(ExitStatus::Done)
}
