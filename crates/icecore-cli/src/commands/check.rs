//! `check`: verifies the repository.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use icecore_access::{AccessMode, OpenRepository, unlock};
use icecore_aws::{ColdRule, LifecycleReport, S3Store};
use icecore_catalog::Catalog;
use icecore_check::{
    CheckEvents, CheckOptions, CheckPhase, CheckProblem, CheckReport, ProblemKind, Severity, SnapshotCheck,
};
use icecore_format::{
    ids::{PackName, RunId},
    log::CompletedSnapshot,
};
use icecore_repo::snapshots::SnapshotList;
use icecore_witness::Recollection;
use serde::Serialize;

use self::{
    next_commands::{NextCommand, Stage, next_commands},
    past::{Accepts, Past, PastDocument},
    repair::{Repair, RepairDocument},
    whole::{NewestWholeDocument, newest_whole},
};

use crate::{
    arguments::check::CheckArguments,
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::{
        console::{ResultWriter, Verbosity},
        progress::{Counters, Progress},
        requests,
    },
};
use icecore_operations::{documents::PathText, text};

mod next_commands;
mod past;
mod reading;
mod repair;
mod verifications;
mod whole;

/// Problems of one severity that are shown.
const PROBLEMS_SHOWN_MAX: usize = 50;
/// Damaged files of a snapshot that are shown.
const FILES_SHOWN_MAX: usize = 10;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CheckArguments) -> Outcome<ExitStatus> {
    let writes = arguments.accept_rollback || arguments.repair && !arguments.dry_run;
    let access = if writes { AccessMode::Write } else { AccessMode::Read };
    let store = context.access.open_store(access)?;
    let repository = unlock::unlock(&context.access, &store)?;
    let recollection = Recollection::recall(&context.witness()?, repository.id());
    let environment = &context.access.machine.environment;
    let mut catalog = context.access.open_catalog(repository.id())?;
    let mut options = options(context, arguments, &catalog)?;
    options.seen = recollection.history().clone();
    options.fetched = repository.objects();
    options.lists_together = store.s3.is_some() && icecore_repo::listing::is_one_page(&catalog);
    let progress =
        Progress::start(Arc::clone(&context.console), Arc::clone(&environment.clock), context.progress_mode);
    let events = Events { progress, state: Mutex::default() };
    let (mut report, repair) = if arguments.repair {
        let dry_run = arguments.dry_run;
        let repaired =
            repair::repair(context, &store, &repository, &mut catalog, &options, &events, dry_run)?;
        (repaired.0, Some(repaired.1))
    } else {
        let (store, cancelled) = (Arc::clone(&store.store), &environment.cancelled);
        let check = icecore_check::check(store, repository.keys(), &options, &events, cancelled);
        (environment.runtime.block_on(check)?, None)
    };
    drop(events);
    report.problems.extend(harmful_rules(context, store.s3.as_deref()));
    verifications::keep(&mut catalog, &report.verified, options.now);
    let mut open = OpenRepository { repository, catalog, usage: store.usage(), s3: store.s3.clone() };
    let accepts = Accepts {
        everything: arguments.accept_rollback,
        snapshots: repair.as_ref().map_or(&[], Repair::snapshots_lost),
        mended: repair.as_ref().map_or(&[], Repair::snapshots_mended),
    };
    let (mut past, mut watch) = past::look(context, recollection, &mut open, &mut report, &accepts)?;
    // Names for what is damaged; without them the ids must do.
    let list = if repair.is_some() || arguments.accept_rollback {
        icecore_repo::snapshots::list(&open.repository, &mut open.catalog)
    } else {
        icecore_repo::snapshots::list_from(&open.repository, &mut open.catalog, &report.listed)
    };
    let list = list.unwrap_or_default();
    watch.see(&list);
    past.set_arrival(watch.arrive(&open.repository, &mut open.catalog, &list)?);
    watch.save(&open.repository);
    let next = next(context, arguments, &past::without_losses(&report), repair.as_ref(), &list)?;
    let unreadable = watch.unreadable(&list).filter_map(|(_, named)| named.first().cloned()).collect();
    let checked = Checked { report, repair, next, past, unreadable };
    if context.console.json {
        ResultWriter::document(&document(&checked, &list))?;
    } else {
        let quiet = context.console.verbosity == Verbosity::Quiet && checked.is_well();
        let mut shown = if quiet { String::new() } else { describe(context, &checked, &list, arguments) };
        if !quiet {
            let repository = context.access.location()?.to_string();
            whole::describe(
                &mut shown,
                context,
                &repository,
                &newest_whole(&checked.report, &list, &checked.unreadable),
            );
        }
        ResultWriter::print(&shown)?;
    }
    requests::tell_calls(&context.console, &open.usage);
    Ok(if checked.is_well() { ExitStatus::Done } else { ExitStatus::Damage })
}

