//! Random trees and random histories of change, backup and restore, against a naive model: what the tree was at each
//! snapshot, entry by entry.
//!
//! `ICECORE_TESTS_HISTORIES` sets the number of histories.

mod change;
mod world;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use self::{change::Change, world::World};
use crate::harness::variable;

const HISTORIES: u32 = 14;
const STEPS: std::ops::Range<usize> = 3..9;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Changes a source.
    Change { source: usize, changes: Vec<Change> },
    /// Backs up a source.
    Backup { source: usize, level: Level, dedup: Option<Dedup> },
    /// Deletes the caches.
    DeleteCache,
    /// Restores some snapshot into a directory that does not exist.
    RestoreNew { snapshot: prop::sample::Index },
    /// Restores some snapshot over what an earlier restore left, after some changes to that.
    RestoreOver { snapshot: prop::sample::Index, changes: Vec<Change> },
    /// Brings a tree from one snapshot to a later one of the same source.
    Follow { first: prop::sample::Index, second: prop::sample::Index },
}

#[derive(Clone, Copy, Debug)]
enum Level {
    Full,
    Incremental,
    Differential,
}

#[derive(Clone, Copy, Debug)]
enum Dedup {
    Repository,
    Group,
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![1 => Just(Level::Full), 3 => Just(Level::Incremental), 2 => Just(Level::Differential)]
}

fn dedup() -> impl Strategy<Value = Option<Dedup>> {
    prop_oneof![2 => Just(None), 1 => Just(Some(Dedup::Repository)), 1 => Just(Some(Dedup::Group))]
}

fn changes(number: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change::any(), number)
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (0..2usize, changes(1..10)).prop_map(|(source, changes)| Step::Change { source, changes }),
        4 => (0..2usize, level(), dedup())
            .prop_map(|(source, level, dedup)| Step::Backup { source, level, dedup }),
        1 => Just(Step::DeleteCache),
        1 => index().prop_map(|snapshot| Step::RestoreNew { snapshot }),
        2 => (index(), changes(0..6)).prop_map(|(snapshot, changes)| Step::RestoreOver { snapshot, changes }),
        2 => (index(), index()).prop_map(|(first, second)| Step::Follow { first, second }),
    ]
}

/// A history begins with something in both sources, and a backup of the first.
fn history() -> impl Strategy<Value = Vec<Step>> {
    let begin = (changes(5..25), changes(5..25)).prop_map(|(first, second)| {
        let backup = Step::Backup { source: 0, level: Level::Full, dedup: None };
        let fill = |source, changes| Step::Change { source, changes };
        vec![fill(0, first), fill(1, second), backup]
    });
    (begin, prop::collection::vec(step(), STEPS)).prop_map(|(begin, rest)| [begin, rest].concat())
}

#[test]
fn every_snapshot_of_every_history_comes_back() {
    let number = variable("ICECORE_TESTS_HISTORIES");
    let number = number.map_or(HISTORIES, |number| number.to_str().unwrap().parse().unwrap());
    let config =
        Config { cases: number, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&history(), |steps| {
        let mut world = World::new();
        for step in &steps {
            world.take(step)?;
        }
        world.finish()
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
