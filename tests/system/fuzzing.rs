//! Runs the fuzz targets without a fuzzer, over their seeds and over mutations of the seeds.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use icecore_tests::fuzzing::{TARGETS, Target, seeds};

use crate::harness::Random;

/// Number of mutations for each target.
const MUTATIONS: u64 = 2_000;
/// Numbers that are often at a boundary.
const BORDERS: [u64; 9] =
    [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 32, i64::MAX.cast_unsigned(), u64::MAX];

fn seeds_by_target() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut by_target = BTreeMap::<_, Vec<_>>::new();
    for (target, seed) in seeds::all().unwrap() {
        by_target.entry(target).or_default().push(seed);
    }
    by_target
}

/// Runs a target; a panic is reported with its input.
fn run(target: Target, input: &[u8]) {
    let done = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    assert!(done.is_ok(), "{} fails for b\"{}\"", target.name, input.escape_ascii());
}

/// Changes an input in one of the ways that find the most.
fn mutate(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(input.len() as u64 + 1) as usize;
    let length = random.below(16) as usize;
    let end = (at + length).min(input.len());
    match random.below(8) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..end)),
        2 => drop(input.splice(at..at, std::iter::repeat_n(random.next() as u8, length))),
        3 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 => {
            let number = BORDERS[random.below(BORDERS.len() as u64) as usize];
            let width = [1, 2, 4, 8][random.below(4) as usize];
            let bytes = if random.below(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
            let end = (at + width).min(input.len());
            input.splice(at..end, bytes[..width].iter().copied());
        }
        5 => {
            let from = random.below(other.len() as u64 + 1) as usize;
            let to = (from + length * 4).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
        _ if at < input.len() => input[at] ^= 1 << random.below(8),
        _ => input.push(random.next() as u8),
    }
}

#[test]
fn targets_keep_their_promises_for_seeds_and_mutations_of_them() {
    let by_target = seeds_by_target();
    for target in TARGETS {
        let seeds = by_target.get(target.name).unwrap_or_else(|| panic!("no seeds for {}", target.name));
        run(target, b"");
        for seed in seeds {
            run(target, seed);
        }
        let mut random = Random::new(1);
        for _ in 0..MUTATIONS {
            let mut pick = || &seeds[random.below(seeds.len() as u64) as usize];
            let (mut input, other) = (pick().clone(), pick());
            for _ in 0..=random.below(4) {
                mutate(&mut random, &mut input, other);
            }
            run(target, &input);
        }
    }
}

#[test]
fn every_target_has_seeds() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len());
    assert_eq!(seeds_by_target().into_keys().collect::<BTreeSet<_>>(), names);
}
