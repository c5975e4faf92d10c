//! Three writers and a reader use one repository at the same time, and from time to time one of them is
//! killed.
//!
//! `ICECORE_TESTS_CROWD_RUNS` sets how many backups each writer starts, `ICECORE_TESTS_CROWD_SEED` the seed.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use icecore_store::environment::{Clock, SystemClock};
use rustix::process::Signal;
use s3_test_server::{ServerOptions, TestServer};

use super::sandbox_at;
use crate::harness::{Random, Sandbox, Tree, assert_same, bytes, number, read, text};

const WRITERS: u64 = 3;
const RUNS: u64 = 8;
const SEED: u64 = 5;

/// Original trees of the complete snapshots, by their ids.
type Trees = Mutex<BTreeMap<String, Tree>>;

/// A host that backs up its own source.
struct Writer {
    sandbox: Sandbox,
    host: String,
    random: Random,
    /// Duration of a backup without a kill.
    usual: Duration,
    killed: u64,
}

impl Writer {
    fn new(server: &TestServer, first: &Sandbox, number: u64, seed: u64) -> Self {
        let sandbox = sandbox_with_key(server, first);
        for file in 0..10 {
            sandbox.write(&format!("{file}/file"), text(file, 5_000));
        }
        let usual = Duration::from_secs(1);
        Self { sandbox, host: format!("host{number}"), random: Random::new(seed + number), usual, killed: 0 }
    }

    /// Changes the source: some of the content is new, some is new only here, and all hosts get the same
    /// content at about the same time.
    fn change(&mut self, round: u64) {
        // Sometimes a large pack, which is uploaded in parts if the connection is slow.
        let length = if round % 3 == 1 { 9_500_000 } else { 1_500_000 };
        self.sandbox.write("common", bytes(1_000 + round, length));
        self.sandbox.write(&format!("new/{round}"), text(self.random.next(), 9_000));
        self.sandbox.write("changing", bytes(self.random.next(), 40_000));
    }

    /// Begins a backup and, usually, kills it.
    fn back_up(&mut self, round: u64, trees: &Trees) {
        self.change(round);
        let level = ["incremental", "full", "differential"][self.random.below(3) as usize];
        let scope = ["repository", "group"][usize::from(level == "full" && self.random.below(3) == 0)];
        let pack_size = ["1MiB", "64MiB"][self.random.below(2) as usize];
        let mut line =
            vec!["backup", "source", "--host", &self.host, "--pack-size", pack_size, "--level", level];
        if scope == "group" {
            line.extend(["--dedup", scope]);
        }
        let clock = SystemClock::new();
        let started = clock.monotonic();
        let running = self.sandbox.start(&line);
        let wait = self.usual.mul_f64(self.random.below(1_300) as f64 / 1_000.0);
        if let Some(output) = running.wait_for(wait) {
            output.expect(0);
            self.usual = clock.monotonic().saturating_sub(started);
        } else {
            running.signal(Signal::KILL);
            self.killed += u64::from(running.wait().code.is_none());
        }
        self.note(trees);
        if self.random.below(5) == 0 {
            self.sandbox.delete_cache();
        }
    }

    /// Notes the new snapshot, if there is one.
    fn note(&self, trees: &Trees) {
        let list = self.sandbox.json(&["snapshots"]);
        let mut trees = trees.lock().unwrap();
        let of_host = list.as_array().unwrap().iter().filter(|snapshot| snapshot["host"] == *self.host);
        let ids = of_host.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned());
        let new: Vec<String> = ids.filter(|id| !trees.contains_key(id)).collect();
        assert!(new.len() <= 1, "{new:?}");
        let tree = read(&self.sandbox.source(""));
        trees.extend(new.into_iter().map(|id| (id, tree.clone())));
    }
}

/// Makes the sandbox of another host that opens the same repository.
fn sandbox_with_key(server: &TestServer, first: &Sandbox) -> Sandbox {
    let sandbox = sandbox_at(&server.url());
    let (from, to) = (first.key_file(), sandbox.path("home/config/icecore/keys"));
    fs::create_dir_all(&to).unwrap();
    fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    sandbox
}

/// Restores one snapshot after the other, over leftovers of killed restores, until the writers are done.
///
/// Each snapshot has its own directory: files that two hosts write at the same moment can have the same
/// length and time, and a restore relies on these.
fn keep_reading(sandbox: &Sandbox, seed: u64, trees: &Trees, is_over: &AtomicBool) -> u64 {
    let mut random = Random::new(seed);
    let mut restored = 0;
    while !is_over.load(Ordering::Relaxed) {
        let chosen = {
            let trees = trees.lock().unwrap();
            let chosen = random.below(trees.len().max(1) as u64) as usize;
            trees.iter().nth(chosen).map(|(id, tree)| (id.clone(), tree.clone()))
        };
        let Some((id, tree)) = chosen else {
            thread::yield_now();
            continue;
        };
        let running = sandbox.start(&["restore", &id, "--target", &id]);
        if random.below(4) == 0 {
            if running.wait_for(Duration::from_millis(random.below(150))).is_none() {
                running.signal(Signal::KILL);
                running.wait();
            }
            continue;
        }
        running.wait().expect(0);
        assert_same(&tree, &read(&sandbox.path(&id)));
        restored += 1;
        if random.below(4) == 0 {
            sandbox.run(&["check"]).expect(0);
        }
    }
    restored
}

#[test]
fn writers_and_a_reader_that_are_killed_at_random_lose_nothing() {
    let (runs, seed) = (number("ICECORE_TESTS_CROWD_RUNS", RUNS), number("ICECORE_TESTS_CROWD_SEED", SEED));
    let server = TestServer::start(&ServerOptions::default()).unwrap();
    let first = sandbox_at(&server.url());
    first.run(&["init"]).expect(0);
    let (trees, is_over) = (Trees::default(), AtomicBool::new(false));
    let (killed, restored) = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let mut writer = Writer::new(&server, &first, number, seed);
                let trees = &trees;
                scope.spawn(move || {
                    (0..runs).for_each(|round| writer.back_up(round, trees));
                    writer.killed
                })
            })
            .collect();
        let reader = sandbox_with_key(&server, &first);
        let reader = scope.spawn({
            let (trees, is_over) = (&trees, &is_over);
            move || keep_reading(&reader, seed, trees, is_over)
        });
        let killed: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        let restored = reader.join().unwrap();
        (killed.into_iter().map(Result::unwrap).sum::<u64>(), restored)
    });
    let trees = trees.into_inner().unwrap();
    first.check_all_data();
    assert_eq!(first.snapshots().len(), trees.len());
    for (id, tree) in &trees {
        first.restore(id, id, &[]);
        assert_same(tree, &read(&first.path(id)));
    }
    let (begun, in_parts) = (WRITERS * runs, server.requests().iter().filter(|line| line.is_part()).count());
    println!(
        "crowd: {killed} of {begun} backups killed, {restored} restores meanwhile, {} snapshots, {in_parts} parts",
        trees.len()
    );
    assert!(killed > 0 && !trees.is_empty());
}
