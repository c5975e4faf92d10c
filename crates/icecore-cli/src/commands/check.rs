//! `check`: verifies the repository.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use icecore_check::{
    CheckEvents, CheckOptions, CheckPhase, CheckProblem, CheckReport, Severity, SnapshotCheck,
};
use icecore_repo::snapshots::SnapshotList;
use serde::Serialize;

use crate::{
    arguments::check::CheckArguments,
    console::{ResultWriter, Verbosity},
    context::{Access, Context},
    documents::PathText,
    exit_status::ExitStatus,
    failure::Outcome,
    progress::{Counters, Progress},
    text,
};

/// Problems of one severity that are shown.
const PROBLEMS_SHOWN_MAX: usize = 50;
/// Damaged files of a snapshot that are shown.
const FILES_SHOWN_MAX: usize = 10;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CheckArguments) -> Outcome<ExitStatus> {
    let store = context.open_store(Access::Read)?;
    let repository = crate::unlock::unlock(context, &store)?;
    let environment = &context.environment;
    let mut options = CheckOptions::new(environment.clock.now());
    options.read_data = arguments.read_data;
    options.sample_percent = arguments.sample;
    options.pool = Some(Arc::clone(&environment.workers));
    environment.entropy.fill(&mut options.seed);
    let progress =
        Progress::start(Arc::clone(&context.console), Arc::clone(&environment.clock), context.progress_mode);
    let events = Events { progress, state: Mutex::default() };
    let check = icecore_check::check(
        Arc::clone(&store.store),
        repository.keys(),
        &options,
        &events,
        &environment.cancelled,
    );
    let report = environment.runtime.block_on(check)?;
    drop(events);
    let mut open = context.with_catalog(repository, &store)?;
    // Names for what is damaged; without them the ids must do.
    let list = icecore_repo::snapshots::list(&open.repository, &mut open.catalog).unwrap_or_default();
    if context.console.json {
        ResultWriter::document(&document(&report, &list))?;
    } else {
        let quiet = context.console.verbosity == Verbosity::Quiet && report.is_healthy();
        let shown = if quiet { String::new() } else { describe(context, &report, &list, arguments) };
        ResultWriter::print(&shown)?;
    }
    open.usage.tell(&context.console);
    Ok(if report.is_healthy() { ExitStatus::Done } else { ExitStatus::Damage })
}

struct Events {
    progress: Progress,
    state: Mutex<Counters>,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckEvents for Events {
    fn phase_begins(&self, phase: CheckPhase, objects_total: Option<u64>) {
        let noun = match phase {
            CheckPhase::Snapshots => "snapshot",
            CheckPhase::Directories => "pack directory",
            CheckPhase::Packs => "pack",
            CheckPhase::Manifests => "node",
            _ => "object",
        };
        *self.lock() = Counters { phase: phase.name(), noun, objects_total, ..Counters::default() };
        self.progress(0, 0);
    }

    fn progress(&self, objects: u64, bytes: u64) {
        let mut counters = self.lock();
        counters.objects += objects;
        counters.bytes += bytes;
        let shown = counters.clone();
        drop(counters);
        self.progress.update(|| shown);
    }

    fn problem_found(&self, _: &CheckProblem) {}
}

/// Returns the report in sentences: worst things first, what to do last.
fn describe(
    context: &Context,
    report: &CheckReport,
    list: &SnapshotList,
    arguments: &CheckArguments,
) -> String {
    let mut text = String::new();
    for severity in [Severity::Damage, Severity::Warning, Severity::Note] {
        describe_problems(&mut text, report, severity);
    }
    for snapshot in report.snapshots.iter().filter(|snapshot| !snapshot.restorable) {
        describe_snapshot(&mut text, context, snapshot, list);
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
    let read = if arguments.read_data {
        "all data was read and verified".to_owned()
    } else if arguments.sample.is_some() {
        format!(
            "{} of {} read and verified in full",
            text::count(report.packs_read),
            text::counted(report.packs, "pack")
        )
    } else {
        "the data itself was not read (--read-data does that)".to_owned()
    };
    let warnings = report.count(Severity::Warning) as u64;
    let _ = match (report.is_healthy(), warnings) {
        (true, 0) => writeln!(text, "no damage found; {read}"),
        (true, _) => writeln!(text, "no damage found, but {}; {read}", text::counted(warnings, "warning")),
        (false, _) => write!(text, "DAMAGE FOUND; {read}\n{}", advice(report)),
    };
    text
}

fn describe_problems(text: &mut String, report: &CheckReport, severity: Severity) {
    let problems: Vec<&CheckProblem> =
        report.problems.iter().filter(|problem| problem.severity == severity).collect();
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

fn describe_snapshot(text: &mut String, context: &Context, snapshot: &SnapshotCheck, list: &SnapshotList) {
    let name = list.by_run(snapshot.run).map_or_else(String::new, |found| {
        let time = text::local_time(found.origin.started, &context.zone);
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
            "no snapshot can be restored in full; `icecore restore` restores what is left, and lists what is not".to_owned()
        }
        (damaged, all) => format!(
            "{} of {all} snapshots can be restored in full; of the others `icecore restore` restores what is left, and \
             lists what is not",
            all - damaged
        ),
    };
    format!(
        "what to do:\n\
         - delete nothing, and look after the disk or bucket that the repository is on\n\
         - copy damaged and missing objects back from another copy of the repository, if there is one\n\
         - {snapshots}\n\
         - `icecore backup PATH --level full --dedup group` makes a snapshot that needs nothing of what is damaged\n"
    )
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    healthy: bool,
    snapshots: Vec<SnapshotCheckDocument>,
    problems: Vec<ProblemDocument<'a>>,
    packs: u64,
    bytes: u64,
    blocks: u64,
    chunks: u64,
    nodes: u64,
    packs_read: u64,
    bytes_read: u64,
}

#[derive(Serialize)]
struct SnapshotCheckDocument {
    id: String,
    run: String,
    source: Option<String>,
    restorable: bool,
    files_damaged: u64,
    examples: Vec<PathText>,
    packs_damaged: Vec<String>,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    severity: &'static str,
    kind: &'static str,
    object: Option<&'a str>,
    detail: &'a str,
}

fn document<'a>(report: &'a CheckReport, list: &SnapshotList) -> CheckDocument<'a> {
    let snapshot = |snapshot: &SnapshotCheck| SnapshotCheckDocument {
        id: snapshot.run.snapshot_id(),
        run: snapshot.run.to_string(),
        source: list.by_run(snapshot.run).map(|found| found.origin.source.clone()),
        restorable: snapshot.restorable,
        files_damaged: snapshot.files_damaged,
        examples: snapshot.examples.iter().map(|path| PathText::new(path)).collect(),
        packs_damaged: snapshot.packs_damaged.iter().map(ToString::to_string).collect(),
    };
    let problem = |problem: &'a CheckProblem| ProblemDocument {
        severity: problem.severity.name(),
        kind: problem.kind.name(),
        object: problem.object.as_deref(),
        detail: &problem.detail,
    };
    CheckDocument {
        healthy: report.is_healthy(),
        snapshots: report.snapshots.iter().map(snapshot).collect(),
        problems: report.problems.iter().map(problem).collect(),
        packs: report.packs,
        bytes: report.bytes,
        blocks: report.blocks,
        chunks: report.chunks,
        nodes: report.nodes,
        packs_read: report.packs_read,
        bytes_read: report.bytes_read,
    }
}

#[cfg(test)]
mod tests;
