//! One fault at one call.

use std::sync::Arc;

use icecore_store::{
    FaultStore, Store,
    environment::InstantSleep,
    fault::{Fault, FaultPlan},
};

use super::verdict::{LASTING, TRANSIENT, in_time, is_fitting};
use crate::{
    crash::{Step, Workload},
    engines::retrying,
    harness::number,
};

/// One case of this many is tried, unless the variable sets another number.
const SHARE: u64 = 16;

#[derive(Debug, Default)]
struct Counts {
    cases: u64,
    tried: u64,
    failed: u64,
}

/// One fault of one call.
struct Case<'a> {
    fault: &'a Fault,
    call: u64,
    with_retries: bool,
    number: u64,
}

/// Runs a command with a fault, then without; returns whether it failed with the fault.
fn try_case(workload: &Workload, step: &Step<'_>, case: &Case<'_>) -> Result<bool, String> {
    let Case { fault, call, with_retries, number } = case;
    step.prepare();
    let memory: Arc<dyn Store> = Arc::new(workload.memory.fork());
    let plan = FaultPlan::new(*number).at_call(*call, (*fault).clone());
    let faulty: Arc<dyn Store> =
        Arc::new(FaultStore::new(Arc::clone(&memory), plan, Arc::new(InstantSleep::new())));
    let store = if *with_retries { retrying(faulty) } else { faulty };
    let host = workload.host.fork(1_000 + number);
    if number.is_multiple_of(3) {
        host.delete_cache();
    }
    let result = host.run(&store, step.key, step.command);
    if let Err(error) = &result {
        if *with_retries && TRANSIENT.contains(fault) {
            return Err(format!("the retries do not help: {}", error.text()));
        }
        if !is_fitting(error, fault) {
            return Err(format!("that is another error: {error:?}"));
        }
    }
    step.recover(&host, &memory, 1, result.is_ok())?;
    Ok(result.is_err())
}

/// Returns the number of calls that a command makes.
fn count_calls(workload: &Workload, step: &Step<'_>) -> u64 {
    step.prepare();
    let memory = Arc::new(workload.memory.fork());
    let store = Arc::new(FaultStore::new(memory, FaultPlan::new(0), Arc::new(InstantSleep::new())));
    let shared: Arc<dyn Store> = Arc::<FaultStore>::clone(&store);
    let host = workload.host.fork(900);
    // As many as possible.
    host.delete_cache();
    host.run(&shared, step.key, step.command).unwrap_or_else(|error| panic!("{}", error.text()));
    store.calls()
}

#[test]
fn one_fault_at_any_call_of_any_command_does_no_harm() {
    let share = number("ICECORE_TESTS_FAULT_SHARE", SHARE);
    let mut counts = Counts::default();
    Workload::new().run(|workload, step| {
        let calls = count_calls(workload, step);
        for (fault, with_retries) in
            TRANSIENT.iter().chain(&LASTING).flat_map(|fault| [(fault, true), (fault, false)])
        {
            for call in 1..=calls {
                counts.cases += 1;
                if !counts.cases.is_multiple_of(share) {
                    continue;
                }
                counts.tried += 1;
                let case = Case { fault, call, with_retries, number: counts.cases };
                let retries = if with_retries { "with" } else { "without" };
                let shown = format!("{fault:?} at call {call} of {:?} {retries} retries", step.command);
                let failed = in_time(&shown, || try_case(workload, step, &case));
                let failed = failed.unwrap_or_else(|reason| panic!("{shown}: {reason}"));
                counts.failed += u64::from(failed);
            }
        }
    });
    assert!(counts.failed * 10 > counts.tried, "{counts:?}");
    println!("faults: {} of {} cases, {} failed with them", counts.tried, counts.cases, counts.failed);
}
