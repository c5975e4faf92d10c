//! Tests whether reads of a server behave as a repository needs, and how much damage this host could do.

use icecore_access::RepositoryAccess;
use icecore_aws::{S3Store, Trial, try_requests};
use icecore_store::StoreError;

use super::{
    facts::BucketFact,
    finding::{Check, Finding, State},
};

/// Tests reads, overwriting and deletion with a test object.
pub(super) fn examine(access: &RepositoryAccess, store: &S3Store) -> Vec<Finding> {
    match access.machine.environment.runtime.block_on(try_requests(store)) {
        Ok(trial) => {
            let Trial { wrong_reads, overwrites, deletes } = trial;
            vec![reading(wrong_reads), protection(overwrites, deletes)]
        }
        // A finding already says that nothing can be written.
        Err(StoreError::NotPermitted { .. }) => Vec::new(),
        Err(error) => vec![Finding::failed(Check::Reading, error)],
    }
}

fn reading(answers: Vec<String>) -> Finding {
    if answers.is_empty() {
        return Finding::new(Check::Reading, State::Good, BucketFact::ReadsCorrect);
    }
    Finding::new(Check::Reading, State::Bad, BucketFact::ReadsWrong { answers })
}

fn protection(overwrites: bool, deletes: bool) -> Finding {
    let state = if overwrites || deletes { State::Warning } else { State::Good };
    Finding::new(Check::Protection, state, BucketFact::Powers { overwrites, deletes })
}
