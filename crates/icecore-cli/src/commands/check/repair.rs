//! `check --repair`: the plan, its execution, and what is told of it.

use std::{fmt::Write, sync::Arc};

use icecore_access::OpenStore;
use icecore_catalog::Catalog;
use icecore_check::{
    CheckEvents, CheckOptions, CheckProblem, CheckReport, Maintenance, MarkChange, RepairEnvironment,
    RepairOutcome, RepairPlan, RepairStep, SalvageSource, StoredObject,
};
use icecore_format::{ids::RunId, layout};
use icecore_repo::repository::Repository;
use serde::Serialize;

use super::{ProblemDocument, problem_document};
use crate::{
    context::{Context, program},
    failure::{Failure, Outcome},
};
use icecore_operations::{documents::PathText, text};

/// Steps, and objects in quarantine, that are shown.
const SHOWN_MAX: usize = 50;
/// Directories of a snapshot that are shown.
const PARENTS_SHOWN_MAX: usize = 10;

/// A repair, planned or done.
#[derive(Debug)]
pub(super) struct Repair {
    /// What was found before it.
    pub(super) before: Vec<CheckProblem>,
    /// What it does.
    pub(super) plan: RepairPlan,
    /// What it has done; none if it was only planned.
    pub(super) done: Option<Done>,
}

/// What a repair has done.
#[derive(Debug, Default)]
pub(super) struct Done {
    outcome: RepairOutcome,
    marks: Vec<MarkChange>,
}

impl Repair {
    /// Says whether something that nobody can bring back was put aside.
    pub(super) fn has_lost_snapshots(&self) -> bool {
        !self.snapshots_lost().is_empty()
    }

    /// Returns the snapshots that got directories that they lacked.
    pub(super) fn snapshots_mended(&self) -> &[RunId] {
        self.done.as_ref().map_or(&[], |done| &done.outcome.snapshots_mended)
    }

    /// Returns the snapshots that were put aside and that nobody can bring back.
    pub(super) fn snapshots_lost(&self) -> &[RunId] {
        self.done.as_ref().map_or(&[], |done| &done.outcome.snapshots_lost)
    }
}

/// Checks the repository, plans a repair, and executes it unless `dry_run` is set; returns the report of what is the case
/// now.
pub(super) fn repair(
    context: &Context,
    store: &OpenStore,
    repository: &Repository,
    catalog: &mut Catalog,
    options: &CheckOptions,
    events: &dyn CheckEvents,
    dry_run: bool,
) -> Outcome<(CheckReport, Repair)> {
    let environment = &context.access.machine.environment;
    // Snapshots as this machine has seen them last.
    let copies = icecore_repo::snapshots::known_copies(repository, catalog).unwrap_or_default();
    let (report, plan) = environment.runtime.block_on(icecore_check::plan_repair(
        Arc::clone(&store.store),
        repository.keys(),
        options,
        &copies,
        events,
        &environment.cancelled,
    ))?;
    let before = report.problems.clone();
    let is_nothing_to_do = plan.steps.is_empty() && report.mark_changes().is_empty();
    if dry_run || is_nothing_to_do {
        let done = (!dry_run).then(Done::default);
        return Ok((report, Repair { before, plan, done }));
    }
    if !plan.steps.is_empty()
        && let Err(error) = catalog.start_over()
    {
        // It is a cache; whoever uses it next finds out what is wrong with it.
        tracing::warn!(%error, "the catalogue could not be discarded");
    }
    let executing = execute(context, store, repository, &plan, options, events);
    let (mut after, done) = environment.runtime.block_on(executing)?;
    after.packs_read = report.packs_read;
    after.packs_left = report.packs_left;
    after.bytes_read += report.bytes_read;
    after.verified = report.verified;
    Ok((after, Repair { before, plan, done: Some(done) }))
}

