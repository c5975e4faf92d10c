//! Tests what a bucket and its server allow and do.

use std::time::Duration;

use icecore_access::RepositoryAccess;
use icecore_aws::{LifecycleReport, ProbeError, S3Store, Versioning, explain_probe_error, probe_conditions};
use icecore_store::StoreError;

use super::{
    facts::{BucketFact, RuleFact},
    finding::{Check, Finding, State},
};

/// Difference of clocks that is worth a warning; S3 refuses requests from 15 minutes on.
const SKEW_MAX: Duration = Duration::from_mins(2);

/// Tests conditional requests, and with them the permissions to write and to read.
pub(super) fn conditions(access: &RepositoryAccess, store: &S3Store) -> Finding {
    const CHECK: Check = Check::Writing;
    if store.is_single_writer() {
        return Finding::new(CHECK, State::Warning, BucketFact::OneWriter);
    }
    let runtime = &access.machine.environment.runtime;
    let error = match runtime.block_on(probe_conditions(store)) {
        Ok(report) if report.is_safe() => {
            return Finding::new(CHECK, State::Good, BucketFact::ConditionsHonoured);
        }
        Ok(report) => {
            let fact = BucketFact::ConditionsIgnored { ignored: report.ignored() };
            return Finding::new(CHECK, State::Bad, fact);
        }
        Err(error) => error,
    };
    match runtime.block_on(explain_probe_error(store, error)) {
        ProbeError::NotHonoured { ignored, .. } => {
            Finding::new(CHECK, State::Bad, BucketFact::ConditionsIgnored { ignored })
        }
        ProbeError::Store(error @ StoreError::NotPermitted { .. }) => {
            Finding::new(CHECK, State::Bad, BucketFact::WritingForbidden(error))
        }
        error => Finding::failed(CHECK, error),
    }
}

/// Compares the clocks.
pub(super) fn clock(access: &RepositoryAccess, store: &S3Store) -> Finding {
    const CHECK: Check = Check::Clock;
    match access.machine.environment.runtime.block_on(store.clock_difference()) {
        Ok(Some(difference)) if difference > SKEW_MAX => {
            Finding::new(CHECK, State::Warning, BucketFact::ClocksDiffer(difference))
        }
        Ok(Some(_)) => Finding::new(CHECK, State::Good, BucketFact::ClocksAgree),
        Ok(None) => Finding::new(CHECK, State::Unknown, BucketFact::ClockUnknown),
        Err(error) => Finding::failed(CHECK, error),
    }
}

/// Looks for lifecycle rules that would harm the repository, and for a recommended one.
pub(super) fn lifecycle(access: &RepositoryAccess, store: &S3Store) -> Vec<Finding> {
    const CHECK: Check = Check::Lifecycle;
    let report = match access.machine.environment.runtime.block_on(store.lifecycle()) {
        Ok(report) => report,
        Err(error) => return vec![Finding::failed(CHECK, error)],
    };
    let LifecycleReport { harmful, has_abort_rule, is_unknown } = report;
    if is_unknown {
        return vec![Finding::new(CHECK, State::Unknown, RuleFact::Unknown)];
    }
    let harmful = harmful.into_iter().map(RuleFact::Harmful);
    let mut findings: Vec<Finding> = harmful.map(|rule| Finding::new(CHECK, State::Bad, rule)).collect();
    if findings.is_empty() {
        findings.push(Finding::new(CHECK, State::Good, RuleFact::NoneHarmful));
    }
    if !has_abort_rule {
        findings.push(Finding::new(CHECK, State::Warning, RuleFact::NoAbort));
    }
    findings
}

/// Finds out whether the bucket keeps deleted objects.
pub(super) fn versioning(access: &RepositoryAccess, store: &S3Store) -> Finding {
    const CHECK: Check = Check::Versioning;
    let versioning = match access.machine.environment.runtime.block_on(store.versioning()) {
        Ok(versioning) => versioning,
        Err(error) => return Finding::failed(CHECK, error),
    };
    let state = match versioning {
        Versioning::Enabled => State::Good,
        Versioning::Off => State::Warning,
        Versioning::Unknown | Versioning::Unsupported => State::Unknown,
    };
    Finding::new(CHECK, state, BucketFact::Versioning(versioning))
}
