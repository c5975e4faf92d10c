//! The schedules of many seeds.

use std::{collections::BTreeMap, env};

use icecore_store::environment::{Clock, SystemClock};

use crate::world;

const SCHEDULES: u64 = 1_000;
/// Seeds whose schedules are run twice.
const TWICE: u64 = 20;

#[expect(clippy::disallowed_methods, reason = "the variables are for the tests themselves")]
fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

#[test]
fn no_schedule_loses_anything_or_leaves_anything() {
    let schedules = number("ICECORE_TESTS_SCHEDULES", SCHEDULES);
    let first = number("ICECORE_TESTS_SCHEDULES_SEED", 1);
    let mut tally = BTreeMap::<String, u64>::new();
    let (mut calls, mut bad) = (0, Vec::new());
    let clock = SystemClock::new();
    for seed in first..first + schedules {
        let outcome = world::run(seed);
        calls += outcome.trace.len();
        for (what, count) in outcome.tally {
            *tally.entry(what).or_default() += count;
        }
        if schedules == 1 || !outcome.problems.is_empty() && bad.is_empty() {
            println!("{}", outcome.trace.join("\n"));
        }
        if !outcome.problems.is_empty() {
            println!("seed {seed}: {:#?}", outcome.problems);
            bad.push(seed);
        }
    }
    println!("{schedules} schedules with {calls} steps in {:?}: {tally:#?}", clock.monotonic());
    assert!(
        bad.is_empty(),
        "ICECORE_TESTS_SCHEDULES=1 ICECORE_TESTS_SCHEDULES_SEED={} fails, and {bad:?}",
        bad[0]
    );
}

#[test]
fn one_seed_gives_one_schedule() {
    for seed in 1..=TWICE {
        let (first, second) = (world::run(seed), world::run(seed));
        let differs = first.trace.iter().zip(&second.trace).position(|(one, other)| one != other);
        assert_eq!(
            first.trace,
            second.trace,
            "seed {seed}, step {differs:?}: {:?}",
            differs.map(|step| (&first.trace[step], &second.trace[step]))
        );
    }
}