/// Returns what the bucket is going to do to the repository.
fn harmful_rules(context: &Context, store: Option<&S3Store>) -> Vec<CheckProblem> {
    let Some(store) = store else { return Vec::new() };
    let report =
        context.access.machine.environment.runtime.block_on(store.lifecycle()).unwrap_or_else(|error| {
            tracing::info!(%error, "the lifecycle rules of the bucket cannot be read");
            LifecycleReport::default()
        });
    let kind = ProblemKind::HarmfulLifecycleRule;
    let problem = |rule: &ColdRule| CheckProblem {
        severity: kind.severity(),
        object: None,
        kind,
        detail: format!("{rule}; see `icecore doctor`"),
    };
    report.harmful.iter().map(problem).collect()
}

/// What a check has found, and what came of a repair.
struct Checked {
    report: CheckReport,
    repair: Option<Repair>,
    next: Vec<NextCommand>,
    past: Past,
    /// Snapshots whose objects cannot be read, as the log names them.
    unreadable: Vec<CompletedSnapshot>,
}

impl Checked {
    fn is_well(&self) -> bool {
        self.report.is_healthy()
            && self.past.is_well()
            && !self.repair.as_ref().is_some_and(Repair::has_lost_snapshots)
    }
}

fn options(context: &Context, arguments: &CheckArguments, catalog: &Catalog) -> Outcome<CheckOptions> {
    let environment = &context.access.machine.environment;
    let now = environment.clock.now();
    let mut options = CheckOptions::new(now);
    options.read_data = arguments.read_data;
    options.sample_percent = arguments.sample;
    let length = |span| verifications::length(span, now, &context.access.machine.zone);
    options.within = arguments.within.map(length).transpose()?;
    options.verified = verifications::load(catalog);
    options.pool = Some(Arc::clone(&environment.workers));
    environment.entropy.fill(&mut options.seed);
    Ok(options)
}

