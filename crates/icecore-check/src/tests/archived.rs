//! Archived packs: their content is unknown, and they are not damaged.

use std::sync::{Arc, atomic::AtomicBool};

use icecore_format::layout;
use icecore_store::{
    FaultStore, Method,
    environment::InstantSleep,
    fault::{Fault, FaultPlan, FaultWhen, InjectedError},
};

use super::{
    builder::{Repository, usual, wait},
    damage::{Blow, strike},
};
use crate::{CheckOptions, CheckReport, NoEvents, RepairPlan, check, plan_repair};

/// Returns the repository with archived packs at these keys.
fn archived(repository: &Repository, keys: &[String]) -> Arc<FaultStore> {
    let plan = keys.iter().fold(FaultPlan::new(0), |plan, key| {
        plan.rule(Some(Method::Get), key, FaultWhen::Always, Fault::Error(InjectedError::Archived))
    });
    Arc::new(FaultStore::new(Arc::clone(&repository.store) as _, plan, Arc::new(InstantSleep::new())))
}

fn check_archived(repository: &Repository, keys: &[String], options: &CheckOptions) -> CheckReport {
    let store = archived(repository, keys);
    wait(check(store, &repository.keys, options, &NoEvents, &AtomicBool::new(false))).expect("check")
}

fn plan_archived(repository: &Repository, keys: &[String]) -> RepairPlan {
    let options = CheckOptions { read_data: true, ..Repository::options() };
    let cancel = AtomicBool::new(false);
    let planning =
        plan_repair(archived(repository, keys), &repository.keys, &options, &[], &NoEvents, &cancel);
    wait(planning).expect("plan").1
}

#[test]
fn a_check_goes_on_past_archived_packs_and_counts_them() {
    let repository = usual();
    let data = repository.keys_below(layout::DATA_PREFIX);
    let options = CheckOptions { read_data: true, ..Repository::options() };
    let report = check_archived(&repository, &data[1..], &options);
    assert!(report.is_healthy(), "{:?}", report.problems);
    assert_eq!(report.problems, []);
    let others = data.len() as u64 - 1;
    assert_eq!((report.packs_archived, report.packs_read), (others, report.packs - others));
    assert_eq!(report.verified.len() as u64, report.packs_read, "what was not read is not verified");
    let bytes: u64 = data[1..].iter().map(|key| repository.get(key).len() as u64).sum();
    assert_eq!(report.bytes_archived, bytes);
}

#[test]
fn damage_beside_archived_packs_is_found() {
    let repository = usual();
    let data = repository.keys_below(layout::DATA_PREFIX);
    strike(&repository, &data[0], None, Blow::FlippedFirst);
    let options = CheckOptions { read_data: true, ..Repository::options() };
    let report = check_archived(&repository, &data[1..], &options);
    assert!(!report.is_healthy());
    assert_eq!(report.packs_archived, data.len() as u64 - 1);
}

#[test]
fn a_sample_is_of_packs_that_can_be_read() {
    let repository = usual();
    let data = repository.keys_below(layout::DATA_PREFIX);
    for seed in 0..4 {
        let options = CheckOptions { sample_percent: Some(1.0), seed: [seed; 32], ..Repository::options() };
        let report = check_archived(&repository, &data, &options);
        assert!(report.is_healthy() && report.packs_read >= 1, "{report:?}");
        assert_eq!(report.packs_read + report.packs_archived + report.packs_left, report.packs);
    }
}

#[test]
fn a_repair_leaves_archived_packs_alone() {
    for blow in [Blow::FlippedFirst, Blow::Missing] {
        let repository = usual();
        let directory = repository.keys_below(layout::PACKS_PREFIX).into_iter().find(|key| {
            let name = key.rsplit('/').next().unwrap_or_default();
            repository.keys_below(layout::DATA_PREFIX).iter().any(|pack| pack.contains(name))
        });
        let directory = directory.expect("a directory of a data pack");
        strike(&repository, &directory, None, blow);
        let data = repository.keys_below(layout::DATA_PREFIX);
        let plan = plan_archived(&repository, &data);
        assert!(plan.steps.is_empty(), "{blow:?}: {:?}", plan.steps);
        assert!(plan.left.iter().any(|(_, reason)| reason.contains("archived")), "{:?}", plan.left);
        assert!(!plan_archived(&repository, &[]).steps.is_empty(), "it can be repaired when it is thawed");
    }
}