async fn execute(
    context: &Context,
    store: &OpenStore,
    repository: &Repository,
    plan: &RepairPlan,
    options: &CheckOptions,
    events: &dyn CheckEvents,
) -> Outcome<(CheckReport, Done)> {
    let environment = &context.access.machine.environment;
    let needs = RepairEnvironment {
        clock: Arc::clone(&environment.clock),
        entropy: Arc::clone(&environment.entropy),
        pool: Some(Arc::clone(&environment.workers)),
        host: context.access.machine.host.clone(),
        program: program(),
    };
    let keys = repository.keys();
    let mut maintenance = Maintenance::begin(Arc::clone(&store.store), keys, needs).await?;
    let work = async {
        let outcome = maintenance.execute(plan, events, &environment.cancelled).await?;
        // What was read has been judged; what is listed now tells which snapshots have lost something.
        let structure =
            CheckOptions { read_data: false, sample_percent: None, within: None, ..options.clone() };
        let cancelled = &environment.cancelled;
        let mut after =
            icecore_check::check(Arc::clone(&store.store), keys, &structure, events, cancelled).await?;
        // That this repair is at work is known.
        let announcement = layout::snapshot_key(maintenance.run());
        after.problems.retain(|problem| problem.object.as_ref() != Some(&announcement));
        let marks = maintenance.mark(&after).await?;
        Ok((after, Done { outcome, marks }))
    };
    let result: Outcome<_> = work.await;
    let reason = match &result {
        Ok((_, done)) => format!("done, {} objects in quarantine", done.outcome.quarantined.len()),
        Err(failure) => failure.message.clone(),
    };
    let ended = maintenance.finish(&reason).await;
    let done = result.map_err(|failure| match failure.hint {
        Some(_) => failure,
        None => failure.hint("nothing is lost; run the same command again"),
    })?;
    ended.map_err(Failure::from)?;
    Ok(done)
}

/// Tells what the repair does, or has done.
pub(super) fn describe(text: &mut String, repair: &Repair) {
    let steps = repair.plan.steps.len();
    // Writing to a string does not fail.
    let _ = match (&repair.done, steps) {
        (_, 0) => writeln!(text, "repair: there is nothing to do"),
        (None, _) => writeln!(text, "repair, not done yet:"),
        (Some(_), _) => writeln!(text, "repaired:"),
    };
    for step in repair.plan.steps.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "  {}", text::printable_message(&describe_step(step)));
    }
    more(text, steps);
    for (key, reason) in repair.plan.left.iter().take(SHOWN_MAX) {
        let line = format!("{key} is left alone: {reason}");
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
            None => writeln!(text, "  snapshot {id} is whole again, its mark is gone"),
        };
    }
    more(text, done.marks.len());
    if let Some(first) = done.outcome.quarantined.first() {
        // "meta/quarantine/<repair>/…"
        let place = first.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let count = text::counted(done.outcome.quarantined.len() as u64, "object");
        let _ = writeln!(
            text,
            "{count} in quarantine under {place}/; delete them by hand when nobody wants to look at them any more"
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
            format!("{} is written anew from the copy in {}", layout::directory_key(*pack), from.key)
        }
        RepairStep::MovePack { from, to, .. } => {
            format!("{} is moved to {to}, where its directory says that it is", from.key)
        }
        RepairStep::RetirePack { sources, retired, chunks_lost, .. } => {
            let kept: u64 = sources.iter().map(SalvageSource::chunk_count).sum();
            let keys: Vec<&str> = retired.iter().map(|object| object.key.as_str()).collect();
            let (kept, lost) = (text::counted(kept, "chunk"), text::counted(*chunks_lost, "chunk"));
            format!("{} into quarantine; stored anew: {kept}, lost: {lost}", keys.join(" and "))
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
                "snapshot {} gets the {directories} that its files lie in and that it lacks; only the path is known, the \
                 mode becomes 0700, the owner and time those of the directory above: {}{more}",
                run.snapshot_id(),
                shown.join(", ")
            )
        }
        RepairStep::RestoreSnapshot { run, .. } => {
            format!(
                "snapshot {} is put back from the catalogue's copy or from where it was",
                run.snapshot_id()
            )
        }
        RepairStep::RetireSnapshot { run, object } => {
            format!(
                "{} into quarantine: snapshot {} is lost, there is no copy of it",
                object.key,
                run.snapshot_id()
            )
        }
        _ => step.name().to_owned(),
    }
}

