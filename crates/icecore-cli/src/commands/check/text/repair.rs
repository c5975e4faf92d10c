//! The plan or the result of a repair, in words.

use std::fmt::Write;

use icecore_check::{RepairStep, SalvageSource};
use icecore_format::layout;
use icecore_operations::{check::Repair, text};

/// Maximum number of steps, and of objects in quarantine, that are shown.
const SHOWN_MAX: usize = 50;
/// Maximum number of directories of a snapshot that are shown.
const PARENTS_SHOWN_MAX: usize = 10;

/// Describes the plan or the result of the repair.
pub(super) fn describe(text: &mut String, repair: &Repair) {
    let steps = repair.plan.steps.len();
    // Writing to a string does not fail.
    let _ = match (&repair.done, steps) {
        (_, 0) => writeln!(text, "repair: nothing to do"),
        (None, _) => writeln!(text, "repair plan, not carried out yet:"),
        (Some(_), _) => writeln!(text, "repaired:"),
    };
    for step in repair.plan.steps.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "  {}", text::printable_message(&describe_step(step)));
    }
    more(text, steps);
    for (key, reason) in repair.plan.left.iter().take(SHOWN_MAX) {
        let line = format!("{key} is skipped: {reason}");
        let _ = writeln!(text, "  {}", text::printable_message(&line));
    }
    more(text, repair.plan.left.len());
    let Some(done) = &repair.done else { return };
    for mark in done.marks.iter().take(SHOWN_MAX) {
        let id = mark.run.snapshot_id();
        let _ = match mark.files {
            Some(files) => writeln!(
                text,
                "  snapshot {id} is marked as damaged: {}",
                text::counted(files, "damaged file")
            ),
            None => writeln!(text, "  snapshot {id} is complete again and no longer marked as damaged"),
        };
    }
    more(text, done.marks.len());
    if let Some(first) = done.outcome.quarantined.first() {
        // "meta/quarantine/<repair>/…"
        let place = first.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let count = text::counted(done.outcome.quarantined.len() as u64, "object");
        let _ = writeln!(
            text,
            "{count} in quarantine under {place}/; delete them by hand when nobody needs them any more"
        );
    }
}

fn more(text: &mut String, count: usize) {
    if count > SHOWN_MAX {
        let _ = writeln!(text, "  {} more (--json lists all)", text::count((count - SHOWN_MAX) as u64));
    }
}

fn describe_step(step: &RepairStep) -> String {
    match step {
        RepairStep::RebuildDirectory { pack, from, .. } => {
            format!("{} is rebuilt from the copy in {}", layout::directory_key(*pack), from.key)
        }
        RepairStep::MovePack { from, to, .. } => {
            format!("{} is moved to {to}, the location in its pack directory", from.key)
        }
        RepairStep::RetirePack { sources, retired, chunks_lost, .. } => {
            let kept: u64 = sources.iter().map(SalvageSource::chunk_count).sum();
            let keys: Vec<&str> = retired.iter().map(|object| object.key.as_str()).collect();
            let (kept, lost) = (text::counted(kept, "chunk"), text::counted(*chunks_lost, "chunk"));
            let keys = keys.join(" and ");
            format!("{keys} into quarantine; intact and stored again: {kept}, already lost: {lost}")
        }
        RepairStep::AddParents { run, parents, .. } => {
            let shown: Vec<_> =
                parents.iter().take(PARENTS_SHOWN_MAX).map(|path| text::quoted(path)).collect();
            let more = parents.len().saturating_sub(PARENTS_SHOWN_MAX);
            let more =
                if more > 0 { format!(" and {} more", text::count(more as u64)) } else { String::new() };
            let directories = if parents.len() == 1 {
                "directory".to_owned()
            } else {
                format!("{} directories", parents.len())
            };
            format!(
                "snapshot {} gets the missing {directories} of its files: only the path is known, so the mode becomes \
                 0700, and the owner and time are those of the parent directory: {}{more}",
                run.snapshot_id(),
                shown.join(", ")
            )
        }
        RepairStep::RestoreSnapshot { run, .. } => {
            format!(
                "snapshot {} is put back from the copy in the catalogue or in quarantine",
                run.snapshot_id()
            )
        }
        RepairStep::RetireSnapshot { run, object } => {
            format!(
                "{} into quarantine: snapshot {} is lost, because no copy of it exists",
                object.key,
                run.snapshot_id()
            )
        }
        _ => step.name().to_owned(),
    }
}

#[cfg(test)]
mod tests;
