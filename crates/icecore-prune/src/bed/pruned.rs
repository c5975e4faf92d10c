//! Prunes of the tests.

use std::time::Duration;

use icecore_format::history::SeenHistory;
use icecore_repo::repository::Repository;

use super::{Bed, author};
use crate::{
    error::PruneResult,
    plan::PruneOptions,
    run::{PruneReport, prune},
};

/// Returns options with which everything that nothing needs goes at once.
pub(crate) fn at_once() -> PruneOptions {
    PruneOptions { grace: Duration::ZERO, ..PruneOptions::default() }
}

/// Prunes through a repository of the bed.
pub(crate) fn pruned_on(
    repository: &Repository,
    bed: &Bed,
    options: &PruneOptions,
) -> PruneResult<PruneReport> {
    bed.clock.advance(Duration::from_secs(1));
    prune(repository, &mut bed.catalog(), author(), &SeenHistory::default(), options, |_, _| {})
}

/// Prunes; there are no doubts, and everything can be removed.
pub(crate) fn pruned(bed: &Bed, options: &PruneOptions) -> PruneReport {
    let report = pruned_on(&bed.repository, bed, options).unwrap();
    assert!(report.doubts.is_empty(), "{:?}", report.doubts);
    assert!(report.swept.failed.is_empty(), "{:?}", report.swept.failed);
    report
}
