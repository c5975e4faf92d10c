//! Runs the program with the same commands as the engines.

use std::{cell::RefCell, collections::BTreeMap, fs};

use icecore_format::{
    ids::RepositoryId, keys::Secret, slot::write_key_file, snapshot::DedupScope, snapshot::Level,
};

use crate::{
    engines::{Backup, Command, Content},
    harness::{Output, Running, Sandbox, bytes, text},
};

/// A sandbox with a source, and the key that opens its repository.
pub(crate) struct Program {
    pub(crate) sandbox: Sandbox,
    pub(crate) key: u8,
    changes: u64,
    /// Ids of the slots that were added, by key.
    added: RefCell<BTreeMap<u8, String>>,
}

impl Program {
    /// Makes a source with one large file and several small ones; there is no repository yet.
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        for number in 0..10 {
            sandbox.write(&format!("{number}/file"), text(number, 5_000));
        }
        sandbox.write("large", bytes(1, 1_150_000));
        Self { sandbox, key: 1, changes: 0, added: RefCell::default() }
    }

    /// Changes the source.
    pub(crate) fn change_source(&mut self) {
        self.changes += 1;
        self.sandbox.write("changing", bytes(self.changes, 20_000));
        self.sandbox.write(&format!("new/{}", self.changes), text(100 + self.changes, 9_000));
    }

    /// Returns a backup of the source.
    pub(crate) fn backup(&self, level: Level, scope: Option<DedupScope>) -> Command {
        Command::Backup(Backup { scope, ..Backup::tree("tree", self.sandbox.source(""), level) })
    }

    /// Returns a backup of a stream.
    pub(crate) fn stream(&self) -> Command {
        let content = Content::Stream { bytes: bytes(7 + self.changes, 90_000).into(), midway: None };
        Command::Backup(Backup { content, ..Backup::tree("stream", "", Level::Incremental) })
    }

    /// Runs a command.
    pub(crate) fn run(&self, command: &Command) -> Output {
        self.start(command).wait()
    }

    /// Starts a command.
    pub(crate) fn start(&self, command: &Command) -> Running {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut input = None;
        let mut line = match command {
            Command::Init => words(&["init"]),
            Command::Backup(Backup { content: Content::Stream { bytes, .. }, .. }) => {
                input = Some(bytes);
                words(&["backup", "--stdin", "stream"])
            }
            Command::Backup(Backup { level, scope, .. }) => {
                let level = ["full", "incremental", "differential"][*level as usize];
                let scope =
                    scope.map_or("", |scope| if scope == DedupScope::Group { "group" } else { "repository" });
                let line = ["backup", "source", "--name", "tree", "--pack-size", "1MiB", "--level", level];
                let mut line = words(&line);
                line.extend(words(if scope.is_empty() { &[] } else { &["--dedup"] }));
                line.extend(Some(scope.to_owned()).filter(|scope| !scope.is_empty()));
                line
            }
            Command::KeyAdd { new } => {
                words(&["key", "add", "--label", &new.to_string(), "--new-key-file", &self.key_file(*new)])
            }
            Command::KeyChange { new } => words(&["key", "passwd", "--new-key-file", &self.key_file(*new)]),
            Command::KeyRemove { old } => words(&["key", "remove", &self.slot(*old)]),
            Command::Check => words(&["check", "--read-data"]),
            Command::Forget(run) => words(&["forget", &run.snapshot_id()]),
            Command::Prune => words(&["prune", "--grace", "0", "--max-repack", "1TiB"]),
            Command::Restore(restore) => {
                words(&["restore", "tree@latest", "--delete", "--target", restore.target.to_str().unwrap()])
            }
        };
        line.extend(["--key-file".to_owned(), self.key_file(self.key)]);
        match input {
            Some(input) => self.sandbox.start_with_input(&line, input),
            None => self.sandbox.start(&line),
        }
    }

    /// Returns the complete snapshots, oldest first.
    pub(crate) fn list(&self) -> Vec<serde_json::Value> {
        let list = self.sandbox.json(&["snapshots", "--key-file", &self.key_file(self.key)]);
        list.as_array().unwrap().clone()
    }

    /// Restores a snapshot by its id.
    pub(crate) fn restore(&self, id: &str, target: &str) {
        let line = ["restore", id, "--delete", "--target", target, "--key-file", &self.key_file(self.key)];
        self.sandbox.run(&line).expect(0);
    }

    /// Notes the effects of a successful command.
    pub(crate) fn done(&mut self, command: &Command) {
        if let Command::KeyChange { new } = command {
            self.key = *new;
        }
    }

    /// Returns the path of a key file, which is created if it does not exist.
    fn key_file(&self, key: u8) -> String {
        let path = self.sandbox.path(&format!("key-{key}"));
        if !path.exists() {
            let text = write_key_file(RepositoryId([0; 16]), &Secret::new([key; 32]));
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("repository")).collect();
            fs::write(&path, lines.join("\n")).unwrap();
        }
        path.to_str().unwrap().to_owned()
    }

    /// Returns ids and labels of the key slots.
    pub(crate) fn slots(&self) -> Vec<(String, String)> {
        let slots = self.sandbox.json(&["key", "list", "--key-file", &self.key_file(self.key)]);
        let field = |slot: &serde_json::Value, name: &str| slot[name].as_str().unwrap().to_owned();
        slots.as_array().unwrap().iter().map(|slot| (field(slot, "id"), field(slot, "label"))).collect()
    }

    /// Returns the id of the slot that was added for a key. The program runs only once, so that it does not
    /// use up the failures for the command.
    fn slot(&self, key: u8) -> String {
        let find = || self.slots().into_iter().find(|(_, label)| *label == key.to_string()).unwrap().0;
        self.added.borrow_mut().entry(key).or_insert_with(find).clone()
    }
}
