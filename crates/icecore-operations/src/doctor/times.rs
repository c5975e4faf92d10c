//! Looks for times of snapshots that cannot be right, and for records of collections that cannot be read.

use icecore_access::{AccessResult, OpenStore, RepositoryAccess, unlock};
use icecore_repo::{
    collections,
    error::RepoError,
    snapshots::{self, CLOCK_TOLERANCE, SnapshotList},
};

use super::{
    facts::{RepositoryFact, WrongTime},
    finding::{Check, Finding, State},
};

const CHECK: Check = Check::Snapshots;

/// Compares the times of the snapshots with their order, with the store's clock and with this machine's, and
/// opens the records of collections; does not ask for a password.
pub(super) fn look(access: &RepositoryAccess, store: &OpenStore) -> Vec<Finding> {
    match list(access, store) {
        Ok(Some((list, unreadable))) => {
            let mut findings = findings(access, &list);
            findings.extend(unreadable.map(|error| Finding::failed(Check::Writing, error)));
            findings
        }
        Ok(None) => vec![Finding::new(CHECK, State::Unknown, RepositoryFact::TimesUnknown)],
        Err(error) => vec![Finding::failed(CHECK, error)],
    }
}

/// Returns the snapshots, and why nothing can be written, if a record of a collection cannot be read.
fn list(
    access: &RepositoryAccess,
    store: &OpenStore,
) -> AccessResult<Option<(SnapshotList, Option<RepoError>)>> {
    let Some(repository) = unlock::unlock_unasked(access, store)? else { return Ok(None) };
    let mut open = access.with_catalog(repository, store)?;
    let list = snapshots::list(&open.repository, &mut open.catalog)?;
    Ok(Some((list, collections::list(&open.repository).err())))
}

fn findings(access: &RepositoryAccess, list: &SnapshotList) -> Vec<Finding> {
    let doubtful = list.doubtful_times();
    let wrong = list.complete(None).filter_map(|snapshot| {
        let origin = &snapshot.origin;
        Some(WrongTime {
            clock: *doubtful.get(&origin.run)?,
            id: origin.run.snapshot_id(),
            source: origin.source.clone(),
            host: origin.host.clone(),
            started: origin.started,
        })
    });
    let wrong: Vec<WrongTime> = wrong.collect();
    let mut findings = vec![if wrong.is_empty() {
        Finding::new(CHECK, State::Good, RepositoryFact::TimesAgree)
    } else {
        Finding::new(CHECK, State::Warning, RepositoryFact::TimesWrong(wrong))
    }];
    findings.extend(machine_behind(access, list));
    findings
}

/// Returns a finding if the store's time of an object is in the future here.
fn machine_behind(access: &RepositoryAccess, list: &SnapshotList) -> Option<Finding> {
    let written = *list.written.values().max()?;
    let ahead = written.as_nanoseconds() - access.machine.environment.now().as_nanoseconds();
    if ahead <= CLOCK_TOLERANCE.as_nanos().cast_signed() {
        return None;
    }
    Some(Finding::new(CHECK, State::Warning, RepositoryFact::MachineBehind { written }))
}
