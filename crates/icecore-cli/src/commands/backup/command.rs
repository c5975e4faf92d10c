//! Runs `backup`.

use icecore_operations::backup::{self, BackupDocument};

use super::{arguments::BackupArguments, events::Receiver};
use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, status},
    surface::{console::ResultWriter, requests},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &BackupArguments) -> Outcome<ExitStatus> {
    let request = arguments.request(&context.configuration)?;
    let receiver = Receiver::new(context);
    let prepared = backup::prepare(&context.access, request, &receiver)?;
    let report = if prepared.is_hopeless() {
        prepared.give_up(&receiver)?
    } else {
        backup::run(&context.access, &context.witness()?, prepared, &receiver)?
    };
    if let Some(usage) = &report.usage {
        requests::tell_calls(&context.console, usage);
    }
    if context.console.json {
        let describe = |error: &_| Failure::of_operation(error).document();
        ResultWriter::document(&BackupDocument::new(&report, &describe))?;
    }
    let is_cancelled = context.access.machine.is_cancelled();
    Ok(if is_cancelled { ExitStatus::Interrupted } else { status::of_backup_report(&report) })
}
