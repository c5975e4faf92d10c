//! Hosts that share a repository in memory, and the model of its expected content.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use icecore_format::{
    ids::RunId,
    snapshot::{DedupScope, Level as StoredLevel},
};
use icecore_store::{
    FaultStore, MemoryStore, Store,
    environment::{InstantSleep, ManualClock},
    fault::{Fault, FaultPlan},
};
use proptest::sample::Index;
use tempfile::TempDir;

use super::{
    Dedup, Level, change,
    hosts::{Crash, Run, Step},
    world::{hides_a_difference, hides_behind_metadata, make_all},
};
use crate::{
    engines::{Backup, Command, Expectation, Expected, Host, Restore, place, retrying},
    harness::{Tree, read},
};

/// Sources: the number of their host, and their name. Two have the same name.
const PLACES: [(usize, &str); 3] = [(0, "first"), (1, "first"), (0, "second")];

/// Total counts of all histories.
#[derive(Debug, Default)]
pub(super) struct Counts {
    snapshots: AtomicU64,
    crashes: AtomicU64,
    overlaps: AtomicU64,
    restores: AtomicU64,
    keys: AtomicU64,
}

impl Counts {
    pub(super) fn describe(&self) -> String {
        let [snapshots, crashes, overlaps, restores, keys] =
            [&self.snapshots, &self.crashes, &self.overlaps, &self.restores, &self.keys]
                .map(|count| count.load(Ordering::Relaxed));
        format!(
            "{snapshots} snapshots, {crashes} crashes, {overlaps} overlapping runs, {restores} restores, {keys} changes \
             of the key"
        )
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

type Outcome = Result<(), String>;

/// A fleet of hosts.
pub(super) struct Fleet<'a> {
    counts: &'a Counts,
    directory: TempDir,
    store: Arc<dyn Store>,
    hosts: [Host; 2],
    key: u8,
    expectation: Expectation,
    /// Trees of all snapshots of each source, including those that may not be complete.
    earlier: [Vec<Tree>; 3],
    targets: usize,
}

impl<'a> Fleet<'a> {
    /// Makes hosts with empty sources and an empty repository.
    pub(super) fn new(counts: &'a Counts) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let seed = NUMBER.fetch_add(2, Ordering::Relaxed);
        let directory = place();
        for number in 0..PLACES.len() {
            let source = directory.path().join(number.to_string());
            fs::create_dir(&source).unwrap();
            fs::write(change::untouched(&source), number.to_string()).unwrap();
        }
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let hosts = [Host::new("one", seed), Host::new("two", seed + 1)];
        hosts[0].run(&store, 1, &Command::Init).unwrap();
        let (expectation, earlier) = (Expectation::default(), Default::default());
        Self { counts, directory, store, hosts, key: 1, expectation, earlier, targets: 0 }
    }

    fn source(&self, place: usize) -> PathBuf {
        self.directory.path().join(place.to_string())
    }

    /// Takes one step and checks everything that can be checked.
    pub(super) fn take(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Backup { run, crash } => self.back_up(run, *crash),
            Step::Overlap { first, second, crash } if first.place != second.place => {
                self.overlap([first, second], *crash)
            }
            Step::Overlap { first, .. } => self.back_up(first, None),
            Step::DeleteCache { host } => {
                self.hosts[*host].delete_cache();
                Ok(())
            }
            Step::ChangeKey { host, crash } => self.change_key(*host, *crash),
            Step::RestoreNew { host, snapshot } => {
                self.targets += 1;
                let target = self.directory.path().join(format!("target-{}", self.targets));
                self.restore(*host, *snapshot, &target, None)
            }
            Step::RestoreOver { host, snapshot, changes, crash } => {
                let target = self.directory.path().join("target");
                if target.exists() {
                    make_all(changes, &target);
                }
                self.restore(*host, *snapshot, &target, *crash)
            }
        }
    }

    /// Returns the store, which crashes if requested.
    fn crashing(&self, crash: Option<Crash>) -> (Arc<dyn Store>, Arc<FaultStore>) {
        let plan = crash.map_or_else(
            || FaultPlan::new(0),
            |Crash { call, after }| {
                FaultPlan::new(0).at_call(call, if after { Fault::CrashAfter } else { Fault::Crash })
            },
        );
        let fault = FaultStore::new(Arc::clone(&self.store), plan, Arc::new(InstantSleep::new()));
        let fault = Arc::new(fault);
        (retrying(Arc::<FaultStore>::clone(&fault)), fault)
    }

    /// Changes a source and returns its backup, with the expected content.
    fn prepare(&mut self, run: &Run) -> (Backup, Expected) {
        let source = self.source(run.place);
        wait_for_tick(self.directory.path());
        make_all(&run.changes, &source);
        let tree = read(&source);
        let is_hidden = self.earlier[run.place].iter().any(|earlier| hides_behind_metadata(earlier, &tree));
        let level = match run.level {
            _ if is_hidden => StoredLevel::Full,
            Level::Full => StoredLevel::Full,
            Level::Incremental => StoredLevel::Incremental,
            Level::Differential => StoredLevel::Differential,
        };
        let scope = run.dedup.map(|dedup| match dedup {
            Dedup::Repository => DedupScope::Repository,
            Dedup::Group => DedupScope::Group,
        });
        self.earlier[run.place].push(tree.clone());
        (Backup { scope, ..Backup::tree(PLACES[run.place].1, source, level) }, Expected::Tree(tree))
    }

