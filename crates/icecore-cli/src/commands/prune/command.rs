//! Runs `prune`.

use icecore_operations::{
    prune::{self as operation, PruneDocument, PruneRequest, Pruned},
    text,
};

use super::{
    arguments::PruneArguments,
    text::{plan_lines, report},
};
use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, status},
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
    let mut doubts: Vec<String> = pruned.doubts.iter().map(ToString::to_string).collect();
    doubts.sort();
    doubts.dedup();
    for doubt in &doubts {
        console.warning(doubt);
    }
    if !doubts.is_empty() {
        let failure = Failure::new(ExitStatus::Damage, "nothing was removed");
        console.failure(&failure.hint("run `icecore check` for details"));
    }
    for (key, error) in &pruned.swept.failed {
        console.warning(&format!("failed to remove {key}: {error}"));
    }
    let failed = pruned.swept.failed.len() as u64;
    if failed > 0 {
        let failure = Failure::new(
            ExitStatus::Failed,
            format!("{} could not be removed", text::counted(failed, "object")),
        );
        console.failure(&failure.hint("nothing is lost; the next `icecore prune` tries again"));
    }
    Ok(pruned)
}
