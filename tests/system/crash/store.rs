//! Crashes before and after every call of the store, with every kind of command.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use icecore_format::snapshot::Level;
use icecore_store::{
    FaultStore, MemoryStore, Store,
    environment::InstantSleep,
    fault::{Fault, FaultPlan},
};

use super::{recovery::Step, workload::Workload};
use crate::{
    engines::{Backup, Command, Content, Expected, Host, retrying},
    harness::Random,
};

const KINDS: [Fault; 2] = [Fault::Crash, Fault::CrashAfter];

/// The host after a crash: the same machine, with or without its cache.
fn next_host(host: &Host, point: u64) -> Host {
    let next = host.fork(1_000_000 + point);
    if point.is_multiple_of(2) {
        next.delete_cache();
    }
    next
}

/// Returns a repository behind a store that crashes at this call.
fn crashing(store: &Arc<dyn Store>, call: u64, kind: &Fault) -> Arc<FaultStore> {
    let plan = FaultPlan::new(0).at_call(call, kind.clone());
    Arc::new(FaultStore::new(Arc::clone(store), plan, Arc::new(InstantSleep::new())))
}

fn copy(memory: &MemoryStore) -> Arc<dyn Store> {
    Arc::new(memory.fork())
}

/// Counts of the cases.
#[derive(Debug, Default)]
struct Counts {
    points: u64,
    /// Points after which the next run also crashed.
    twice: u64,
}

/// Crashes a command at every call, and every second time, also the next run at some call.
fn crash_everywhere(workload: &Workload, step: &Step<'_>, counts: &mut Counts) {
    for kind in KINDS {
        for call in 1.. {
            let shown = format!("{kind:?} at call {call} of {:?}", step.command);
            step.prepare();
            let store = copy(&workload.memory);
            let host = workload.host.fork(1_000 + counts.points);
            let fault = crashing(&store, call, &kind);
            let result = host.run(&retrying(Arc::<FaultStore>::clone(&fault)), step.key, step.command);
            if !fault.has_crashed() {
                assert!(result.is_ok(), "{shown}: {}", result.unwrap_err().text());
                break;
            }
            counts.points += 1;
            let host = next_host(&host, counts.points);
            let mut tries = 1;
            if counts.points.is_multiple_of(2) {
                let again = 1 + Random::new(counts.points).below(call + 5);
                let fault = crashing(&store, again, &KINDS[(again % 2) as usize]);
                // It may end before the crash.
                drop(host.run(&retrying(Arc::<FaultStore>::clone(&fault)), step.key, step.command));
                counts.twice += u64::from(fault.has_crashed());
                tries += 1;
            }
            let recovered = step.recover(&host, &store, tries, tries == 1 && result.is_ok());
            recovered.unwrap_or_else(|reason| panic!("{shown}, {tries} tries: {reason}"));
        }
    }
}

#[test]
fn a_crash_at_any_call_of_any_command_loses_nothing() {
    let (mut counts, mut steps) = (Counts::default(), 0);
    Workload::new().run(|workload, step| {
        crash_everywhere(workload, step, &mut counts);
        steps += 1;
    });
    assert!(counts.points > 350, "{counts:?}");
    println!(
        "crash points of store calls: {} in {steps} commands, {} of them with another crash in the next run",
        counts.points, counts.twice
    );
}

/// A stream of one host during which another host backs up a tree, with all their calls in one sequence.
struct Overlap {
    workload: Workload,
    tree: Backup,
    expected: [Expected; 2],
}

impl Overlap {
    fn new() -> Self {
        let mut workload = Workload::new();
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&workload.memory);
        workload.host.run(&store, workload.key, &Command::Init).unwrap();
        let first = workload.next_backup(Level::Full, None);
        let run = workload.host.run(&store, workload.key, &Command::Backup(first.clone())).unwrap();
        workload.expectation.snapshots.push((run.unwrap(), Expected::of(&first)));
        let tree = workload.next_backup(Level::Incremental, None);
        let expected = [Expected::of(&Self::stream(None)), Expected::of(&tree)];
        Self { workload, tree, expected }
    }

    fn stream(midway: Option<Arc<dyn Fn() + Send + Sync>>) -> Backup {
        // Half of it is the content of the tree, so both runs store the same chunks.
        let bytes = [crate::harness::bytes(2, 30_000), crate::harness::bytes(9, 400_000)].concat();
        let content = Content::Stream { bytes: Bytes::from(bytes), midway };
        Backup { content, ..Backup::tree("stream", "", Level::Incremental) }
    }

    /// Runs both; returns which of them reported success.
    fn run(&self, store: &Arc<dyn Store>, hosts: &[Arc<Host>; 2]) -> [bool; 2] {
        let tree_done = Arc::new(Mutex::new(false));
        let midway = {
            let (store, host) = (Arc::clone(store), Arc::clone(&hosts[1]));
            let (key, tree, done) = (self.workload.key, self.tree.clone(), Arc::clone(&tree_done));
            move || *done.lock().unwrap() = host.run(&store, key, &Command::Backup(tree.clone())).is_ok()
        };
        let stream = Command::Backup(Self::stream(Some(Arc::new(midway))));
        let stream_done = hosts[0].run(store, self.workload.key, &stream).is_ok();
        [stream_done, *tree_done.lock().unwrap()]
    }
}

