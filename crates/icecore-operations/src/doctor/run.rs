//! Examines everything that a repository needs.

use icecore_access::{AccessError, AccessMode, OpenStore, RepositoryAccess, unlock};
use icecore_format::layout::{DATA_PREFIX, PACKS_PREFIX, SNAPSHOTS_PREFIX};
use icecore_repo::{error::RepoError, repository::read_plain_header};

use super::{
    archive, bucket, cache,
    facts::{BucketFact, RepositoryFact},
    finding::{Check, Finding, State},
    keys, local, times, trial,
};
use crate::error::{OperationError, OperationResult};

/// The findings.
#[derive(Debug)]
pub struct DoctorReport {
    /// Location of an existing or future repository.
    pub location: String,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl DoctorReport {
    /// Returns whether no problem would make backups or restores fail.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Bad)
    }
}

/// Looks for problems that would make backups or restores fail. Does not ask for a password, and leaves
/// nothing behind.
pub fn run(access: &RepositoryAccess) -> OperationResult<DoctorReport> {
    let store = access.open_store(AccessMode::Write)?;
    let mut findings = Vec::new();
    let can_go_on = reach(access, &store, &mut findings);
    let has_repository =
        findings.iter().any(|finding| finding.check == Check::Repository && finding.state == State::Good);
    if let Some(s3) = store.s3.as_ref().filter(|_| can_go_on) {
        findings.push(bucket::conditions(access, s3));
        findings.extend(trial::examine(access, s3));
        findings.push(bucket::clock(access, s3));
        findings.extend(bucket::lifecycle(access, s3));
        findings.push(bucket::versioning(access, s3));
        findings.push(archive::metadata(access, s3));
    }
    if let Some(local) = store.local.as_ref().filter(|_| can_go_on) {
        findings.extend(local::examine(access, local));
    }
    if can_go_on && has_repository {
        findings.push(keys::look(access, &store));
        findings.extend(times::look(access, &store));
    }
    findings.push(cache::examine(access));
    // A failure because of a signal is not a finding.
    if access.machine.is_cancelled() {
        return Err(OperationError::Interrupted);
    }
    Ok(DoctorReport { location: store.store.location(), findings })
}

/// Finds out whether the store answers, and whether there is a repository; returns whether to continue.
fn reach(access: &RepositoryAccess, store: &OpenStore, findings: &mut Vec<Finding>) -> bool {
    const CHECK: Check = Check::Repository;
    let environment = &access.machine.environment;
    let (finding, can_go_on) = match read_plain_header(&store.store, environment) {
        Ok(header) => {
            let location = store.store.location();
            let fact = RepositoryFact::Found { repository: header.repository, location };
            (Finding::new(CHECK, State::Good, fact), true)
        }
        Err(error @ RepoError::NoRepository { .. }) => {
            let finding = match headless(access, store) {
                Some(error) => Finding::failed(CHECK, error),
                None => Finding::new(CHECK, State::Warning, RepositoryFact::Missing(error)),
            };
            (finding, true)
        }
        Err(error) => {
            let is_store = matches!(error, RepoError::Store(_));
            (Finding::failed(CHECK, error), !is_store)
        }
    };
    findings.push(finding);
    if let Some(s3) = store.s3.as_ref().filter(|_| can_go_on) {
        findings.push(Finding::new(Check::Region, State::Good, BucketFact::Region(s3.region().to_owned())));
    }
    if can_go_on && let Err(error) = environment.runtime.block_on(store.store.list("meta/keys/")) {
        findings.push(Finding::failed(Check::Listing, error));
        return false;
    }
    can_go_on
}

/// Returns the error of a repository without its header, if there are other objects of a repository.
fn headless(access: &RepositoryAccess, store: &OpenStore) -> Option<AccessError> {
    let others =
        [(SNAPSHOTS_PREFIX, "snapshots"), (PACKS_PREFIX, "pack directories"), (DATA_PREFIX, "packs")];
    unlock::missing_header(access, store).or_else(|| {
        others
            .into_iter()
            .find_map(|(prefix, objects)| unlock::missing_header_beside(access, store, prefix, objects))
    })
}
