//! Which commands to run next: written out, so that they can be copied.

use std::{borrow::Cow, fmt::Write};

use icecore_check::{CheckReport, ProblemKind};
use icecore_format::snapshot::{DedupScope, SnapshotOrigin};
use icecore_repo::snapshots::SnapshotList;
use serde::Serialize;

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
    let repository = quoted(repository.as_bytes()).into_owned();
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
    let root = quoted(&origin.root);
    let mut line = match (origin.root.starts_with(b"/"), origin.command.is_empty()) {
        (true, _) => format!("icecore backup {root}"),
        (false, true) => format!("icecore backup --stdin {root}"),
        (false, false) => format!("icecore backup --command {root}"),
    };
    // Writing to a string does not fail.
    let _ = write!(line, " --name {}", quoted(origin.source.as_bytes()));
    if origin.dedup == DedupScope::Group {
        line.push_str(" --dedup group");
    }
    let _ = write!(line, " -r {repository}");
    if !origin.command.is_empty() {
        line.push_str(" --");
        for word in &origin.command {
            let _ = write!(line, " {}", quoted(word.as_bytes()));
        }
    }
    line
}

/// Quotes a word for a shell, if it needs that.
fn quoted(word: &[u8]) -> Cow<'_, str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(byte);
    match str::from_utf8(word) {
        Ok(text) if !text.is_empty() && word.iter().all(is_plain) => text.into(),
        Ok(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', "'\\''")).into()
        }
        // As bash, zsh and ksh read it.
        _ => {
            let mut quoted = "$'".to_owned();
            for byte in word {
                let _ = match byte {
                    b' '..=b'~' if !b"'\\".contains(byte) => write!(quoted, "{}", char::from(*byte)),
                    _ => write!(quoted, "\\x{byte:02x}"),
                };
            }
            quoted.push('\'');
            quoted.into()
        }
    }
}

#[cfg(test)]
mod tests;
