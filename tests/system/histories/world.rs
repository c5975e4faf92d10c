//! The program and the model, side by side.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::{prop_assert, prop_assert_eq, sample::Index, test_runner::TestCaseError};

use super::{Change, Dedup, Level, Step, change};
use crate::harness::{Output, Sandbox, Tree, differences, is_root, read};

type Check = Result<(), TestCaseError>;

/// Expected content of a snapshot.
#[derive(Clone, Debug)]
struct Expected {
    id: String,
    source: usize,
    tree: Tree,
}

/// A repository with two sources, and its expected content.
pub(super) struct World {
    sandbox: Sandbox,
    snapshots: Vec<Expected>,
    targets: usize,
}

const SOURCES: [&str; 2] = ["first", "second"];

impl World {
    /// Makes an empty world. Every other one is in memory, because file systems differ in how they reuse
    /// inodes. Two of three have an index on disk, from the first chunk on or later.
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let sandbox = if number.is_multiple_of(2) { Sandbox::in_memory() } else { Sandbox::new() };
        if let Some(memory) = [None, Some("0"), Some("'2KiB'")][number as usize % 3] {
            let directory = sandbox.path("home/config/icecore");
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("icecore.toml"), format!("index-memory = {memory}\n")).unwrap();
        }
        for source in SOURCES {
            fs::create_dir(sandbox.path(source)).unwrap();
            fs::write(change::untouched(&sandbox.path(source)), source).unwrap();
        }
        sandbox.run(&["init"]).expect(0);
        Self { sandbox, snapshots: Vec::new(), targets: 0 }
    }

    /// Takes one step and checks everything that can be checked.
    pub(super) fn take(&mut self, step: &Step) -> Check {
        match step {
            Step::Backup { source, changes, level, dedup } => {
                make_all(changes, &self.sandbox.path(SOURCES[*source]));
                self.backup(*source, *level, *dedup)?;
            }
            Step::DeleteCache => self.sandbox.delete_cache(),
            Step::RestoreNew { snapshot } => {
                self.targets += 1;
                let target = self.sandbox.path(&format!("target-{}", self.targets));
                self.restore(&self.snapshots[snapshot.index(self.snapshots.len())], &target, &[])?;
            }
            Step::RestoreOver { snapshot, changes } => {
                let target = self.sandbox.path("target");
                if target.exists() {
                    make_all(changes, &target);
                }
                let expected = &self.snapshots[snapshot.index(self.snapshots.len())];
                let hides = target.exists() && hides_a_difference(&expected.tree, &read(&target));
                let options: &[&str] = if hides { &["--delete", "--verify"] } else { &["--delete"] };
                self.restore(expected, &target, options)?;
            }
            Step::Follow { first, second } => self.follow(*first, *second)?,
        }
        Ok(())
    }

    fn backup(&mut self, source: usize, level: Level, dedup: Option<Dedup>) -> Check {
        let before = read(&self.sandbox.path(SOURCES[source]));
        let mut earlier = self.snapshots.iter().filter(|snapshot| snapshot.source == source);
        let is_hidden = earlier.any(|snapshot| hides_behind_metadata(&snapshot.tree, &before));
        let level = match level {
            _ if is_hidden => "full",
            Level::Full => "full",
            Level::Incremental => "incremental",
            Level::Differential => "differential",
        };
        let mut words = vec!["backup", SOURCES[source], "--level", level, "--pack-size", "1MiB", "--json"];
        match dedup {
            None => {}
            Some(Dedup::Repository) => words.extend(["--dedup", "repository"]),
            Some(Dedup::Group) => words.extend(["--dedup", "group"]),
        }
        let output = run(&self.sandbox, &words)?;
        let done = output.json()["sources"][0].clone();
        let after = read(&self.sandbox.path(SOURCES[source]));
        prop_assert_eq!(differences(&before, &after), Vec::<String>::new(), "the backup changed its source");
        let id = done["snapshot"]["id"].as_str().unwrap().to_owned();
        prop_assert_eq!(done["entries"].as_u64().unwrap(), before.len() as u64);
        self.snapshots.push(Expected { id, source, tree: before });
        Ok(())
    }

    /// Restores and compares.
    fn restore(&self, expected: &Expected, target: &Path, options: &[&str]) -> Check {
        let words = ["restore", &expected.id, "--target", target.to_str().unwrap()];
        run(&self.sandbox, &[&words, options].concat())?;
        let found = differences(&expected.tree, &read(target));
        prop_assert_eq!(found, Vec::<String>::new(), "restored {:?} {:?}", &words, options);
        Ok(())
    }

    /// Restores one snapshot, then only the changes until a later one.
    fn follow(&mut self, first: Index, second: Index) -> Check {
        let (first, second) = (first.index(self.snapshots.len()), second.index(self.snapshots.len()));
        let (first, second) = (first.min(second), first.max(second));
        let (older, newer) = (&self.snapshots[first], &self.snapshots[second]);
        if older.source != newer.source {
            return Ok(());
        }
        self.targets += 1;
        let target = self.sandbox.path(&format!("target-{}", self.targets));
        self.restore(older, &target, &[])?;
        self.restore(newer, &target, &["--since", &older.id, "--delete"])
    }

    /// Checks the whole repository, and every snapshot again.
    pub(super) fn finish(mut self) -> Check {
        run(&self.sandbox, &["check", "--read-data"])?;
        let listed = self.sandbox.snapshots();
        let expected: Vec<String> = self.snapshots.iter().map(|snapshot| snapshot.id.clone()).collect();
        prop_assert_eq!(listed, expected);
        let targets: Vec<PathBuf> =
            (0..self.snapshots.len()).map(|number| self.sandbox.path(&format!("last-{number}"))).collect();
        for (snapshot, target) in self.snapshots.iter().zip(&targets) {
            self.restore(snapshot, target, &[])?;
        }
        self.snapshots.clear();
        Ok(())
    }
}

/// Returns whether a file differs although its size and time of modification match: only `--verify` finds
/// that.
pub(super) fn hides_a_difference(expected: &Tree, found: &Tree) -> bool {
    expected.iter().any(|(path, expected)| {
        found.get(path).is_some_and(|found| {
            (found.size, found.modified) == (expected.size, expected.modified)
                && found.content != expected.content
        })
    })
}

/// Returns whether a file has a hidden difference together with a difference in mode, owner or attributes,
/// which explains its new time of change: only a full finds that.
pub(crate) fn hides_behind_metadata(earlier: &Tree, now: &Tree) -> bool {
    now.iter().any(|(path, now)| {
        earlier.get(path).is_some_and(|earlier| {
            (earlier.size, earlier.modified) == (now.size, now.modified)
                && earlier.content != now.content
                && (earlier.mode, earlier.owner, &earlier.attributes)
                    != (now.mode, now.owner, &now.attributes)
        })
    })
}

pub(super) fn make_all(changes: &[Change], root: &Path) {
    for change in changes {
        change.make(root);
    }
}

/// Runs the program, which must end with 0.
fn run(sandbox: &Sandbox, words: &[&str]) -> Result<Output, TestCaseError> {
    let output = sandbox.run(words);
    prop_assert!(output.code == Some(0), "{}", output.describe());
    if is_root() && words[0] == "restore" {
        prop_assert!(!output.stderr.contains("warning"), "{}", output.describe());
    }
    Ok(output)
}
