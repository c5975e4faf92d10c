//! The result of a check in words: the worst problems first, the next commands last.

use std::fmt::Write;

use icecore_access::Machine;
use icecore_check::{CheckProblem, CheckReport, ProblemKind, Severity, SnapshotCheck};
use icecore_format::ids::RunId;
use icecore_operations::{
    check::{Checked, Reading, is_loss, packs_hit},
    text,
};
use icecore_repo::snapshots::SnapshotList;
use jiff::tz::TimeZone;

mod newest;
mod past;
mod reading;
mod repair;

/// Maximum number of problems of one severity that are shown.
const PROBLEMS_SHOWN_MAX: usize = 50;
/// Maximum number of damaged files of a snapshot that are shown.
const FILES_SHOWN_MAX: usize = 10;

/// Returns the report in sentences: the worst problems first, the next commands last.
pub(super) fn describe(machine: &Machine, checked: &Checked, packs_wanted: Reading) -> String {
    let Checked { report, list, past, .. } = checked;
    let zone = &machine.zone;
    let mut text = String::new();
    past::describe(&mut text, past);
    if let Some(repair) = &checked.repair {
        repair::describe(&mut text, repair);
    }
    for severity in [Severity::Damage, Severity::Warning, Severity::Note] {
        describe_problems(&mut text, report, severity);
    }
    describe_packs(&mut text, report);
    for snapshot in report.snapshots.iter().filter(|snapshot| !snapshot.restorable) {
        describe_snapshot(&mut text, zone, snapshot, list);
    }
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}, {} with {} and {}",
        text::counted(report.snapshots.len() as u64, "snapshot"),
        text::counted(report.packs, "pack"),
        text::size(report.bytes),
        text::counted(report.chunks, "chunk"),
    );
    let read = reading::describe(report, packs_wanted);
    past::describe_log(&mut text, past, zone, report);
    let warnings = report.count(Severity::Warning) as u64;
    let lost = checked.repair.as_ref().map_or(0, |repair| repair.snapshots_lost().len());
    if lost > 0 {
        let _ = writeln!(text, "{} LOST, see above", text::counted(lost as u64, "snapshot").to_uppercase());
    }
    let _ = match (report.is_healthy() && past.is_well(), warnings) {
        (true, 0) => writeln!(text, "no damage found; {read}"),
        (true, _) => writeln!(text, "no damage found, but {}; {read}", text::counted(warnings, "warning")),
        (false, _) => writeln!(text, "DAMAGE FOUND; {read}"),
    };
    let is_damage = |problem: &CheckProblem| problem.severity == Severity::Damage && !is_loss(problem.kind);
    if report.problems.iter().any(is_damage) {
        text.push_str(&advice(report));
    }
    if checked.repair.is_none() && !checked.next.is_empty() && lacks_objects(report) {
        text.push_str(
            "if objects are still being replicated or copied here, wait and run `icecore check` again first\n",
        );
    }
    describe_next(&mut text, &machine.host, checked);
    past::advise(&mut text, past);
    newest::describe(&mut text, zone, checked);
    text
}

/// Returns whether objects are missing, which may only be late.
fn lacks_objects(report: &CheckReport) -> bool {
    use ProblemKind::{ChunkMissing, NodeMissing, PackMissing};
    report.problems.iter().any(|problem| matches!(problem.kind, ChunkMissing | NodeMissing | PackMissing))
}

/// Describes the commands to run next.
fn describe_next(text: &mut String, this_host: &str, checked: &Checked) {
    match checked.next.as_slice() {
        [] => {}
        // Nothing is wrong any more but the marks.
        [_] if checked.report.is_healthy() => {
            text.push_str("next, to remove the marks of snapshots that are complete again:\n");
        }
        _ => text.push_str("next, in this order:\n"),
    }
    for next in &checked.next {
        let elsewhere = next.host().filter(|host| *host != this_host);
        let place = elsewhere.map(|host| format!("   (on host {host})")).unwrap_or_default();
        let line = format!("{}{place}", next.line(&checked.repository));
        let _ = writeln!(text, "  {}", text::printable_message(&line));
    }
}

/// Describes which snapshots need which damaged packs.
fn describe_packs(text: &mut String, report: &CheckReport) {
    for (pack, runs) in packs_hit(report).iter().take(PROBLEMS_SHOWN_MAX) {
        let ids: Vec<String> = runs.iter().take(FILES_SHOWN_MAX).map(RunId::snapshot_id).collect();
        let more = if runs.len() > FILES_SHOWN_MAX { ", …" } else { "" };
        let snapshots = text::counted(runs.len() as u64, "snapshot");
        let _ = writeln!(text, "pack {pack} is needed by {snapshots}: {}{more}", ids.join(", "));
    }
}

fn describe_problems(text: &mut String, report: &CheckReport, severity: Severity) {
    let problems: Vec<&CheckProblem> = report
        .problems
        .iter()
        .filter(|problem| problem.severity == severity && !is_loss(problem.kind))
        .collect();
    for problem in problems.iter().take(PROBLEMS_SHOWN_MAX) {
        let object = problem.object.as_ref().map(|object| format!(" {object}")).unwrap_or_default();
        let line = format!("{}: {}{object}: {}", severity.name(), problem.kind, problem.detail);
        let _ = writeln!(text, "{}", text::printable_message(&line));
    }
    if problems.len() > PROBLEMS_SHOWN_MAX {
        let more = (problems.len() - PROBLEMS_SHOWN_MAX) as u64;
        let _ = writeln!(text, "{}: {} more (--json lists all)", severity.name(), text::count(more));
    }
}

fn describe_snapshot(text: &mut String, zone: &TimeZone, snapshot: &SnapshotCheck, list: &SnapshotList) {
    let name = list.by_run(snapshot.run).map_or_else(String::new, |found| {
        let time = text::local_time(found.origin.started, zone);
        format!(" ({} of {time})", found.origin.source)
    });
    let id = snapshot.run.snapshot_id();
    let _ = match snapshot.files_damaged {
        0 => writeln!(text, "snapshot {id}{name} cannot be restored"),
        files => {
            let files = text::counted(files, "damaged file");
            writeln!(text, "snapshot {id}{name} cannot be restored in full: {files}")
        }
    };
    for path in snapshot.examples.iter().take(FILES_SHOWN_MAX) {
        let _ = writeln!(text, "  {}", text::printable(path));
    }
    if snapshot.files_damaged > snapshot.examples.len().min(FILES_SHOWN_MAX) as u64 {
        let _ = writeln!(text, "  …");
    }
}

/// Returns what to do about damage.
fn advice(report: &CheckReport) -> String {
    let damaged = report.snapshots.iter().filter(|snapshot| !snapshot.restorable).count();
    let snapshots = match (damaged, report.snapshots.len()) {
        (0, _) => "all snapshots can be restored in full".to_owned(),
        (damaged, all) if damaged == all => {
            "no snapshot can be restored in full; `icecore restore` restores the intact files, and lists the others".to_owned()
        }
        (damaged, all) => format!(
            "{} of {all} snapshots can be restored in full; from the others, `icecore restore` restores the intact files, \
             and lists the rest",
            all - damaged
        ),
    };
    format!(
        "what to do:\n\
         - delete nothing, and check the disk or bucket that holds the repository\n\
         - copy damaged and missing objects back from another copy of the repository, if you have one\n\
         - {snapshots}\n\
         - a repair deletes nothing: it moves damaged objects into quarantine, and keeps their intact parts\n\
         - the next backup of a source stores missing data again, if the source still has it\n"
    )
}

#[cfg(test)]
mod tests;
