//! Which commands to run next: written out, so that they can be copied.

use std::fmt::Write;

use icecore_check::{CheckReport, ProblemKind};
use icecore_format::snapshot::{DedupScope, SnapshotOrigin};
use icecore_repo::snapshots::SnapshotList;
use serde::Serialize;

use icecore_operations::text::shell_word;

/// How far a repair has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has asked for one.
    Checked,
    /// The plan was made, and nothing done.
    Planned,
    /// It is done.
    Repaired,
}

/// A command that is to be run next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NextCommand {
    /// The command line, for a shell.
    pub(super) command: String,
    /// The host to run it on, where that matters.
    pub(super) host: Option<String>,
}

/// Returns what to run next, in this order; nothing if all is well.
pub(super) fn next_commands(
    repository: &str,
    reads_data: bool,
    stage: Stage,
    report: &CheckReport,
    list: &SnapshotList,
) -> Vec<NextCommand> {
    let repository = shell_word(repository.as_bytes()).into_owned();
    let here = |command: String| NextCommand { command, host: None };
    let data = if reads_data { " --read-data" } else { "" };
    let repair = format!("icecore check --repair{data} -r {repository}");
    if report.is_healthy() {
        let is_marked = report.problems.iter().any(|problem| problem.kind == ProblemKind::SnapshotWholeAgain);
        return if is_marked && stage != Stage::Repaired { vec![here(repair)] } else { Vec::new() };
    }
    let mut commands = Vec::new();
    if stage == Stage::Checked {
        commands.push(here(format!("icecore check --repair --dry-run{data} -r {repository}")));
    }
    if stage != Stage::Repaired {
        commands.push(here(repair));
    }
    commands.extend(backups(&repository, report, list));
    commands.push(here(format!("icecore check --read-data -r {repository}")));
    commands
}

/// Returns a backup of each source of which a snapshot is hurt: what the source still has is stored again.
fn backups(repository: &str, report: &CheckReport, list: &SnapshotList) -> Vec<NextCommand> {
    let mut sources: Vec<&SnapshotOrigin> = Vec::new();
    for snapshot in report.snapshots.iter().rev().filter(|snapshot| !snapshot.restorable) {
        let Some(found) = list.by_run(snapshot.run) else { continue };
        let origin = &found.origin;
        let key = |origin: &SnapshotOrigin| (origin.source.clone(), origin.host.clone(), origin.dedup as u8);
        if !sources.iter().any(|other| key(other) == key(origin)) {
            // The newest knows best where the source is.
            sources.push(origin);
        }
    }
    sources.sort_by_key(|origin| (&origin.host, &origin.source));
    let command = |origin: &SnapshotOrigin| NextCommand {
        command: backup(repository, origin),
        host: Some(origin.host.clone()),
    };
    sources.into_iter().map(command).collect()
}

fn backup(repository: &str, origin: &SnapshotOrigin) -> String {
    let root = shell_word(&origin.root);
    let mut line = match (origin.root.starts_with(b"/"), origin.command.is_empty()) {
        (true, _) => format!("icecore backup {root}"),
        (false, true) => format!("icecore backup --stdin {root}"),
        (false, false) => format!("icecore backup --command {root}"),
    };
    // Writing to a string does not fail.
    let _ = write!(line, " --name {}", shell_word(origin.source.as_bytes()));
    if origin.dedup == DedupScope::Group {
        line.push_str(" --dedup group");
    }
    let _ = write!(line, " -r {repository}");
    if !origin.command.is_empty() {
        line.push_str(" --");
        for word in &origin.command {
            let _ = write!(line, " {}", shell_word(word.as_bytes()));
        }
    }
    line
}

#[cfg(test)]
mod tests;
