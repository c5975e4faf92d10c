//! Runs `prune`.

use std::cell::Cell;

use icecore_operations::{
    error::OperationResult,
    prune::{self, PruneDocument, PruneEvents, PrunePreview},
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
    let receiver = Receiver { context, arguments, is_shown: Cell::new(false) };
    let pruned = prune::run(&context.access, &context.witness()?, &arguments.request(), &receiver)?;
    for doubt in &pruned.doubts {
        console.warning(&format!("nothing is removed: {doubt}"));
    }
    for (key, error) in &pruned.swept.failed {
        console.warning(&format!("failed to remove {key}: {error}"));
    }
    if console.json {
        ResultWriter::document(&PruneDocument::new(&pruned))?;
    } else {
        ResultWriter::print(&report(&pruned, &context.access.machine.zone))?;
    }
    requests::tell_calls(console, &pruned.usage);
    Ok(status::of_pruned(&pruned))
}

/// Shows the first plan before it is carried out.
struct Receiver<'a> {
    context: &'a Context,
    arguments: &'a PruneArguments,
    is_shown: Cell<bool>,
}

impl PruneEvents for Receiver<'_> {
    fn planned(&self, preview: PrunePreview<'_>) -> OperationResult<()> {
        if !self.arguments.dry_run && !self.is_shown.replace(true) && preview.survey.doubts.is_empty() {
            for line in plan_lines(preview.plan, self.arguments.grace, &self.context.access.machine.zone) {
                self.context.console.notice(&line);
            }
        }
        Ok(())
    }
}