#[test]
fn a_crash_at_any_call_of_overlapping_runs_loses_nothing() {
    let overlap = Overlap::new();
    let (mut points, key) = (0, overlap.workload.key);
    for kind in KINDS {
        for call in 1.. {
            let hosts = [Host::new("other", 2_000 + points), overlap.workload.host.fork(3_000 + points)];
            let hosts = hosts.map(Arc::new);
            let copy = copy(&overlap.workload.memory);
            let fault = crashing(&copy, call, &kind);
            let store = retrying(Arc::<FaultStore>::clone(&fault));
            let done = overlap.run(&store, &hosts);
            if !fault.has_crashed() {
                assert_eq!(done, [true; 2], "call {call}");
                break;
            }
            points += 1;
            let host = next_host(&hosts[1], points);
            let found = overlap.workload.expectation.verify(&host, &copy, key, &overlap.expected);
            let found = found.unwrap_or_else(|reason| panic!("{kind:?} at call {call}: {reason}"));
            let said = done.iter().filter(|done| **done).count();
            assert!(found.len() >= said, "{kind:?} at call {call}: {said} were done, {} are", found.len());
            for command in [Overlap::stream(None), overlap.tree.clone()].map(Command::Backup) {
                host.run(&copy, key, &command).unwrap_or_else(|error| panic!("again: {}", error.text()));
            }
            host.run(&copy, key, &Command::Check).unwrap_or_else(|error| panic!("{}", error.text()));
        }
    }
    assert!(points > 50, "{points}");
    println!("crash points of overlapping runs: {points}");
}

/// A backup of one host during which another host removes what a forgotten snapshot left, with all their
/// calls in one sequence.
struct Removal {
    workload: Workload,
    expected: Expected,
}

impl Removal {
    /// The content of the stream is that of the forgotten snapshot, in part.
    fn new() -> Self {
        let mut workload = Workload::new();
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&workload.memory);
        let run = |workload: &Workload, command: &Command| {
            workload
                .host
                .run(&store, workload.key, command)
                .unwrap_or_else(|error| panic!("{}", error.text()))
        };
        run(&workload, &Command::Init);
        let forgotten = run(&workload, &Command::Backup(Self::stream(None, 600_000))).unwrap();
        let kept = workload.next_backup(Level::Full, None);
        let made = run(&workload, &Command::Backup(kept.clone())).unwrap();
        workload.expectation.snapshots.push((made, Expected::of(&kept)));
        run(&workload, &Command::Forget(forgotten));
        Self { workload, expected: Expected::of(&Self::stream(None, 300_000)) }
    }

    fn stream(midway: Option<Arc<dyn Fn() + Send + Sync>>, bytes: usize) -> Backup {
        let content = Content::Stream { bytes: Bytes::from(crate::harness::bytes(9, bytes)), midway };
        Backup { content, ..Backup::tree("stream", "", Level::Incremental) }
    }

    /// Runs both; returns whether the backup reported success.
    fn run(&self, store: &Arc<dyn Store>, hosts: &[Arc<Host>; 2]) -> bool {
        let midway = {
            let (store, host, key) = (Arc::clone(store), Arc::clone(&hosts[1]), self.workload.key);
            // The first one marks, the second one removes what nobody uses.
            move || {
                for _ in 0..2 {
                    drop(host.run(&store, key, &Command::Prune));
                }
            }
        };
        let stream = Command::Backup(Self::stream(Some(Arc::new(midway)), 300_000));
        let is_done = hosts[0].run(store, self.workload.key, &stream).is_ok();
        drop(hosts[1].run(store, self.workload.key, &Command::Prune));
        is_done
    }
}

#[test]
fn a_crash_at_any_call_of_a_backup_beside_a_removal_loses_nothing() {
    let removal = Removal::new();
    let (mut points, key) = (0, removal.workload.key);
    for kind in KINDS {
        for call in 1.. {
            let hosts = [Host::new("other", 4_000 + points), removal.workload.host.fork(5_000 + points)];
            let hosts = hosts.map(Arc::new);
            let copy = copy(&removal.workload.memory);
            let fault = crashing(&copy, call, &kind);
            let is_done = removal.run(&retrying(Arc::<FaultStore>::clone(&fault)), &hosts);
            if !fault.has_crashed() {
                assert!(is_done, "call {call}");
                break;
            }
            points += 1;
            let shown = format!("{kind:?} at call {call}");
            let host = next_host(&hosts[1], points);
            let others = [removal.expected.clone()];
            let verify = || removal.workload.expectation.verify(&host, &copy, key, &others);
            let found = verify().unwrap_or_else(|reason| panic!("{shown}: {reason}"));
            assert!(found.len() == 1 || !is_done, "{shown}: the snapshot is gone");
            for _ in 0..2 {
                host.run(&copy, key, &Command::Prune)
                    .unwrap_or_else(|error| panic!("{shown}: {}", error.text()));
            }
            let left = verify().unwrap_or_else(|reason| panic!("{shown}, then a removal: {reason}"));
            assert_eq!(left.len(), found.len(), "{shown}");
        }
    }
    assert!(points > 150, "{points}");
    println!("crash points of a backup beside a removal: {points}");
}
