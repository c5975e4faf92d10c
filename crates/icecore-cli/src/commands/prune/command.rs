//! Runs `prune`.

use std::cell::Cell;

use icecore_operations::{
    error::OperationResult,
    prune::{self as operation, PruneDocument, PruneEvents, PrunePreview, PruneRequest, Pruned},
};

use super::{
    arguments::PruneArguments,
    text::{plan_lines, report},
};
use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus, status},
    surface::{console::ResultWriter, requests},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &PruneArguments) -> Outcome<ExitStatus> {
    let console = &context.console;
    let pruned = prune(context, &arguments.request())?;
    if console.json {
        ResultWriter::document(&PruneDocument::new(&pruned))?;
    } else {
        ResultWriter::print(&report(&pruned, &context.access.machine.zone))?;
    }
    requests::tell_calls(console, &pruned.usage);
    Ok(status::of_pruned(&pruned))
}

/// Removes packs, and warns about everything that went wrong.
pub(crate) fn prune(context: &Context, request: &PruneRequest) -> Outcome<Pruned> {
    let console = &context.console;
    let receiver = Receiver { context, request, is_shown: Cell::new(false) };
    let pruned = operation::run(&context.access, &context.witness()?, request, &receiver)?;
    for doubt in &pruned.doubts {
        console.warning(&format!("nothing is removed: {doubt}"));
    }
    for (key, error) in &pruned.swept.failed {
        console.warning(&format!("failed to remove {key}: {error}"));
    }
    Ok(pruned)
}

/// Shows the first plan before it is carried out.
struct Receiver<'a> {
    context: &'a Context,
    request: &'a PruneRequest,
    is_shown: Cell<bool>,
}

impl PruneEvents for Receiver<'_> {
    fn planned(&self, preview: PrunePreview<'_>) -> OperationResult<()> {
        if !self.request.dry_run && !self.is_shown.replace(true) && preview.survey.doubts.is_empty() {
            for line in plan_lines(preview.plan, self.request.grace, &self.context.access.machine.zone) {
                self.context.console.notice(&line);
            }
        }
        Ok(())
    }
}
