//! Runs `forget`.

use icecore_operations::forget::{
    self, ForgetAction, ForgetDocument, ForgetReport, UndoDocument, UndoRequest,
};

use super::{
    arguments::ForgetArguments,
    text::{refusal, summary, table},
};
use crate::{
    commands::prune,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, status},
    surface::{console::ResultWriter, requests},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ForgetArguments) -> Outcome<ExitStatus> {
    if let Some(request) = arguments.undo()? {
        return undo(context, &request);
    }
    let console = &context.console;
    let report = forget::run(&context.access, &context.witness()?, &arguments.request()?)?;
    requests::tell_calls(console, &report.usage);
    if !console.json {
        ResultWriter::print(&table(&report, &context.access.machine.zone))?;
        ResultWriter::print(&summary(&report))?;
    }
    warn(context, &report);
    let pruned = arguments.prune().map(|request| prune::prune(context, &request)).transpose()?;
    if console.json {
        ResultWriter::document(&ForgetDocument::new(&report, pruned.as_ref()))?;
    } else if let Some(pruned) = &pruned {
        ResultWriter::print(&prune::report(pruned, &context.access.machine.zone))?;
    }
    if let Some(pruned) = &pruned {
        requests::tell_calls(console, &pruned.usage);
    }
    Ok(status::of_forget_report(&report, pruned.as_ref()))
}

fn warn(context: &Context, report: &ForgetReport) {
    for one in &report.snapshots {
        if let ForgetAction::Failed(error) = &one.action {
            context.console.warning(&format!("not forgotten: {error}"));
        }
    }
    for (key, share) in &report.refused {
        let failure = Failure::new(ExitStatus::Failed, refusal(key, *share));
        let hint = if report.is_dry_run {
            "to forget the snapshots anyway, add --yes"
        } else {
            "check the rules with --dry-run; to forget the snapshots anyway, add --yes"
        };
        context.console.failure(&failure.hint(hint));
    }
}

fn undo(context: &Context, request: &UndoRequest) -> Outcome<ExitStatus> {
    let console = &context.console;
    let undone = forget::undo(&context.access, &context.witness()?, request)?;
    if console.json {
        ResultWriter::document(&UndoDocument::new(&undone))?;
    } else {
        let (old, new) = (undone.forgotten.snapshot_id(), undone.snapshot.origin.run.snapshot_id());
        ResultWriter::print(&format!("snapshot {old} is back as {new}; both ids name it\n"))?;
    }
    requests::tell_calls(console, &undone.usage);
    Ok(ExitStatus::Done)
}
