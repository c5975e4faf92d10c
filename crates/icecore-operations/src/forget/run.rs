//! Decides which snapshots go, and marks them as deleted.

use std::collections::HashMap;

use icecore_access::{AccessMode, OpenRepository, RepositoryAccess, Usage};
use icecore_format::{ids::RunId, snapshot::Snapshot};
use icecore_policy::retention::{
    GroupKey, GuardLimits, RetentionFate, RetentionPlan, RetentionRequest, ShareRefusal, plan,
};
use icecore_prune::{PruneError, forget};
use icecore_repo::log::LogBook;
use icecore_witness::{Watch, WitnessSettings};
use jiff::Timestamp;

use super::{ForgetChoice, ForgetRequest, items::items, named};
use crate::{
    error::{OperationError, OperationResult},
    look::Look,
};

/// Why a snapshot is kept or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user named it.
    Named,
    /// The rules say so.
    Rules(RetentionFate),
}

/// What happened to a snapshot.
#[derive(Debug)]
pub enum ForgetAction {
    /// It is kept.
    Kept,
    /// It was forgotten, or would be in a dry run.
    Forgotten,
    /// It would go, but the guard refuses the plan of its group.
    Refused,
    /// It is not forgotten after all: it was held or forgotten meanwhile.
    Failed(PruneError),
}

/// A snapshot that was looked at.
#[derive(Debug)]
pub struct ForgottenSnapshot {
    /// The snapshot as it was.
    pub snapshot: Snapshot,
    /// Why it is kept or goes.
    pub why: Why,
    /// What happened to it.
    pub action: ForgetAction,
}

/// What happened to all snapshots that were looked at.
#[derive(Debug)]
pub struct ForgetReport {
    /// The snapshots, by group, the oldest first.
    pub snapshots: Vec<ForgottenSnapshot>,
    /// Groups whose plan the guard refuses.
    pub refused: Vec<(GroupKey, ShareRefusal)>,
    /// Whether nothing was changed.
    pub is_dry_run: bool,
    /// Usage of the store.
    pub usage: Usage,
}

/// Forgets snapshots by name or by rules.
pub fn run(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &ForgetRequest,
) -> OperationResult<ForgetReport> {
    let mode = if request.is_dry_run { AccessMode::Read } else { AccessMode::Write };
    let mut open = access.open(mode)?;
    let look = Look::with_log(access, witness, &mut open, request.ignores_rollback)?;
    // The log was read, else there is an error.
    let Some(watch) = look.watch() else { return Err(OperationError::RolledBack) };
    let now = access.machine.environment.now();
    let (mut snapshots, refused) = match &request.choice {
        ForgetChoice::Named(references) => {
            let chosen = named::choose(&look, watch, references, request.is_confirmed, now)?;
            let goes =
                |snapshot| ForgottenSnapshot { snapshot, why: Why::Named, action: ForgetAction::Forgotten };
            (chosen.into_iter().map(goes).collect(), Vec::new())
        }
        ForgetChoice::Rules { policy, selection, group_by } => {
            if look.is_alarmed() && !request.ignores_rollback {
                // Nobody knows what the rules would say about the snapshots that are gone.
                return Err(OperationError::RolledBack);
            }
            let now = Timestamp::new(now.seconds, now.nanoseconds.cast_signed());
            let retention = RetentionRequest {
                policy: policy.clone(),
                selection: selection.clone(),
                group_by: *group_by,
                zone: access.machine.zone.clone(),
                now: now.unwrap_or(Timestamp::UNIX_EPOCH),
                guard: (!request.is_confirmed).then(GuardLimits::default),
            };
            let items = items(look.list(), watch);
            if !items.is_empty() && !items.iter().any(|item| selection.matches(item)) {
                return Err(OperationError::NothingSelected);
            }
            let plan = plan(&retention, &items)?;
            (judged(&look, &plan), plan.refused().map(|(key, refusal)| (key.clone(), refusal)).collect())
        }
    };
    if !request.is_dry_run {
        carry_out(access, &mut open, watch, &mut snapshots)?;
    }
    Ok(ForgetReport { snapshots, refused, is_dry_run: request.is_dry_run, usage: open.usage })
}

/// Returns the snapshots of a plan with what is to happen to them.
fn judged(look: &Look, plan: &RetentionPlan) -> Vec<ForgottenSnapshot> {
    let by_name: HashMap<String, &Snapshot> =
        look.list().complete(None).map(|snapshot| (snapshot.origin.run.to_string(), snapshot)).collect();
    let mut judged = Vec::new();
    for group in &plan.groups {
        for decision in &group.decisions {
            let Some(snapshot) = by_name.get(&decision.id) else { continue };
            let action = match (decision.is_kept(), group.refusal) {
                (true, _) => ForgetAction::Kept,
                (false, Some(_)) => ForgetAction::Refused,
                (false, None) => ForgetAction::Forgotten,
            };
            let why = Why::Rules(decision.fate.clone());
            judged.push(ForgottenSnapshot { snapshot: (*snapshot).clone(), why, action });
        }
    }
    judged
}

fn carry_out(
    access: &RepositoryAccess,
    open: &mut OpenRepository,
    watch: &Watch,
    snapshots: &mut [ForgottenSnapshot],
) -> OperationResult<()> {
    let mut log = None;
    let goes = |one: &&mut ForgottenSnapshot| matches!(one.action, ForgetAction::Forgotten);
    for one in snapshots.iter_mut().filter(goes) {
        if access.machine.is_cancelled() {
            return Err(OperationError::Interrupted);
        }
        let run = one.snapshot.origin.run;
        match forget(&open.repository, run, watch.held(run)) {
            Ok(_) => {}
            // Another host was faster, and its data has been removed since.
            Err(PruneError::NotComplete { .. }) if is_gone(&mut log, open, run)? => {}
            Err(error @ (PruneError::Held { .. } | PruneError::NotComplete { .. })) => {
                one.action = ForgetAction::Failed(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Returns whether the log names a snapshot as deleted; it is read again for the first one.
fn is_gone(log: &mut Option<LogBook>, open: &mut OpenRepository, run: RunId) -> OperationResult<bool> {
    let log = match log {
        Some(log) => log,
        none => none.insert(LogBook::read(&open.repository, &mut open.catalog)?),
    };
    Ok(log.history().is_gone(run))
}

impl ForgetReport {
    /// Returns the number of snapshots that were forgotten, or would be.
    pub fn forgotten(&self) -> usize {
        self.snapshots.iter().filter(|one| matches!(one.action, ForgetAction::Forgotten)).count()
    }

    /// Returns the number of snapshots that stay.
    pub fn kept(&self) -> usize {
        self.snapshots.len() - self.forgotten()
    }
}
