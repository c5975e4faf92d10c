//! Runs backups with the program while, or after, a tree changes.

use std::{path::PathBuf, sync::Arc, sync::atomic::Ordering, thread, time::Duration};

use icecore_store::environment::{Clock, SystemClock};
use serde_json::Value;

use super::{
    generator::differences_from,
    journal::Journal,
    mutator::{Control, Mutator},
};
use crate::{
    harness::{Sandbox, assert_same, read, variable},
    histories::hides_behind_metadata,
};

/// Backups while the tree changes.
const BACKUPS: u64 = 24;
/// Maximum number of problems that are shown for each snapshot.
const SHOWN_MAX: usize = 20;
/// Backups of a tree at rest.
const ROUNDS: u64 = 4;

/// A snapshot, and everything that is known about it.
#[derive(Debug)]
pub(super) struct Taken {
    /// Short id of the snapshot.
    pub(super) id: String,
    /// `full`, `incremental` or `differential`.
    pub(super) level: &'static str,
    /// Time before the start of the program, on the mutator's clock.
    pub(super) started: Duration,
    /// Time after the end of the program.
    pub(super) finished: Duration,
    /// Exit code of the backup: 0 or 3.
    pub(super) code: i32,
    /// The item of `sources` in the document of `backup --json`.
    pub(super) document: Value,
    /// The document of `ls --json --recursive`; null until the mutator has stopped.
    pub(super) listing: Value,
    /// Directory of the restored snapshot; empty until the mutator has stopped.
    pub(super) restored: PathBuf,
}

/// Returns the properties of the last snapshot that the journal does not allow, one text for each fault.
pub(super) type Judge = fn(&Journal, &[Taken]) -> Vec<String>;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    sandbox
}

/// Returns the level of a backup: the first is a full.
fn level(number: usize) -> &'static str {
    match number % 7 {
        0 => "full",
        3 => "differential",
        _ => "incremental",
    }
}

fn back_up(sandbox: &Sandbox, clock: &SystemClock, level: &'static str) -> Taken {
    let started = clock.monotonic();
    let words = ["backup", "source", "--level", level, "--pack-size", "1MiB", "--json"];
    let output = sandbox.run(&words).expect_any(&[0, 3]);
    let (finished, document) = (clock.monotonic(), output.json()["sources"][0].clone());
    let id = document["snapshot"]["id"].as_str().unwrap().to_owned();
    let restored = sandbox.path(&format!("restored-{id}"));
    let code = output.code.unwrap();
    Taken { id, level, started, finished, code, document, listing: Value::Null, restored }
}

/// Backs up while a mutator makes about this many steps, and twice at rest; then checks, restores, judges.
pub(super) fn back_up_while_it_changes(seed: u64, steps: u64, judge: Judge) {
    let sandbox = sandbox();
    let mut mutator = Mutator::new(&sandbox.source(""), seed);
    let (clock, control) = (mutator.clock(), Arc::new(Control::default()));
    let mutating = thread::spawn({
        let control = Arc::clone(&control);
        move || {
            mutator.run_until(&control);
            mutator
        }
    });
    let mut taken = Vec::new();
    for number in 0..BACKUPS {
        // Each after its share of the steps, so that all are made however fast the program is.
        let is_early = || control.steps.load(Ordering::Relaxed) < steps * number / BACKUPS;
        while is_early() && !mutating.is_finished() {
            thread::park_timeout(Duration::from_millis(1));
        }
        taken.push(back_up(&sandbox, &clock, level(taken.len())));
    }
    control.stop.store(true, Ordering::Relaxed);
    let mutator = mutating.join().unwrap();
    taken.push(back_up(&sandbox, &clock, "incremental"));
    taken.push(back_up(&sandbox, &clock, "full"));
    if let Some(path) = variable("ICECORE_TESTS_MUTATION_JOURNAL") {
        mutator.journal().write(path.as_ref());
    }
    report(&mutator, &taken);
    sandbox.check_all_data();
    restore_all(&sandbox, &mut taken);
    let last = taken.last().unwrap();
    assert_eq!(last.code, 0, "{:#}", last.document);
    assert_same(&read(&sandbox.source("")), &read(&last.restored));
    let faults: Vec<String> = (0..taken.len())
        .flat_map(|last| judged(&taken[last], judge(mutator.journal(), &taken[..=last])))
        .collect();
    assert!(faults.is_empty(), "seed {seed}:\n{}", faults.join("\n"));
}

fn report(mutator: &Mutator, taken: &[Taken]) {
    let records = &mutator.journal().records;
    let overlapping = |taken: &Taken| {
        let meets = |started, finished| taken.started < finished && started < taken.finished;
        records.iter().filter(|record| meets(record.started, record.finished)).count()
    };
    let counts: Vec<usize> = taken.iter().map(overlapping).collect();
    let steps = records.last().map_or(0, |record| record.step + 1);
    println!("steps: {steps}; changes: {}; changes during each backup: {counts:?}", records.len());
}

fn restore_all(sandbox: &Sandbox, taken: &mut [Taken]) {
    for taken in taken {
        taken.listing = sandbox.json(&["ls", &taken.id, "--recursive"]);
        let target = taken.restored.to_str().unwrap();
        sandbox.run(&["restore", &taken.id, "--target", target]).expect_any(&[0, 3]);
    }
}

/// Returns the faults of a snapshot for display.
fn judged(taken: &Taken, mut faults: Vec<String>) -> Vec<String> {
    let more = faults.len().saturating_sub(SHOWN_MAX);
    faults.truncate(SHOWN_MAX);
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    let Taken { id, level, code, started, finished, .. } = taken;
    let about = format!("{level} {id} (code {code}, {started:?} to {finished:?})");
    faults.into_iter().map(|fault| format!("  {about}: {fault}")).collect()
}

/// Backs up a tree that changes only between backups: each snapshot is exactly the tree.
pub(super) fn back_up_between_changes(seed: u64, steps: u64) {
    let sandbox = sandbox();
    let mut mutator = Mutator::new(&sandbox.source(""), seed);
    let mut earlier = Vec::new();
    for round in 0..ROUNDS {
        for _ in 0..steps {
            mutator.step();
        }
        let now = read(&sandbox.source(""));
        let is_hidden = earlier.iter().any(|earlier| hides_behind_metadata(earlier, &now));
        let level = if is_hidden { "full" } else { level(round as usize) };
        let taken = back_up(&sandbox, &mutator.clock(), level);
        assert_eq!(taken.code, 0, "{:#}", taken.document);
        sandbox.restore(&taken.id, taken.restored.to_str().unwrap(), &[]);
        assert_same(&now, &read(&taken.restored));
        earlier.push(now);
        let differences = differences_from(mutator.state(), &taken.restored);
        assert!(differences.is_empty(), "round {round}:\n{}", differences.join("\n"));
    }
    sandbox.check_all_data();
}
