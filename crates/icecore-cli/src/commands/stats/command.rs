//! Runs `stats`.

use icecore_operations::stats::{self as operation, StatsDocument};

use super::{arguments::StatsArguments, text};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus, status},
    surface::{console::ResultWriter, requests, rollback},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &StatsArguments) -> Outcome<ExitStatus> {
    let console = &context.console;
    let request = arguments.request()?;
    let report = operation::run(&context.access, &context.witness()?, &request)?;
    for damage in &report.damage {
        console.warning(&format!("the figures are not exact: {}: {}", damage.object, damage.reason));
    }
    if console.json {
        ResultWriter::document(&StatsDocument::new(&report))?;
    } else {
        if report.selected.snapshots == 0 {
            let none = if request.is_filtered() { "no matching snapshots" } else { "no snapshots" };
            console.notice(none);
        }
        let options = text::StatsText {
            is_filtered: request.is_filtered(),
            growth: arguments.growth,
            zone: &context.access.machine.zone,
        };
        ResultWriter::print(&options.report(&report))?;
    }
    requests::tell_calls(console, &report.usage);
    Ok(rollback::end(console, report.ending).max(status::of_stats(&report)))
}
