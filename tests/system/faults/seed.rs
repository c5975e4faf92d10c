//! Faults that a seed selects, and a test that only the seed decides.

use std::{io, num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use icecore_format::snapshot::Level;
use icecore_store::{
    FaultStore, MemoryStore, Store,
    environment::{InstantSleep, ManualClock},
    fault::{Fault, FaultPlan, InjectedError, TracedCall},
};

use super::verdict::in_time;
use crate::{
    crash::Workload,
    engines::{Backup, Command, Content, Host, retrying},
    harness::{bytes, number},
};

/// Seeds that are tried with each command.
const SEEDS: u64 = 4;

/// Returns a plan with a fault for about every eighth call.
fn plan(seed: u64) -> FaultPlan {
    FaultPlan::new(seed)
        .per_mille(40, Fault::Error(InjectedError::Unavailable { retry_after: None }))
        .per_mille(20, Fault::Error(InjectedError::Unavailable { retry_after: Some(Duration::from_secs(1)) }))
        .per_mille(20, Fault::LostReply)
        .per_mille(20, Fault::Delay(Duration::from_secs(1)))
        .per_mille(10, Fault::Error(InjectedError::NoSpace))
        .per_mille(10, Fault::Error(InjectedError::Io(io::ErrorKind::Other)))
        .per_mille(10, Fault::Truncate(50))
        .per_mille(10, Fault::FlipBit)
}

fn faulty(memory: &Arc<dyn Store>, plan: FaultPlan) -> Arc<FaultStore> {
    Arc::new(FaultStore::new(Arc::clone(memory), plan, Arc::new(InstantSleep::new())))
}

#[test]
fn many_faults_at_once_do_no_harm() {
    let seeds = number("ICECORE_TESTS_FAULT_SEEDS", SEEDS);
    let (mut runs, mut failed, mut faults) = (0, 0, 0);
    Workload::new().run(|workload, step| {
        for seed in 1..=seeds {
            step.prepare();
            let memory: Arc<dyn Store> = Arc::new(workload.memory.fork());
            let store = faulty(&memory, plan(seed * 1_000 + runs));
            let host = workload.host.fork(5_000 + runs);
            let shown = format!("seed {} of {:?}", seed * 1_000 + runs, step.command);
            in_time(&shown, || {
                let result = host.run(&retrying(Arc::<FaultStore>::clone(&store)), step.key, step.command);
                failed += u64::from(result.is_err());
                let recovered = step.recover(&host, &memory, 1, result.is_ok());
                recovered.unwrap_or_else(|reason| panic!("{shown}: {reason}"));
            });
            runs += 1;
            faults += store.trace().iter().filter(|call| call.fault.is_some()).count();
        }
    });
    assert!(failed > 0 && failed < runs, "{failed} of {runs} failed");
    println!("seeded faults: {runs} runs met {faults} faults, {failed} failed with them");
}

/// Runs commands with sequential calls, on a store with faults; returns the calls.
fn trace(seed: u64) -> Vec<TracedCall> {
    let clock = Arc::new(ManualClock::default());
    let shared: Arc<ManualClock> = Arc::clone(&clock);
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new(shared));
    let host = Host::with_clock("host", 3, clock);
    host.run(&memory, 1, &Command::Init).unwrap();
    let store = faulty(&memory, plan(seed));
    let shared = retrying(Arc::<FaultStore>::clone(&store));
    for (number, level) in [(1, Level::Full), (2, Level::Incremental), (3, Level::Full)] {
        let content = Content::Stream { bytes: Bytes::from(bytes(number, 40_000)), midway: None };
        let backup = Backup { content, uploads_max: NonZeroUsize::MIN, ..Backup::tree("stream", "", level) };
        // A failing run is also part of the trace.
        drop(host.run(&shared, 1, &Command::Backup(backup)));
        drop(host.run(&shared, 1, &Command::KeyAdd { new: number as u8 + 1 }));
    }
    store.trace()
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let first = trace(1);
    assert!(first.iter().filter(|call| call.fault.is_some()).count() > 3, "{first:#?}");
    for _ in 0..5 {
        assert_eq!(first, trace(1));
    }
    assert_ne!(first, trace(2));
    println!("traces: {} calls, the same six times", first.len());
}
