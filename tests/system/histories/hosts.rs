//! Random histories of several hosts that share a repository, with the engines as libraries.
//!
//! `regressions.txt` contains the failures found so far; every later run tries these first.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, FileFailurePersistence, TestRunner},
};

use super::{
    Dedup, Level,
    change::{self, Change},
    dedup,
    fleet::{Counts, Fleet},
    level,
};
use crate::harness::number;

const HISTORIES: u64 = 200;
const STEPS: Range<usize> = 3..9;
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/system/histories/regressions.txt");
/// More calls than the commands of these histories make, so some crashes do not happen.
const CALLS_MAX: u64 = 45;

/// Where the store crashes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    pub(super) call: u64,
    /// Whether the call is still applied.
    pub(super) after: bool,
}

/// A change of a source, and its backup.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) place: usize,
    pub(super) changes: Vec<Change>,
    pub(super) level: Level,
    pub(super) dedup: Option<Dedup>,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Backup {
        run: Run,
        crash: Option<Crash>,
    },
    /// Two runs at the same time.
    Overlap {
        first: Run,
        second: Run,
        crash: Option<Crash>,
    },
    DeleteCache {
        host: usize,
    },
    ChangeKey {
        host: usize,
        crash: Option<Crash>,
    },
    RestoreNew {
        host: usize,
        snapshot: Index,
    },
    RestoreOver {
        host: usize,
        snapshot: Index,
        changes: Vec<Change>,
        crash: Option<Crash>,
    },
}

fn changes(number: Range<usize>) -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change::any_small(), number)
}

fn crash(share: u32) -> impl Strategy<Value = Option<Crash>> {
    let crash = (1..CALLS_MAX, prop::bool::ANY).prop_map(|(call, after)| Crash { call, after });
    prop::option::weighted(f64::from(share) / 100.0, crash)
}

fn run() -> impl Strategy<Value = Run> {
    let place = prop_oneof![3 => Just(0usize), 2 => Just(1), 1 => Just(2)];
    (place, changes(0..8), level(), dedup()).prop_map(|(place, changes, level, dedup)| Run {
        place,
        changes,
        level,
        dedup,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let host = || 0..2usize;
    prop_oneof![
        8 => (run(), crash(30)).prop_map(|(run, crash)| Step::Backup { run, crash }),
        3 => (run(), run(), crash(40))
            .prop_map(|(first, second, crash)| Step::Overlap { first, second, crash }),
        1 => host().prop_map(|host| Step::DeleteCache { host }),
        1 => (host(), crash(40)).prop_map(|(host, crash)| Step::ChangeKey { host, crash }),
        1 => (host(), any::<Index>()).prop_map(|(host, snapshot)| Step::RestoreNew { host, snapshot }),
        2 => (host(), any::<Index>(), changes(0..6), crash(30)).prop_map(
            |(host, snapshot, changes, crash)| Step::RestoreOver { host, snapshot, changes, crash }
        ),
    ]
}

/// A history begins with some content in a source.
fn history() -> impl Strategy<Value = Vec<Step>> {
    let begin = changes(6..20).prop_map(|changes| {
        let run = Run { place: 0, changes, level: Level::Full, dedup: None };
        vec![Step::Backup { run, crash: None }]
    });
    (begin, prop::collection::vec(step(), STEPS)).prop_map(|(begin, rest)| [begin, rest].concat())
}

fn run_histories(
    number: u64,
    persistence: Option<FileFailurePersistence>,
    counts: &Counts,
) -> Result<(), String> {
    let config = Config {
        cases: number as u32,
        max_shrink_iters: 400,
        failure_persistence: persistence.map(|persistence| Box::new(persistence) as _),
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&history(), |steps| {
        let mut fleet = Fleet::new(counts);
        for step in &steps {
            fleet.take(step).map_err(TestCaseError::fail)?;
        }
        fleet.finish().map_err(TestCaseError::fail)
    });
    result.map_err(|error| error.to_string())
}

#[test]
fn every_snapshot_of_every_history_of_hosts_comes_back() {
    let number = number("ICECORE_TESTS_HOST_HISTORIES", HISTORIES);
    let (counts, done) = (Counts::default(), AtomicU64::new(0));
    let failures: Vec<String> = thread::scope(|scope| {
        let half = |persistence| {
            let (counts, done) = (&counts, &done);
            scope.spawn(move || {
                let result = run_histories(number / 2, persistence, counts);
                done.fetch_add(number / 2, Ordering::Relaxed);
                result
            })
        };
        let halves = [half(Some(FileFailurePersistence::Direct(REGRESSIONS))), half(None)];
        halves.into_iter().filter_map(|half| half.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    println!("histories of hosts: {}: {}", done.into_inner(), counts.describe());
}