/// A repair in JSON.
#[derive(Serialize)]
pub(super) struct RepairDocument<'a> {
    dry_run: bool,
    steps: Vec<StepDocument>,
    left: Vec<LeftDocument<'a>>,
    marks: Vec<MarkDocument>,
    quarantined: &'a [String],
    directories_rebuilt: u64,
    packs_moved: u64,
    packs_written: u64,
    chunks_kept: u64,
    snapshots_restored: Vec<String>,
    snapshots_mended: Vec<String>,
    snapshots_lost: Vec<String>,
    problems_before: Vec<ProblemDocument<'a>>,
}

#[derive(Serialize)]
struct StepDocument {
    step: &'static str,
    pack: Option<String>,
    snapshot: Option<String>,
    from: Vec<String>,
    to: Option<String>,
    retired: Vec<String>,
    chunks_kept: u64,
    chunks_lost: u64,
    directories_added: Vec<PathText>,
}

#[derive(Serialize)]
struct LeftDocument<'a> {
    object: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct MarkDocument {
    snapshot: String,
    files_damaged: Option<u64>,
}

/// Makes the document of a repair.
pub(super) fn document(repair: &Repair) -> RepairDocument<'_> {
    static NOTHING: RepairOutcome = RepairOutcome {
        directories_rebuilt: 0,
        packs_moved: 0,
        packs_written: 0,
        chunks_kept: 0,
        snapshots_restored: Vec::new(),
        snapshots_mended: Vec::new(),
        snapshots_lost: Vec::new(),
        quarantined: Vec::new(),
    };
    let outcome = repair.done.as_ref().map_or(&NOTHING, |done| &done.outcome);
    let marks = repair.done.as_ref().map_or(&[][..], |done| &done.marks);
    let ids = |runs: &[RunId]| runs.iter().map(RunId::snapshot_id).collect();
    let mark =
        |mark: &MarkChange| MarkDocument { snapshot: mark.run.snapshot_id(), files_damaged: mark.files };
    RepairDocument {
        dry_run: repair.done.is_none(),
        steps: repair.plan.steps.iter().map(step_document).collect(),
        left: repair.plan.left.iter().map(|(object, reason)| LeftDocument { object, reason }).collect(),
        marks: marks.iter().map(mark).collect(),
        quarantined: &outcome.quarantined,
        directories_rebuilt: outcome.directories_rebuilt,
        packs_moved: outcome.packs_moved,
        packs_written: outcome.packs_written,
        chunks_kept: outcome.chunks_kept,
        snapshots_restored: ids(&outcome.snapshots_restored),
        snapshots_mended: ids(&outcome.snapshots_mended),
        snapshots_lost: ids(&outcome.snapshots_lost),
        problems_before: repair.before.iter().map(problem_document).collect(),
    }
}

fn step_document(step: &RepairStep) -> StepDocument {
    let keys = |objects: &[StoredObject]| objects.iter().map(|object| object.key.clone()).collect();
    let mut document = StepDocument {
        step: step.name(),
        pack: None,
        snapshot: None,
        from: Vec::new(),
        to: None,
        retired: keys(step.retired()),
        chunks_kept: 0,
        chunks_lost: 0,
        directories_added: Vec::new(),
    };
    match step {
        RepairStep::RebuildDirectory { pack, from, .. } => {
            document.pack = Some(pack.to_string());
            document.from = vec![from.key.clone()];
            document.to = Some(layout::directory_key(*pack));
        }
        RepairStep::MovePack { pack, from, to } => {
            document.pack = Some(pack.to_string());
            document.from = vec![from.key.clone()];
            document.to = Some(to.clone());
        }
        RepairStep::RetirePack { pack, sources, chunks_lost, .. } => {
            document.pack = Some(pack.to_string());
            document.from = sources.iter().map(|source| source.object().key.clone()).collect();
            document.chunks_kept = sources.iter().map(SalvageSource::chunk_count).sum();
            document.chunks_lost = *chunks_lost;
        }
        RepairStep::AddParents { run, parents, .. } => {
            document.snapshot = Some(run.snapshot_id());
            document.directories_added = parents.iter().map(|path| PathText::new(path)).collect();
        }
        RepairStep::RestoreSnapshot { run, .. } | RepairStep::RetireSnapshot { run, .. } => {
            document.snapshot = Some(run.snapshot_id());
        }
        _ => {}
    }
    document
}

#[cfg(test)]
mod tests;
