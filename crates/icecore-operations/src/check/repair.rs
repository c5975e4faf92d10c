//! A repair: the plan and its execution.

use std::sync::Arc;

use icecore_access::{OpenStore, RepositoryAccess};
use icecore_catalog::Catalog;
use icecore_check::{
    CheckError, CheckEvents, CheckOptions, CheckProblem, CheckReport, Maintenance, MarkChange,
    RepairEnvironment, RepairOutcome, RepairPlan,
};
use icecore_format::{ids::RunId, layout};
use icecore_repo::{repository::Repository, snapshots};

use super::RepairMode;
use crate::{
    error::{OperationError, OperationResult},
    text,
};

/// A repair, planned or done.
#[derive(Debug)]
pub struct Repair {
    /// Problems before it.
    pub before: Vec<CheckProblem>,
    /// Its plan.
    pub plan: RepairPlan,
    /// Result; none if it was only planned.
    pub done: Option<Done>,
}

/// Result of a repair.
#[derive(Debug, Default)]
pub struct Done {
    /// Outcome of its steps.
    pub outcome: RepairOutcome,
    /// Marks that were put on snapshots, or removed from them.
    pub marks: Vec<MarkChange>,
}

impl Repair {
    /// Returns whether anything was moved into quarantine that nobody can restore.
    pub fn has_lost_snapshots(&self) -> bool {
        !self.snapshots_lost().is_empty()
    }

    /// Returns the snapshots that got their missing directories.
    pub fn snapshots_mended(&self) -> &[RunId] {
        self.done.as_ref().map_or(&[], |done| &done.outcome.snapshots_mended)
    }

    /// Returns the snapshots that were moved into quarantine and that nobody can restore.
    pub fn snapshots_lost(&self) -> &[RunId] {
        self.done.as_ref().map_or(&[], |done| &done.outcome.snapshots_lost)
    }
}

/// Checks the repository, plans a repair, and executes it unless only the plan is wanted; returns the report
/// of the state afterwards.
pub(super) fn repair(
    access: &RepositoryAccess,
    store: &OpenStore,
    repository: &Repository,
    catalog: &mut Catalog,
    options: &CheckOptions,
    events: &dyn CheckEvents,
    mode: RepairMode,
) -> OperationResult<(CheckReport, Repair)> {
    let environment = &access.machine.environment;
    // Snapshots as this machine saw them last.
    let copies = snapshots::known_copies(repository, catalog).unwrap_or_default();
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
    let dry_run = mode == RepairMode::Plan;
    if dry_run || is_nothing_to_do {
        let done = (!dry_run).then(Done::default);
        return Ok((report, Repair { before, plan, done }));
    }
    if !plan.steps.is_empty()
        && let Err(error) = catalog.start_over()
    {
        // It is a cache; its next user notices any problem with it.
        tracing::warn!(%error, "the catalogue could not be discarded");
    }
    let executing = execute(access, store, repository, &plan, options, events);
    let (mut after, done) = environment.runtime.block_on(executing)?;
    after.packs_read = report.packs_read;
    after.packs_left = report.packs_left;
    after.bytes_read += report.bytes_read;
    after.verified = report.verified;
    Ok((after, Repair { before, plan, done: Some(done) }))
}

async fn execute(
    access: &RepositoryAccess,
    store: &OpenStore,
    repository: &Repository,
    plan: &RepairPlan,
    options: &CheckOptions,
    events: &dyn CheckEvents,
) -> OperationResult<(CheckReport, Done)> {
    let environment = &access.machine.environment;
    let needs = RepairEnvironment {
        clock: Arc::clone(&environment.clock),
        entropy: Arc::clone(&environment.entropy),
        pool: Some(Arc::clone(&environment.workers)),
        host: access.machine.host.clone(),
        program: access.machine.program.clone(),
    };
    let keys = repository.keys();
    let mut maintenance = Maintenance::begin(Arc::clone(&store.store), keys, needs).await?;
    let work = async {
        let outcome = maintenance.execute(plan, events, &environment.cancelled).await?;
        // The data has been read and judged; the structure now shows which snapshots have lost data.
        let structure =
            CheckOptions { read_data: false, sample_percent: None, within: None, ..options.clone() };
        let cancelled = &environment.cancelled;
        let mut after =
            icecore_check::check(Arc::clone(&store.store), keys, &structure, events, cancelled).await?;
        // This repair itself is not worth a note.
        let announcement = layout::snapshot_key(maintenance.run());
        after.problems.retain(|problem| problem.object.as_ref() != Some(&announcement));
        let marks = maintenance.mark(&after).await?;
        Ok((after, Done { outcome, marks }))
    };
    let result: Result<_, CheckError> = work.await;
    let reason = match &result {
        Ok((_, done)) => {
            let objects = text::counted(done.outcome.quarantined.len() as u64, "object");
            format!("done, {objects} in quarantine")
        }
        Err(error) => describe_end(error),
    };
    let ended = maintenance.finish(&reason).await;
    let done = result.map_err(|error| OperationError::Repair(Box::new(error)))?;
    ended?;
    Ok(done)
}

/// Describes in the repository why a repair ended.
fn describe_end(error: &CheckError) -> String {
    match error {
        CheckError::Cancelled => "interrupted".to_owned(),
        error => format!("failed to {}", text::reason(error)),
    }
}
