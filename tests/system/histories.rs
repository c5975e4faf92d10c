//! Random trees and random histories of change, backup and restore, compared with a naive model: the state of
//! the tree at each snapshot, entry by entry.
//!
//! These tests run the unmodified program. `hosts` runs the engines as libraries, hundreds of times as often.
//! `ICECORE_TESTS_HISTORIES` and `ICECORE_TESTS_HOST_HISTORIES` set the number of histories.

mod change;
mod fleet;
mod hosts;
mod world;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

pub(crate) use self::world::hides_behind_metadata;
use self::{change::Change, world::World};
use crate::harness::number;

const HISTORIES: u64 = 20;
const STEPS: std::ops::Range<usize> = 4..10;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Changes a source and backs it up.
    Backup { source: usize, changes: Vec<Change>, level: Level, dedup: Option<Dedup> },
    /// Deletes the caches.
    DeleteCache,
    /// Restores a snapshot into a directory that does not exist.
    RestoreNew { snapshot: prop::sample::Index },
    /// Restores a snapshot over an earlier restore, after some changes to that.
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
        8 => (source(), changes(0..10), level(), dedup())
            .prop_map(|(source, changes, level, dedup)| Step::Backup { source, changes, level, dedup }),
        1 => Just(Step::DeleteCache),
        1 => index().prop_map(|snapshot| Step::RestoreNew { snapshot }),
        2 => (index(), changes(0..6)).prop_map(|(snapshot, changes)| Step::RestoreOver { snapshot, changes }),
        2 => (index(), index()).prop_map(|(first, second)| Step::Follow { first, second }),
    ]
}

fn source() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => Just(1)]
}

/// A history begins with a full of the first source, with some content.
fn history() -> impl Strategy<Value = Vec<Step>> {
    let first = |changes| Step::Backup { source: 0, changes, level: Level::Full, dedup: None };
    let begin = changes(10..30).prop_map(move |changes| vec![first(changes)]);
    (begin, prop::collection::vec(step(), STEPS)).prop_map(|(begin, rest)| [begin, rest].concat())
}

#[test]
fn every_snapshot_of_every_history_comes_back() {
    let number = number("ICECORE_TESTS_HISTORIES", HISTORIES);
    let config = Config {
        cases: number as u32,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
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
    println!("histories by the program: {number}");
}
