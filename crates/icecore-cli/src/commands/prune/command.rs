//! Runs `prune`.

use icecore_operations::prune::{self as operation, PruneDocument, PruneRequest, Pruned};

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

/// Removes packs; shows the first plan before it is carried out, and warns about everything that went wrong.
pub(crate) fn prune(context: &Context, request: &PruneRequest) -> Outcome<Pruned> {
    let console = &context.console;
    let mut is_first = true;
    let pruned = operation::run(&context.access, &context.witness()?, request, |plan| {
        if std::mem::take(&mut is_first) {
            for line in plan_lines(plan, request.grace, &context.access.machine.zone) {
                console.notice(&line);
            }
        }
    })?;
    for doubt in &pruned.doubts {
        console.warning(&format!("nothing is removed: {doubt}"));
    }
    for (key, error) in &pruned.swept.failed {
        console.warning(&format!("failed to remove {key}: {error}"));
    }
    Ok(pruned)
}
