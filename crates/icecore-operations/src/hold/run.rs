//! Places holds on snapshots, and releases them.
//!
//! The log gets each statement before the snapshot object: if somebody puts an older object back, the hold
//! still counts.

use icecore_access::{AccessMode, OpenRepository, RepositoryAccess};
use icecore_format::{
    ids::RunId,
    log::{HeldSnapshot, cut_text},
    snapshot::Hold,
};
use icecore_witness::{Watch, WitnessSettings};

use super::{HoldRequest, ReleaseRequest};
use crate::{
    change::{Changed, change},
    error::{OperationError, OperationResult},
    look::Look,
    reference::{Moment, Reference, ResolveError},
};

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// Places a hold on a snapshot, in place of an earlier one.
pub fn hold(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &HoldRequest,
) -> OperationResult<Changed> {
    let placed = access.machine.environment.now();
    let until_seconds = request.until.map(|until| last_second(access, until)).transpose()?;
    if until_seconds.is_some_and(|until| until <= placed.seconds) {
        return Err(OperationError::HoldEnded);
    }
    let (mut open, mut watch, run) = begin(access, witness, &request.reference, request.ignores_rollback)?;
    let logged = HeldSnapshot { run, until_seconds, reason: cut_text(&request.reason) };
    let is_new = watch.held(run) != Some(&logged);
    if is_new {
        watch.hold(&open.repository, &mut open.catalog, logged)?;
    }
    let hold = Hold { until_seconds, reason: request.reason.clone(), placed };
    let changed = change(&open, run, |_, completion| {
        let is_same = |old: &Hold| (old.until_seconds, &old.reason) == (hold.until_seconds, &hold.reason);
        if !completion.hold.as_ref().is_some_and(is_same) {
            completion.hold = Some(hold.clone());
        }
    })?;
    Ok(Changed { is_changed: changed.is_changed || is_new, ..changed })
}

/// Releases the hold on a snapshot.
pub fn release(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    request: &ReleaseRequest,
) -> OperationResult<Changed> {
    let (mut open, mut watch, run) = begin(access, witness, &request.reference, request.ignores_rollback)?;
    let is_held = watch.held(run).is_some();
    if is_held {
        watch.release(&open.repository, &mut open.catalog, run)?;
    }
    let changed = change(&open, run, |_, completion| completion.hold = None)?;
    Ok(Changed { is_changed: changed.is_changed || is_held, ..changed })
}

fn begin(
    access: &RepositoryAccess,
    witness: &WitnessSettings,
    reference: &Reference,
    ignores_rollback: bool,
) -> OperationResult<(OpenRepository, Watch, RunId)> {
    let mut open = access.open(AccessMode::Write)?;
    let look = Look::with_log(access, witness, &mut open, ignores_rollback)?;
    let run = look.resolve(reference)?.origin.run;
    let (_, watch) = look.into_parts();
    // The log was read, else there is an error.
    let watch = watch.ok_or(OperationError::RolledBack)?;
    Ok((open, watch, run))
}

/// Returns when a hold ends that lasts until the end of a day or a moment, in seconds since 1970.
fn last_second(access: &RepositoryAccess, until: Moment) -> OperationResult<i64> {
    let end = until.end(&access.machine.zone);
    let seconds = end.and_then(|end| i64::try_from((end + SECOND - 1).div_euclid(SECOND)).ok());
    seconds.ok_or(OperationError::Resolve(ResolveError::BeyondCalendar))
}
