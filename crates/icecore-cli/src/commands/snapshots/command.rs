//! Runs `snapshots`.

use icecore_operations::{look::Ending, snapshots};

use super::{arguments::SnapshotsArguments, text::table};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::{console::ResultWriter, requests, rollback},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &SnapshotsArguments) -> Outcome<ExitStatus> {
    let console = &context.console;
    let request = arguments.request();
    let is_filtered = request.source.is_some() || !request.tags.is_empty();
    let report = snapshots::run(&context.access, &context.witness()?, request)?;
    if console.json {
        ResultWriter::document(&report.documents())?;
    } else if report.snapshots().next().is_none() {
        console.notice(match (is_filtered, report.ending) {
            (true, _) => "no matching snapshots",
            (false, Ending::Well) => "no snapshots yet",
            (false, _) => "no snapshots",
        });
    } else {
        ResultWriter::print(&table(&report, &context.access.machine.zone).text())?;
    }
    requests::tell_calls(console, &report.usage);
    Ok(rollback::end(console, report.ending))
}
