//! Runs `copy`.

use icecore_operations::{
    copy::{self, CopyDocument, CopyReport, CopySide},
    error::OperationError,
};
use icecore_store::RepositoryLocation;

use super::{
    arguments::CopyArguments,
    text::{Receiver, summary},
};
use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, status},
    process::environment_variables,
    surface::{console::ResultWriter, requests},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CopyArguments) -> Outcome<ExitStatus> {
    let credentials = arguments.credentials(&context.words, environment_variables::destination_password());
    let location = RepositoryLocation::parse(&arguments.to)?;
    let other = context.of_other(location, credentials, arguments.s3_settings(&context.access.s3));
    let result = copy(context, &other, arguments);
    requests::tell(&context.console, "S3 (to)", &other.access.requests);
    result
}

fn copy(context: &Context, other: &Context, arguments: &CopyArguments) -> Outcome<ExitStatus> {
    let source = CopySide { access: &context.access, witness: &context.witness()? };
    let destination = CopySide { access: &other.access, witness: &other.witness()? };
    let request = arguments.request(&context.configuration.backup_settings(None));
    let report = copy::run(source, destination, &request, &mut Receiver::new(context))?;
    if let Some(destination) = &report.destination {
        requests::tell_calls(&context.console, &destination.usage);
    }
    if report.is_destination_alarmed {
        let alarm = OperationError::RolledBack.of_destination();
        context.console.failure(&Failure::of_operation(&alarm));
    }
    finish(context, &report)
}

/// Writes the JSON document, or the summary, and returns how the command ends.
fn finish(context: &Context, report: &CopyReport) -> Outcome<ExitStatus> {
    if context.console.json {
        let describe = |error: &OperationError| Failure::of_operation(error).document();
        ResultWriter::document(&CopyDocument::new(report, &describe))?;
    } else {
        context.console.summary(&summary(report))?;
    }
    let is_cancelled = context.access.machine.is_cancelled();
    Ok(if is_cancelled { ExitStatus::Interrupted } else { status::of_copy_report(report) })
}