fn next(
    context: &Context,
    arguments: &CheckArguments,
    report: &CheckReport,
    repair: Option<&Repair>,
    list: &SnapshotList,
) -> Outcome<Vec<NextCommand>> {
    let stage = match repair {
        None => Stage::Checked,
        Some(Repair { done: None, .. }) => Stage::Planned,
        Some(_) => Stage::Repaired,
    };
    let reads_data = arguments.read_data || arguments.sample.is_some() || arguments.within.is_some();
    Ok(next_commands(&context.access.location()?.to_string(), reads_data, stage, report, list))
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
            CheckPhase::Diagnosis => "suspect pack",
            CheckPhase::Repair => "step",
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
fn describe(context: &Context, checked: &Checked, list: &SnapshotList, arguments: &CheckArguments) -> String {
    let report = &checked.report;
    let mut text = String::new();
    checked.past.describe(&mut text);
    if let Some(repair) = &checked.repair {
        repair::describe(&mut text, repair);
    }
    for severity in [Severity::Damage, Severity::Warning, Severity::Note] {
        describe_problems(&mut text, report, severity);
    }
    describe_packs(&mut text, report);
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
    let read = reading::describe(report, arguments);
    checked.past.describe_log(&mut text, context, report);
    let warnings = report.count(Severity::Warning) as u64;
    let lost = checked.repair.as_ref().map_or(0, |repair| repair.snapshots_lost().len());
    if lost > 0 {
        let _ = writeln!(text, "{} LOST, see above", text::counted(lost as u64, "snapshot").to_uppercase());
    }
    let _ = match (report.is_healthy() && checked.past.is_well(), warnings) {
        (true, 0) => writeln!(text, "no damage found; {read}"),
        (true, _) => writeln!(text, "no damage found, but {}; {read}", text::counted(warnings, "warning")),
        (false, _) => writeln!(text, "DAMAGE FOUND; {read}"),
    };
    let is_damage =
        |problem: &CheckProblem| problem.severity == Severity::Damage && !past::is_loss(problem.kind);
    if report.problems.iter().any(is_damage) {
        text.push_str(&advice(report));
    }
    if checked.repair.is_none() && !checked.next.is_empty() && lacks_objects(report) {
        text.push_str(
            "if objects are still being replicated or copied here, wait and run `icecore check` again before anything else\n",
        );
    }
    describe_next(&mut text, &context.access.machine.host, &checked.next);
    checked.past.advise(&mut text);
    text
}

/// Says whether objects are missing, which may only be late.
fn lacks_objects(report: &CheckReport) -> bool {
    use ProblemKind::{ChunkMissing, NodeMissing, PackMissing};
    report.problems.iter().any(|problem| matches!(problem.kind, ChunkMissing | NodeMissing | PackMissing))
}

/// Tells what to run next.
fn describe_next(text: &mut String, this_host: &str, next: &[NextCommand]) {
    if !next.is_empty() {
        text.push_str("next, in this order:\n");
    }
    for NextCommand { command, host } in next {
        let elsewhere = host.as_ref().filter(|host| *host != this_host);
        let place = elsewhere.map(|host| format!("   (on host {host})")).unwrap_or_default();
        let _ = writeln!(text, "  {}", text::printable_message(&format!("{command}{place}")));
    }
}

/// Tells which snapshots need which damaged packs.
fn describe_packs(text: &mut String, report: &CheckReport) {
    for (pack, runs) in packs_hit(report).iter().take(PROBLEMS_SHOWN_MAX) {
        let ids: Vec<String> = runs.iter().take(FILES_SHOWN_MAX).map(RunId::snapshot_id).collect();
        let more = if runs.len() > FILES_SHOWN_MAX { ", …" } else { "" };
        let snapshots = text::counted(runs.len() as u64, "snapshot");
        let _ = writeln!(text, "pack {pack} is needed by {snapshots}: {}{more}", ids.join(", "));
    }
}

/// Returns the damaged packs with the snapshots that need them.
fn packs_hit(report: &CheckReport) -> BTreeMap<PackName, Vec<RunId>> {
    let mut packs: BTreeMap<PackName, Vec<RunId>> = BTreeMap::new();
    for snapshot in &report.snapshots {
        for pack in &snapshot.packs_damaged {
            packs.entry(*pack).or_default().push(snapshot.run);
        }
    }
    packs
}

fn describe_problems(text: &mut String, report: &CheckReport, severity: Severity) {
    let problems: Vec<&CheckProblem> = report
        .problems
        .iter()
        .filter(|problem| problem.severity == severity && !past::is_loss(problem.kind))
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

fn describe_snapshot(text: &mut String, context: &Context, snapshot: &SnapshotCheck, list: &SnapshotList) {
    let name = list.by_run(snapshot.run).map_or_else(String::new, |found| {
        let time = text::local_time(found.origin.started, &context.access.machine.zone);
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
         - a repair deletes nothing: what is bad goes into quarantine, what is whole in it is kept\n\
         - the next backup of a source stores again what is missing and the source still has\n"
    )
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    healthy: bool,
    #[serde(flatten)]
    past: PastDocument<'a>,
    snapshots: Vec<SnapshotCheckDocument>,
    newest_restorable: Vec<NewestWholeDocument<'a>>,
    packs_hit: Vec<PackHitDocument>,
    problems: Vec<ProblemDocument<'a>>,
    packs: u64,
    bytes: u64,
    blocks: u64,
    chunks: u64,
    nodes: u64,
    packs_read: u64,
    packs_verified: u64,
    packs_left: u64,
    packs_archived: u64,
    bytes_archived: u64,
    bytes_read: u64,
    repair: Option<RepairDocument<'a>>,
    next_commands: &'a [NextCommand],
}

#[derive(Serialize)]
struct PackHitDocument {
    pack: String,
    snapshots: Vec<String>,
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
    files_marked: Option<u64>,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    severity: &'static str,
    kind: &'static str,
    object: Option<&'a str>,
    detail: &'a str,
}

fn problem_document(problem: &CheckProblem) -> ProblemDocument<'_> {
    ProblemDocument {
        severity: problem.severity.name(),
        kind: problem.kind.name(),
        object: problem.object.as_deref(),
        detail: &problem.detail,
    }
}

fn document<'a>(checked: &'a Checked, list: &'a SnapshotList) -> CheckDocument<'a> {
    let report = &checked.report;
    let snapshot = |snapshot: &SnapshotCheck| SnapshotCheckDocument {
        id: snapshot.run.snapshot_id(),
        run: snapshot.run.to_string(),
        source: list.by_run(snapshot.run).map(|found| found.origin.source.clone()),
        restorable: snapshot.restorable,
        files_damaged: snapshot.files_damaged,
        examples: snapshot.examples.iter().map(|path| PathText::new(path)).collect(),
        packs_damaged: snapshot.packs_damaged.iter().map(ToString::to_string).collect(),
        files_marked: snapshot.mark.map(|mark| mark.files),
    };
    let hit = |(pack, runs): (PackName, Vec<RunId>)| PackHitDocument {
        pack: pack.to_string(),
        snapshots: runs.iter().map(RunId::snapshot_id).collect(),
    };
    CheckDocument {
        healthy: checked.is_well(),
        past: checked.past.document(report),
        snapshots: report.snapshots.iter().map(snapshot).collect(),
        newest_restorable: whole::documents(&newest_whole(report, list, &checked.unreadable)),
        packs_hit: packs_hit(report).into_iter().map(hit).collect(),
        problems: report.problems.iter().map(problem_document).collect(),
        packs: report.packs,
        bytes: report.bytes,
        blocks: report.blocks,
        chunks: report.chunks,
        nodes: report.nodes,
        packs_read: report.packs_read,
        packs_verified: report.verified.len() as u64,
        packs_left: report.packs_left,
        packs_archived: report.packs_archived,
        bytes_archived: report.bytes_archived,
        bytes_read: report.bytes_read,
        repair: checked.repair.as_ref().map(repair::document),
        next_commands: &checked.next,
    }
}

#[cfg(test)]
mod tests;
