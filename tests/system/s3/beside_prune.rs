//! Commands that read a snapshot while it is forgotten and its packs are removed: each finishes, or says what
//! happened. None delivers wrong data.

use std::{fs, time::Duration};

use rustix::process::Signal;

use super::*;
use crate::harness::{Output, Running};

/// How long a command may take to its end.
const PATIENCE: Duration = Duration::from_mins(2);

/// A repository with a snapshot that shares nothing with the newest one, and a directory with its content.
struct Swept {
    bed: Bed,
    id: String,
}

impl Swept {
    fn new() -> Self {
        let bed = Bed::with_repository();
        fill(&bed.sandbox);
        let made = bed.sandbox.backup(&["--pack-size", "1MiB"]);
        let id = made["snapshot"]["id"].as_str().unwrap().to_owned();
        fs::rename(bed.sandbox.source(""), bed.sandbox.path("first")).unwrap();
        fs::create_dir(bed.sandbox.source("")).unwrap();
        bed.sandbox.write("other", bytes(1000, 50_000));
        bed.sandbox.backup(&["--level", "full"]);
        Self { bed, id }
    }

    /// Starts a command, and returns when it has asked for a data pack; it does not get one until the server
    /// heals.
    fn start(&self, arguments: &[&str]) -> Running {
        self.bed.server.forget_requests();
        self.bed.inject("GET", "/data/", u64::MAX, Fault::slow_down());
        let running = self.bed.sandbox.start(arguments);
        let asks = || self.bed.server.requests().iter().any(|line| line.path.contains("/data/"));
        while !asks() {
            let ended = running.wait_for(Duration::from_millis(5));
            assert!(ended.is_none(), "it does not ask for data: {ended:?}");
        }
        running
    }

    /// Forgets the first snapshot and removes its packs.
    fn sweep(&self) {
        self.bed.sandbox.run(&["forget", &self.id]).expect(0);
        let packs = self.packs();
        self.bed.sandbox.run(&["prune", "--grace", "0"]).expect(0);
        assert!(self.packs() < packs, "nothing was removed");
    }

    fn packs(&self) -> usize {
        self.data_keys().len()
    }

    fn data_keys(&self) -> Vec<String> {
        let keys = self.bed.server.keys("bucket");
        keys.into_iter().filter(|key| key.contains("/data/")).collect()
    }

    /// Lets the command continue, and waits for its end.
    fn end(&self, running: &Running) -> Output {
        self.bed.server.heal();
        running.wait_for(PATIENCE).expect("the command does not end")
    }

    fn says_forgotten(&self, output: Output) {
        output
            .expect(1)
            .says(&format!("snapshot {} was forgotten while it was being", self.id))
            .says("hint: `icecore snapshots`");
    }
}

#[test]
fn a_restore_says_that_its_snapshot_was_forgotten_and_writes_nothing_wrong() {
    let swept = Swept::new();
    let running = swept.start(&["restore", &swept.id, "--target", "restored"]);
    swept.sweep();
    swept.says_forgotten(swept.end(&running));
    let expected = read(&swept.bed.sandbox.path("first"));
    for (path, found) in read(&swept.bed.sandbox.path("restored")) {
        let is_right = found.size == 0 || found.content == expected[&path].content;
        assert!(is_right, "{} has wrong content", path.escape_ascii());
    }
    // Nothing is wrong with the repository.
    swept.bed.sandbox.check_all_data();
}

#[test]
fn a_restore_finds_data_that_was_stored_again_meanwhile() {
    let swept = Swept::new();
    let sandbox = &swept.bed.sandbox;
    let running = swept.start(&["restore", &swept.id, "--target", "restored"]);
    swept.sweep();
    fs::remove_dir_all(sandbox.source("")).unwrap();
    fs::rename(sandbox.path("first"), sandbox.source("")).unwrap();
    sandbox.backup(&["--level", "full"]);
    swept.end(&running).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}

#[test]
fn a_restore_finds_data_that_was_repacked_meanwhile() {
    // The packs of the first snapshot are mostly unused when it is gone: the second one needs two files of
    // them.
    let swept = Swept::new();
    let sandbox = &swept.bed.sandbox;
    for name in ["large/3", "large/15"] {
        sandbox.write(name, fs::read(sandbox.path("first").join(name)).unwrap());
    }
    let made = sandbox.backup(&[]);
    sandbox.run(&["forget", &swept.id]).expect(0);
    let before = swept.data_keys();
    let running = swept.start(&["restore", made["snapshot"]["id"].as_str().unwrap(), "--target", "restored"]);
    // The removal of packs reads data, too: only the restore must not.
    running.signal(Signal::STOP);
    swept.bed.server.heal();
    for _ in 0..3 {
        sandbox.run(&["prune", "--grace", "0", "--max-repack", "1GiB"]).expect(0);
    }
    running.signal(Signal::CONT);
    assert!(before.iter().any(|key| !swept.data_keys().contains(key)), "nothing was repacked");
    swept.end(&running).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
    sandbox.check_all_data();
}

#[test]
fn a_copy_says_that_its_snapshot_was_forgotten_and_copies_the_others() {
    let swept = Swept::new();
    let sandbox = &swept.bed.sandbox;
    let running = swept.start(&["copy", "--to", "there", "--init"]);
    swept.sweep();
    swept.says_forgotten(swept.end(&running));
    let copied = sandbox.run(&["snapshots", "--repository", "there", "--json"]).expect(0).json();
    assert_eq!(copied.as_array().unwrap().len(), 1, "{copied}");
    sandbox.run(&["check", "--repository", "there", "--read-data"]).expect(0);
}

#[test]
fn a_check_takes_a_snapshot_that_was_forgotten_meanwhile_for_no_damage() {
    let swept = Swept::new();
    let running = swept.start(&["check", "--read-data"]);
    swept.sweep();
    swept.end(&running).expect(0);
    swept.bed.sandbox.check_all_data();
}
