//! Runs `doctor`.

use icecore_operations::doctor::{self, DoctorDocument};

use super::{
    arguments::DoctorArguments,
    text::{explain, lines},
};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus, status},
    surface::console::ResultWriter,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &DoctorArguments) -> Outcome<ExitStatus> {
    let access = &context.access;
    if let Some(role) = arguments.print_policy {
        ResultWriter::document(&doctor::policy(access, role.into())?)?;
        return Ok(ExitStatus::Done);
    }
    let report = doctor::run(access)?;
    let status = status::of_doctor_report(&report);
    let document = DoctorDocument::new(report, |fact| explain(fact, &access.machine.zone));
    if context.console.json {
        ResultWriter::document(&document)?;
    } else {
        ResultWriter::print(&lines(&document))?;
    }
    Ok(status)
}
