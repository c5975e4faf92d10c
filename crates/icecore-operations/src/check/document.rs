//! A check as JSON: a section of `docs/json.md`.

use icecore_check::{CheckProblem, CheckReport, SnapshotCheck};
use icecore_format::ids::{PackName, RunId};
use serde::Serialize;

use super::{
    checked::{Checked, packs_hit},
    newest::NewestWhole,
    next_commands::NextCommand,
    past::{Accepted, Past},
};
use crate::{documents::PathText, losses::LossDocument, text};

mod repair;

pub use repair::RepairDocument;

/// The result of a check and of a repair.
#[derive(Debug, Serialize)]
pub struct CheckDocument<'a> {
    healthy: bool,
    #[serde(flatten)]
    past: PastDocument<'a>,
    snapshots: Vec<SnapshotCheckDocument<'a>>,
    newest_restorable: Vec<NewestWholeDocument<'a>>,
    packs_hit: Vec<PackHitDocument>,
    problems: Vec<ProblemDocument<'a>>,
    packs: u64,
    bytes: u64,
    blocks: u64,
    chunks: u64,
    nodes: u64,
    packs_condemned: u64,
    packs_read: u64,
    packs_verified: u64,
    packs_left: u64,
    packs_archived: u64,
    bytes_archived: u64,
    bytes_read: u64,
    repair: Option<RepairDocument<'a>>,
    next_commands: Vec<NextCommandDocument<'a>>,
}

/// Losses.
#[derive(Debug, Serialize)]
struct PastDocument<'a> {
    first_seen: Option<String>,
    last_seen: Option<String>,
    log_records: u64,
    snapshots_unnamed: u64,
    losses: &'a [LossDocument],
    accepted: Option<Accepted>,
}

#[derive(Debug, Serialize)]
struct SnapshotCheckDocument<'a> {
    id: String,
    run: String,
    source: Option<&'a str>,
    restorable: bool,
    files_damaged: u64,
    examples: Vec<PathText>,
    packs_damaged: Vec<String>,
    files_marked: Option<u64>,
}

/// A source and its newest snapshot that can be restored completely.
#[derive(Debug, Serialize)]
pub(super) struct NewestWholeDocument<'a> {
    source: &'a str,
    host: &'a str,
    id: Option<String>,
    run: Option<String>,
    time: Option<String>,
    newer_damaged: u64,
    newer_missing: u64,
}

#[derive(Debug, Serialize)]
struct PackHitDocument {
    pack: String,
    snapshots: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ProblemDocument<'a> {
    severity: &'static str,
    kind: &'static str,
    object: Option<&'a str>,
    detail: &'a str,
}

/// A command to run next.
#[derive(Debug, Serialize)]
struct NextCommandDocument<'a> {
    /// The command line, for a shell.
    command: String,
    /// The host to run it on, if that matters.
    host: Option<&'a str>,
}

impl<'a> CheckDocument<'a> {
    /// Makes the document of a check.
    pub fn new(checked: &'a Checked) -> Self {
        let report = &checked.report;
        let snapshot = |snapshot| SnapshotCheckDocument::new(snapshot, checked);
        let next = |next: &'a NextCommand| NextCommandDocument {
            command: next.line(&checked.repository),
            host: next.host(),
        };
        Self {
            healthy: checked.is_well(),
            past: PastDocument::new(&checked.past, report),
            snapshots: report.snapshots.iter().map(snapshot).collect(),
            newest_restorable: checked.newest_whole().iter().map(NewestWholeDocument::from).collect(),
            packs_hit: packs_hit(report).into_iter().map(PackHitDocument::from).collect(),
            problems: report.problems.iter().map(ProblemDocument::from).collect(),
            packs: report.packs,
            bytes: report.bytes,
            blocks: report.blocks,
            chunks: report.chunks,
            nodes: report.nodes,
            packs_condemned: report.packs_condemned,
            packs_read: report.packs_read,
            packs_verified: report.verified.len() as u64,
            packs_left: report.packs_left,
            packs_archived: report.packs_archived,
            bytes_archived: report.bytes_archived,
            bytes_read: report.bytes_read,
            repair: checked.repair.as_ref().map(RepairDocument::new),
            next_commands: checked.next.iter().map(next).collect(),
        }
    }
}

impl<'a> PastDocument<'a> {
    fn new(past: &'a Past, report: &CheckReport) -> Self {
        Self {
            first_seen: past.period.and_then(|(since, _)| text::utc_time(since)),
            last_seen: past.period.and_then(|(_, seen)| text::utc_time(seen)),
            log_records: report.log_records,
            snapshots_unnamed: report.snapshots_unnamed,
            losses: &past.losses,
            accepted: past.accepted,
        }
    }
}

impl<'a> SnapshotCheckDocument<'a> {
    fn new(snapshot: &SnapshotCheck, checked: &'a Checked) -> Self {
        Self {
            id: snapshot.run.snapshot_id(),
            run: snapshot.run.to_string(),
            source: checked.list.by_run(snapshot.run).map(|found| found.origin.source.as_str()),
            restorable: snapshot.restorable,
            files_damaged: snapshot.files_damaged,
            examples: snapshot.examples.iter().map(|path| PathText::new(path)).collect(),
            packs_damaged: snapshot.packs_damaged.iter().map(ToString::to_string).collect(),
            files_marked: snapshot.mark.map(|mark| mark.files),
        }
    }
}

impl<'a> From<&NewestWhole<'a>> for NewestWholeDocument<'a> {
    fn from(one: &NewestWhole<'a>) -> Self {
        let origin = one.snapshot.map(|snapshot| &snapshot.origin);
        Self {
            source: one.source,
            host: one.host,
            id: origin.map(|origin| origin.run.snapshot_id()),
            run: origin.map(|origin| origin.run.to_string()),
            time: origin.and_then(|origin| text::utc_time(origin.started)),
            newer_damaged: one.newer_damaged,
            newer_missing: one.newer_missing,
        }
    }
}

impl From<(PackName, Vec<RunId>)> for PackHitDocument {
    fn from((pack, runs): (PackName, Vec<RunId>)) -> Self {
        Self { pack: pack.to_string(), snapshots: runs.iter().map(RunId::snapshot_id).collect() }
    }
}

impl<'a> From<&'a CheckProblem> for ProblemDocument<'a> {
    fn from(problem: &'a CheckProblem) -> Self {
        Self {
            severity: problem.severity.name(),
            kind: problem.kind.name(),
            object: problem.object.as_deref(),
            detail: &problem.detail,
        }
    }
}

#[cfg(test)]
mod tests;
