//! Looks for times of snapshots that cannot be right.

use icecore_access::{OpenStore, unlock};
use icecore_format::snapshot::Snapshot;
use icecore_repo::snapshots::{self, CLOCK_TOLERANCE, ClockError, SnapshotList};

use super::{Finding, State};
use crate::{
    context::Context,
    failure::{Failure, Outcome},
};
use icecore_operations::text;

/// Snapshots that are named.
const SHOWN_MAX: usize = 5;

/// Compares the times of the snapshots with their order, with the store's clock and with this machine's; nobody is asked for a
/// password.
pub(super) fn look(context: &Context, store: &OpenStore) -> Vec<Finding> {
    const CHECK: &str = "snapshots";
    match list(context, store) {
        Ok(Some(list)) => findings(CHECK, context, &list),
        Ok(None) => vec![
            Finding::new(CHECK, State::Unknown, "their times were not compared: no key is at hand")
                .hint("give a key or a password, for example with --key-file or --password-file"),
        ],
        Err(failure) => vec![Finding::failed(CHECK, failure)],
    }
}

fn list(context: &Context, store: &OpenStore) -> Outcome<Option<SnapshotList>> {
    let Some(repository) = unlock::unlock_unasked(&context.access, store)? else { return Ok(None) };
    let mut open = context.access.with_catalog(repository, store)?;
    Ok(Some(snapshots::list(&open.repository, &mut open.catalog).map_err(Failure::from)?))
}

fn findings(check: &'static str, context: &Context, list: &SnapshotList) -> Vec<Finding> {
    let mut findings = Vec::new();
    let doubtful = list.doubtful_times();
    let wrong: Vec<(&Snapshot, ClockError)> = list
        .complete(None)
        .filter_map(|snapshot| Some((snapshot, *doubtful.get(&snapshot.origin.run)?)))
        .collect();
    if wrong.is_empty() {
        let message = "their times agree with the order in which they were made";
        findings.push(Finding::new(check, State::Good, message));
    } else {
        let describe = |(snapshot, error): &(&Snapshot, ClockError)| {
            let origin = &snapshot.origin;
            let clock = if *error == ClockError::Ahead { "ahead" } else { "behind" };
            let (id, time) =
                (origin.run.snapshot_id(), text::local_time(origin.started, &context.access.machine.zone));
            format!("{id} of {} ({time}, the clock of {} was {clock})", origin.source, origin.host)
        };
        let shown: Vec<String> = wrong.iter().take(SHOWN_MAX).map(describe).collect();
        let more = wrong.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let counted = text::counted(wrong.len() as u64, "snapshot");
        let message = format!("the time of {counted} is wrong: {}{more}", shown.join(", "));
        findings.push(Finding::new(check, State::Warning, message).hint(
            "the order of the snapshots does not depend on their times; name these by their ids, not by dates",
        ));
    }
    findings.extend(behind_store(check, context, list));
    findings
}

/// Says if the store has got something at a time that is still to come here.
fn behind_store(check: &'static str, context: &Context, list: &SnapshotList) -> Option<Finding> {
    let newest = list.written.values().max()?;
    let ahead = newest.as_nanoseconds() - context.access.machine.environment.now().as_nanoseconds();
    if ahead <= CLOCK_TOLERANCE.as_nanos().cast_signed() {
        return None;
    }
    let time = text::local_time(*newest, &context.access.machine.zone);
    let message = format!("this machine's clock is behind: the repository was last written to at {time}");
    Some(Finding::new(check, State::Warning, message).hint("use a time service"))
}
