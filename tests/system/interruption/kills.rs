//! Commands of every kind, killed at random times, one after the other, on a real directory.
//!
//! `ICECORE_TESTS_KILLS` sets the number of kills, `ICECORE_TESTS_KILLS_SEED` the seed.

use std::{collections::BTreeMap, time::Duration};

use icecore_format::snapshot::{DedupScope, Level};
use icecore_store::environment::{Clock, SystemClock};
use rustix::process::Signal;

use crate::{
    crash::program::Program,
    engines::{Command, Restore},
    harness::{Random, Sandbox, Tree, assert_same, number, read},
};

const KILLS: u64 = 15;
const SEED: u64 = 11;
/// Kinds of commands in a round.
const KINDS: u64 = 9;

/// A repository with frequent kills, and its expected content.
struct Rounds {
    program: Program,
    random: Random,
    clock: SystemClock,
    /// How long each kind of command takes here without a kill.
    durations: BTreeMap<u64, Duration>,
    /// Trees of the complete snapshots of the source, by id.
    trees: BTreeMap<String, Tree>,
    latest: String,
    streams: usize,
    killed: u64,
}

impl Rounds {
    fn new(seed: u64) -> Self {
        let program = Program::new(Sandbox::in_memory());
        program.run(&Command::Init).expect(0);
        let mut rounds = Self {
            program,
            random: Random::new(seed),
            clock: SystemClock::new(),
            durations: BTreeMap::new(),
            trees: BTreeMap::new(),
            latest: String::new(),
            streams: 0,
            killed: 0,
        };
        let first = rounds.program.backup(Level::Full, None);
        rounds.program.run(&first).expect(0);
        rounds.note_snapshots();
        rounds
    }

    fn command(&self, kind: u64) -> Command {
        let (program, key) = (&self.program, self.program.key);
        match kind {
            0 | 1 => program.backup(Level::Incremental, None),
            2 => program.backup(Level::Full, None),
            3 => program.backup(Level::Full, Some(DedupScope::Group)),
            4 => program.backup(Level::Differential, None),
            5 => program.stream(),
            6 => Command::KeyChange { new: key + 1 },
            7 => Command::Restore(self.restore("restored")),
            _ => Command::Check,
        }
    }

    fn restore(&self, target: &str) -> Restore {
        // The program restores the latest snapshot of the source.
        let run = icecore_format::ids::RunId::new(0, [0; 10]);
        Restore { run, target: self.program.sandbox.path(target), delete: true, verify: false }
    }

    /// Runs a command to its end, and notes how long it takes.
    fn finish(&mut self, kind: u64, command: &Command) {
        let started = self.clock.monotonic();
        self.program.run(command).expect(0);
        self.durations.insert(kind, self.clock.monotonic().saturating_sub(started));
        self.program.done(command);
        self.note_snapshots();
    }

    /// One round: a command that is killed, a check of everything, and the same command again.
    fn round(&mut self) {
        self.program.change_source();
        let kind = self.random.below(KINDS);
        let command = self.command(kind);
        let Some(duration) = self.durations.get(&kind).copied() else { return self.finish(kind, &command) };
        let running = self.program.start(&command);
        let wait = duration.mul_f64(self.random.below(1000) as f64 / 1000.0);
        if let Some(output) = running.wait_for(wait) {
            output.expect(0);
            self.program.done(&command);
            return self.note_snapshots();
        }
        running.signal(Signal::KILL);
        self.killed += u64::from(running.wait().code.is_none());
        if self.random.below(4) == 0 {
            self.program.sandbox.delete_cache();
        }
        self.find_key(&command);
        self.program.run(&Command::Check).expect(0);
        self.note_snapshots();
        match command {
            // It may have finished, and then the present key is the new one.
            Command::KeyChange { new } if new == self.program.key => {}
            command => self.finish(kind, &command),
        }
        self.restore_latest();
    }

    /// Finds out which key opens the repository after a killed change of the key.
    fn find_key(&mut self, command: &Command) {
        let Command::KeyChange { new } = command else { return };
        if self.program.run(&Command::Check).code != Some(0) {
            self.program.key = *new;
        }
    }

    /// Notes a new snapshot: there is at most one, and it matches the present source.
    fn note_snapshots(&mut self) {
        let list = self.program.list();
        let ids: Vec<String> =
            list.iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect();
        for id in self.trees.keys() {
            assert!(ids.contains(id), "the snapshot {id} is gone: {ids:?}");
        }
        let streams = list.iter().filter(|snapshot| snapshot["source"] == "stream").count();
        assert!(streams == self.streams || streams == self.streams + 1, "{streams} streams");
        self.streams = streams;
        let of_tree = list.iter().filter(|snapshot| snapshot["source"] == "tree");
        let of_tree: Vec<String> =
            of_tree.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect();
        self.latest.clone_from(of_tree.last().unwrap());
        let new: Vec<String> = of_tree.into_iter().filter(|id| !self.trees.contains_key(id)).collect();
        assert!(new.len() <= 1, "{new:?}");
        let tree = read(&self.program.sandbox.source(""));
        self.trees.extend(new.into_iter().map(|id| (id, tree.clone())));
    }

    /// Restores the latest snapshot over leftovers of killed restores, and compares.
    fn restore_latest(&self) {
        self.program.run(&Command::Restore(self.restore("restored"))).expect(0);
        let expected = &self.trees[&self.latest];
        assert_same(expected, &read(&self.program.sandbox.path("restored")));
    }

    /// Restores every snapshot and compares.
    fn restore_all(&self) {
        for (id, expected) in &self.trees {
            self.program.restore(id, "all");
            assert_same(expected, &read(&self.program.sandbox.path("all")));
        }
    }
}

#[test]
fn commands_of_every_kind_that_are_killed_lose_nothing() {
    let (number, seed) = (number("ICECORE_TESTS_KILLS", KILLS), number("ICECORE_TESTS_KILLS_SEED", SEED));
    let mut rounds = Rounds::new(seed);
    for kind in 0..KINDS {
        let command = rounds.command(kind);
        rounds.program.change_source();
        rounds.finish(kind, &command);
    }
    let mut taken = 0;
    while rounds.killed < number {
        assert!(taken < 20 * number, "only {} of {taken} commands were killed", rounds.killed);
        rounds.round();
        taken += 1;
    }
    rounds.restore_all();
    println!("kills: {number} of {taken} commands, seed {seed}, {} snapshots", rounds.trees.len());
}