    fn back_up(&mut self, run: &Run, crash: Option<Crash>) -> Outcome {
        let (backup, expected) = self.prepare(run);
        let (store, fault) = self.crashing(crash);
        let made = self.hosts[PLACES[run.place].0].run(&store, self.key, &Command::Backup(backup));
        self.settle(vec![(made.map_err(|error| error.text()), expected)], &fault)
    }

    fn overlap(&mut self, runs: [&Run; 2], crash: Option<Crash>) -> Outcome {
        count(&self.counts.overlaps);
        let prepared = runs.map(|run| self.prepare(run));
        let (store, fault) = self.crashing(crash);
        let (hosts, key) = (&self.hosts, self.key);
        let made = thread::scope(|scope| {
            let threads = [0, 1].map(|number: usize| {
                let (store, backup) = (&store, &prepared[number].0);
                let host = &hosts[PLACES[runs[number].place].0];
                scope.spawn(move || host.run(store, key, &Command::Backup(backup.clone())))
            });
            threads.map(|thread| thread.join().unwrap().map_err(|error| error.text()))
        });
        let expected = prepared.into_iter().map(|(_, expected)| expected);
        self.settle(made.into_iter().zip(expected).collect(), &fault)
    }

    /// Finds out which runs made a snapshot: all, unless the store crashed.
    fn settle(
        &mut self,
        made: Vec<(Result<Option<RunId>, String>, Expected)>,
        fault: &FaultStore,
    ) -> Outcome {
        let mut begun = Vec::new();
        for (result, expected) in made {
            match result {
                Ok(run) => self.expect(run, expected),
                Err(_) if fault.has_crashed() => begun.push(expected),
                Err(reason) => return Err(format!("backup: {reason}")),
            }
        }
        self.check()?;
        if !fault.has_crashed() {
            return Ok(());
        }
        count(&self.counts.crashes);
        for (run, expected) in self.expectation.verify(&self.hosts[0], &self.store, self.key, &begun)? {
            self.expect(Some(run), expected);
        }
        Ok(())
    }

    fn expect(&mut self, run: Option<RunId>, expected: Expected) {
        count(&self.counts.snapshots);
        self.expectation.snapshots.extend(run.map(|run| (run, expected)));
    }

    fn check(&self) -> Outcome {
        let checked = self.hosts[1].run(&self.store, self.key, &Command::Check);
        checked.map(drop).map_err(|error| format!("check: {}", error.text()))
    }

    fn change_key(&mut self, host: usize, crash: Option<Crash>) -> Outcome {
        count(&self.counts.keys);
        let (host, new) = (&self.hosts[host], self.key + 1);
        let (store, fault) = self.crashing(crash);
        let changed = host.run(&store, self.key, &Command::KeyChange { new });
        let is_changed = host.unlock(&self.store, new).is_ok() && host.unlock(&self.store, self.key).is_err();
        if let (Err(error), false) = (&changed, fault.has_crashed()) {
            return Err(format!("key change: {}", error.text()));
        }
        if !is_changed {
            let again = host.run(&self.store, self.key, &Command::KeyChange { new });
            again.map_err(|error| format!("key change: {}", error.text()))?;
        }
        self.key = new;
        self.check()
    }

    /// Restores and compares, after a crash if requested.
    fn restore(&self, host: usize, snapshot: Index, target: &Path, crash: Option<Crash>) -> Outcome {
        count(&self.counts.restores);
        let snapshots = &self.expectation.snapshots;
        let (run, expected) = &snapshots[snapshot.index(snapshots.len())];
        let Expected::Tree(tree) = expected else { return Ok(()) };
        let verify = target.exists() && hides_a_difference(tree, &read(target));
        let restore = Restore { run: *run, target: target.to_owned(), delete: true, verify };
        let restore = Command::Restore(restore);
        if crash.is_some() {
            let (store, _) = self.crashing(crash);
            // Whether it finished or not, the next one does.
            drop(self.hosts[host].run(&store, self.key, &restore));
        }
        let restored = self.hosts[host].run(&self.store, self.key, &restore);
        restored.map_err(|error| format!("restore of {run}: {}", error.text()))?;
        expected.compare(target).map_err(|differences| format!("restored {run}: {differences}"))
    }

    /// Checks everything again, with the cache of one host, and without any.
    pub(super) fn finish(self) -> Outcome {
        let others = [&self.hosts[0], &Host::new("three", 1)];
        for host in others {
            self.expectation.verify(host, &self.store, self.key, &[])?;
        }
        Ok(())
    }
}

/// Waits until the clock of the file system has moved past the last backup. The start of the program takes
/// longer than this; within one tick, two changes look like one.
fn wait_for_tick(directory: &Path) {
    let probe = directory.join("probe");
    let stamp = || {
        fs::write(&probe, b"").unwrap();
        fs::metadata(&probe).unwrap().modified().unwrap()
    };
    let first = stamp();
    while stamp() == first {
        thread::yield_now();
    }
}
