//! A history of commands that together write every kind of object.

use std::{fs, path::PathBuf, sync::Arc};

use bytes::Bytes;
use icecore_format::snapshot::{DedupScope, Level};
use icecore_store::{MemoryStore, Store, environment::ManualClock};
use tempfile::TempDir;

use super::recovery::Step;
use crate::{
    engines::{Backup, Command, Content, Expectation, Expected, Host, Restore, place},
    harness::{bytes, text},
};

/// Seed of the host of the history; copies of it use other seeds.
const SEED: u64 = 1;

/// A repository in memory at some point of its history.
pub(crate) struct Workload {
    pub(crate) memory: Arc<MemoryStore>,
    pub(crate) host: Host,
    pub(crate) key: u8,
    pub(crate) expectation: Expectation,
    directory: TempDir,
    changes: u64,
}

impl Workload {
    /// Makes an empty workload.
    pub(crate) fn new() -> Self {
        let directory = place();
        fs::create_dir(directory.path().join("tree")).unwrap();
        let memory = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let host = Host::new("host", SEED);
        Self { memory, host, key: 1, expectation: Expectation::default(), directory, changes: 0 }
    }

    /// Takes every step of the history; `examine` sees each of them first.
    pub(crate) fn run(mut self, mut examine: impl FnMut(&Self, &Step<'_>)) {
        self.take(&Command::Init, &mut examine);
        for (level, scope) in [
            (Level::Incremental, None),
            (Level::Incremental, None),
            (Level::Full, None),
            (Level::Full, Some(DedupScope::Group)),
            (Level::Incremental, None),
        ] {
            let backup = self.next_backup(level, scope);
            self.take(&Command::Backup(backup), &mut examine);
        }
        self.take(&Command::Backup(self.stream()), &mut examine);
        for command in [Command::KeyAdd { new: 2 }, Command::KeyChange { new: 3 }] {
            self.take(&command, &mut examine);
        }
        self.take(&Command::KeyRemove { old: 2 }, &mut examine);
        let backup = self.next_backup(Level::Differential, Some(DedupScope::Repository));
        self.take(&Command::Backup(backup), &mut examine);
        self.take(&Command::Restore(self.restore_of(2)), &mut examine);
        self.take(&Command::Check, &mut examine);
    }

    fn take(&mut self, command: &Command, examine: &mut impl FnMut(&Self, &Step<'_>)) {
        let expected = match command {
            Command::Backup(backup) => Some(Expected::of(backup)),
            Command::Restore(restore) => {
                let mut known = self.expectation.snapshots.iter();
                known.find(|(run, _)| *run == restore.run).map(|(_, expected)| expected.clone())
            }
            _ => None,
        };
        let expectation = &self.expectation;
        examine(self, &Step { expectation, key: self.key, command, expected: expected.clone() });
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&self.memory);
        let made = self.host.run(&store, self.key, command);
        let made = made.unwrap_or_else(|error| panic!("{command:?}: {}", error.text()));
        self.expectation.snapshots.extend(made.zip(expected));
        if let Command::KeyChange { new } = command {
            self.key = *new;
        }
    }

    fn tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    /// Changes the tree and returns a backup of it: several files and directories, with two packs of data the
    /// first time.
    pub(crate) fn next_backup(&mut self, level: Level, scope: Option<DedupScope>) -> Backup {
        self.changes += 1;
        let (tree, change) = (self.tree(), self.changes);
        if change == 1 {
            fs::write(tree.join("large"), bytes(1, 1_150_000)).unwrap();
            for number in 0..20 {
                fs::create_dir(tree.join(format!("{number}"))).unwrap();
                fs::write(tree.join(format!("{number}/old")), text(number, 2_000)).unwrap();
            }
        }
        fs::write(tree.join("changing"), bytes(change, 30_000)).unwrap();
        fs::write(tree.join(format!("{change}/new")), text(100 + change, 10_000)).unwrap();
        drop(fs::remove_file(tree.join(format!("{}/old", change + 3))));
        if change == 3 {
            // Later content is small, and quickly restored.
            fs::remove_file(tree.join("large")).unwrap();
        }
        Backup { scope, ..Backup::tree("tree", tree, level) }
    }

    fn stream(&self) -> Backup {
        let content = Content::Stream { bytes: Bytes::from(bytes(77, 150_000)), midway: None };
        Backup { content, ..Backup::tree("stream", self.tree(), Level::Incremental) }
    }

    fn restore_of(&self, number: usize) -> Restore {
        let (run, _) = self.expectation.snapshots[number];
        Restore { run, target: self.directory.path().join("target"), delete: true, verify: true }
    }
}
