//! The power fails after each change of the disk.

use std::{collections::BTreeSet, fs, sync::Arc};

use icecore_store::{LocalStore, Store};

use super::{
    bench::Bench,
    image::{Change, Fate, Image, Remains, write},
};
use crate::{
    crash::recovery::Step,
    engines::{Command, Expectation, Expected, Host, place},
    harness::{Random, number},
};

/// Mixed states for each change, besides the one without any data that was not synced, and the one with all
/// of it.
const MIXED: u64 = 2;

/// Counts of the examined states.
#[derive(Debug, Default)]
struct Counts {
    points: u64,
    states: u64,
}

/// All states that a power failure may leave after some change, each once.
struct States {
    seen: BTreeSet<Remains>,
    mixed: u64,
}

impl States {
    fn after(&mut self, image: &Image, point: u64) -> Vec<Remains> {
        let mixed = (0..self.mixed).map(|number| Fate::Mixed(Random::new(point * 1_000 + number)));
        let fates = [Fate::Lost, Fate::Kept].into_iter().chain(mixed);
        let states: Vec<Remains> = fates.map(|mut fate| image.fail(&mut fate)).collect();
        states.into_iter().filter(|state| self.seen.insert(state.clone())).collect()
    }
}

/// Writes a state to disk, and recovers from it.
fn recover(step: &Step<'_>, state: &Remains, seed: u64, was_done: bool) -> Result<(), String> {
    let place = place();
    write(state, place.path());
    let repository = place.path().join("repository");
    if matches!(step.command, Command::Init) && !was_done {
        fs::create_dir_all(&repository).unwrap();
    }
    let store: Arc<dyn Store> = Arc::new(LocalStore::open(&repository).map_err(|error| error.to_string())?);
    step.recover(&Host::new("other", 10_000 + seed), &store, 1, was_done)
}

/// Simulates a power failure after each change that a command made.
fn fail_everywhere(
    step: &Step<'_>,
    image: &mut Image,
    changes: &[Vec<Change>],
    mixed: u64,
    counts: &mut Counts,
) {
    let mut states = States { seen: BTreeSet::new(), mixed };
    for (position, together) in changes.iter().enumerate() {
        for change in together {
            image.apply(change);
        }
        counts.points += 1;
        let was_done = position + 1 == changes.len();
        if was_done {
            // The end promises more than was verified for the same state before.
            states.seen.clear();
        }
        for state in states.after(image, counts.points) {
            counts.states += 1;
            recover(step, &state, counts.states, was_done).unwrap_or_else(|reason| {
                let names: Vec<&String> = state.keys().collect();
                panic!("after change {position} of {:?} ({together:.60?}): {reason}\n{names:?}", step.command)
            });
        }
    }
}

#[test]
fn a_power_failure_at_any_time_loses_nothing() {
    let Some(mut bench) = Bench::new() else { return };
    let mixed = number("ICECORE_TESTS_DISK_STATES", MIXED);
    let (mut image, mut expectation, mut counts) = (Image::new(), Expectation::default(), Counts::default());
    for command in bench.commands() {
        bench.program.change_source();
        let expected = if let Command::Backup(backup) = &command { Some(Expected::of(backup)) } else { None };
        let before = bench.disk().journal().len();
        bench.program.run(&command).expect(0);
        let changes = bench.disk().journal().split_off(before);
        assert!(changes.len() > 1, "{command:?}: {}", changes.len());
        let step = Step { expectation: &expectation, key: bench.program.key, command: &command, expected };
        fail_everywhere(&step, &mut image, &changes, mixed, &mut counts);
        bench.program.done(&command);
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(bench.program.sandbox.repository()).unwrap());
        let made =
            expectation.verify(&Host::new("other", 1), &store, bench.program.key, step.expected.as_slice());
        expectation.snapshots.extend(made.unwrap());
    }
    println!("crash points of a local disk: {}, {} different states", counts.points, counts.states);
}
