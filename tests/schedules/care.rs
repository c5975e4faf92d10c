//! Holds, checks and repairs.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use icecore_check::{
    CheckError, CheckOptions, CheckReport, Maintenance, NoEvents, RepairEnvironment, RepairPlan, Severity,
    plan_repair,
};
use icecore_format::{
    ids::RunId,
    snapshot::{Hold, Snapshot, SnapshotState},
};
use icecore_prune::PruneError;
use icecore_repo::{repository::Repository, snapshots};

use crate::{
    machine::{CommandResult, Machine},
    truth::Truth,
};

impl Machine {
    /// Places a hold that lasts until somebody releases it.
    pub(crate) fn hold(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let list = snapshots::list(&repository, &mut self.catalog)?;
        let Some(snapshot) = self.any_complete(&list) else { return Ok("nothing to hold".to_owned()) };
        let run = snapshot.origin.run;
        self.set_hold(&repository, run, true)?;
        truth.lock().unwrap().holds(run);
        Ok(format!("held {run}"))
    }

    /// Releases a hold.
    pub(crate) fn release(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let list = snapshots::list(&repository, &mut self.catalog)?;
        let Some(snapshot) = self.any_complete(&list) else { return Ok("nothing to release".to_owned()) };
        let run = snapshot.origin.run;
        truth.lock().unwrap().releases(run);
        self.set_hold(&repository, run, false)?;
        Ok(format!("released {run}"))
    }

    fn set_hold(&self, repository: &Repository, run: RunId, is_held: bool) -> CommandResult<()> {
        let placed = self.environment.now();
        let hold = is_held.then(|| Hold { until_seconds: None, reason: "test".to_owned(), placed });
        snapshots::change(repository, run, |snapshot| match &mut snapshot.state {
            SnapshotState::Complete(completion) => {
                completion.hold.clone_from(&hold);
                Ok(true)
            }
            _ => Err(PruneError::NotComplete { run }),
        })?;
        Ok(())
    }

    /// Checks everything, and repairs what is damaged.
    pub(crate) fn repair(&mut self, truth: &Mutex<Truth>) -> CommandResult<String> {
        let repository = self.unlock()?;
        let options = CheckOptions {
            read_data: true,
            concurrency: 1,
            memory_bytes_max: 1 << 20,
            pool: Some(Arc::clone(&self.environment.workers)),
            ..CheckOptions::new(self.environment.clock.now())
        };
        let cancel = AtomicBool::new(false);
        let planning =
            plan_repair(Arc::clone(&self.store), repository.keys(), &options, &[], &NoEvents, &cancel);
        let (report, plan) = self.environment.runtime.block_on(planning)?;
        let is_nothing_to_do = plan.steps.is_empty() && report.mark_changes().is_empty();
        if is_nothing_to_do {
            return Ok(format!("checked: {:?}", damage(&report)));
        }
        self.catalog.start_over()?;
        let after = self.environment.runtime.block_on(self.execute(&repository, &plan, &options))?;
        truth.lock().unwrap().count("repairs");
        Ok(format!("repaired {:?}; left: {:?}", damage(&report), damage(&after)))
    }

    /// Returns the repairs that were killed: only an operator knows that they are not alive any more.
    pub(crate) fn dead_repairs(&mut self) -> CommandResult<Vec<RunId>> {
        let repository = self.unlock()?;
        let list = snapshots::list(&repository, &mut self.catalog)?;
        let is_repair = |snapshot: &&Snapshot| {
            matches!(snapshot.state, SnapshotState::Pending { .. }) && snapshot.origin.source == "repair"
        };
        Ok(list.snapshots.iter().filter(is_repair).map(|snapshot| snapshot.origin.run).collect())
    }

    async fn execute(
        &self,
        repository: &Repository,
        plan: &RepairPlan,
        options: &CheckOptions,
    ) -> Result<CheckReport, CheckError> {
        let needs = RepairEnvironment {
            clock: Arc::clone(&self.environment.clock),
            entropy: Arc::clone(&self.environment.entropy),
            pool: Some(Arc::clone(&self.environment.workers)),
            host: self.host.clone(),
            program: "test".to_owned(),
        };
        let cancel = AtomicBool::new(false);
        let mut maintenance = Maintenance::begin(Arc::clone(&self.store), repository.keys(), needs).await?;
        let work = async {
            maintenance.execute(plan, &NoEvents, &cancel).await?;
            let structure = CheckOptions { read_data: false, ..options.clone() };
            let store = Arc::clone(&self.store);
            let after =
                icecore_check::check(store, repository.keys(), &structure, &NoEvents, &cancel).await?;
            maintenance.mark(&after).await?;
            Ok(after)
        };
        let result = work.await;
        maintenance.finish("test").await?;
        result
    }
}

/// Returns what is damaged, for the trace.
fn damage(report: &CheckReport) -> Vec<String> {
    let damage = report.problems.iter().filter(|problem| problem.severity >= Severity::Damage);
    damage.map(|problem| format!("{} {:?}", problem.kind, problem.object)).collect()
}
