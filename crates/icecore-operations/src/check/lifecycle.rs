//! Effects of the bucket's lifecycle rules on the repository.

use icecore_access::RepositoryAccess;
use icecore_aws::{ColdRule, LifecycleReport, S3Store};
use icecore_check::{CheckProblem, ProblemKind};

/// Returns the lifecycle rules that would harm the repository.
pub(super) fn harmful_rules(access: &RepositoryAccess, store: Option<&S3Store>) -> Vec<CheckProblem> {
    let Some(store) = store else { return Vec::new() };
    let report = access.machine.environment.runtime.block_on(store.lifecycle()).unwrap_or_else(|error| {
        tracing::info!(%error, "the lifecycle rules of the bucket cannot be read");
        LifecycleReport::default()
    });
    let kind = ProblemKind::HarmfulLifecycleRule;
    let problem = |rule: &ColdRule| CheckProblem {
        severity: kind.severity(),
        object: None,
        kind,
        detail: format!("{rule}; see `icecore doctor`"),
    };
    report.harmful.iter().map(problem).collect()
}
