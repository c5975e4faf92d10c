//! Commands to run next, as values, and written out for copying.

use std::fmt::Write;

use icecore_check::{CheckReport, ProblemKind, Severity};
use icecore_format::snapshot::{DedupScope, SnapshotOrigin};
use icecore_repo::snapshots::SnapshotList;

use super::repair::Repair;
use crate::text::shell_word;

/// Progress of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was not requested.
    Checked,
    /// It is planned, and nothing is changed.
    Planned,
    /// It is done.
    Repaired,
}

impl Stage {
    /// Returns the progress of a repair, if it was requested.
    pub(super) fn of(repair: Option<&Repair>) -> Self {
        match repair {
            None => Self::Checked,
            Some(Repair { done: None, .. }) => Self::Planned,
            Some(_) => Self::Repaired,
        }
    }
}

/// A command to run next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextCommand {
    /// A repair.
    Repair {
        /// Whether it only shows its plan.
        dry_run: bool,
        /// Whether it reads all data.
        reads_data: bool,
    },
    /// A backup of this snapshot's source: stores data again that the source still has.
    Backup(Box<SnapshotOrigin>),
    /// A check that reads all data.
    Verify,
}

impl NextCommand {
    /// Returns the command line for a repository, for a shell.
    pub fn line(&self, repository: &str) -> String {
        let repository = shell_word(repository.as_bytes());
        match self {
            Self::Repair { dry_run, reads_data } => {
                let plan = if *dry_run { " --dry-run" } else { "" };
                let data = if *reads_data { " --read-data" } else { "" };
                format!("icecore check --repair{plan}{data} -r {repository}")
            }
            Self::Backup(origin) => backup(&repository, origin),
            Self::Verify => format!("icecore check --read-data -r {repository}"),
        }
    }

    /// Returns the host to run it on, if that matters.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Backup(origin) => Some(&origin.host),
            Self::Repair { .. } | Self::Verify => None,
        }
    }
}

/// Returns the commands to run next, in this order; none if all is well.
pub(super) fn next_commands(
    reads_data: bool,
    stage: Stage,
    report: &CheckReport,
    list: &SnapshotList,
) -> Vec<NextCommand> {
    let repair = |dry_run| NextCommand::Repair { dry_run, reads_data };
    if report.is_healthy() {
        let is_marked = report.problems.iter().any(|problem| problem.kind == ProblemKind::SnapshotWholeAgain);
        return if is_marked && stage != Stage::Repaired { vec![repair(false)] } else { Vec::new() };
    }
    let damage: Vec<ProblemKind> = report
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Damage)
        .map(|problem| problem.kind)
        .collect();
    if !damage.is_empty() && damage.iter().all(|kind| *kind == ProblemKind::CollectionDamaged) {
        // Only somebody who knows what runs on other hosts can do something about it.
        return vec![NextCommand::Verify];
    }
    let mut commands = Vec::new();
    if stage == Stage::Checked {
        commands.push(repair(true));
    }
    if stage != Stage::Repaired {
        commands.push(repair(false));
    }
    commands.extend(backups(report, list));
    commands.push(NextCommand::Verify);
    commands
}

/// Returns a backup of each source with a damaged snapshot: it stores data again that the source still has.
fn backups(report: &CheckReport, list: &SnapshotList) -> Vec<NextCommand> {
    let mut sources: Vec<&SnapshotOrigin> = Vec::new();
    for snapshot in report.snapshots.iter().rev().filter(|snapshot| !snapshot.restorable) {
        let Some(found) = list.by_run(snapshot.run) else { continue };
        let origin = &found.origin;
        let key = |origin: &SnapshotOrigin| (origin.source.clone(), origin.host.clone(), origin.dedup as u8);
        if !sources.iter().any(|other| key(other) == key(origin)) {
            // The newest one knows the location of the source best.
            sources.push(origin);
        }
    }
    sources.sort_by_key(|origin| (&origin.host, &origin.source));
    sources.into_iter().map(|origin| NextCommand::Backup(Box::new(origin.clone()))).collect()
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
