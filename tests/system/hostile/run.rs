//! Runs every command on a hostile repository, and checks the effects on the machine.

use std::{cell::RefCell, ffi::OsStr, fs, os::unix::fs::symlink, path::Path, process::Command};

use super::forge::Forge;
use crate::harness::{Output, Sandbox, Tree, differences, is_root, read, run_command};

/// Maximum resident memory of any command, in bytes. It is several times as much as the caches and buffers
/// need for a small repository, and far less than hostile numbers ask for.
const MEMORY_BYTES_MAX: u64 = 400 << 20;
/// Maximum address space of a process, so that a bug does not exhaust the machine.
const ADDRESS_BYTES_MAX: u64 = 12 << 30;

/// A hostile repository, and the expected results.
pub(super) struct Cell {
    pub(super) name: &'static str,
    /// Changes a repository with an empty snapshot into it.
    pub(super) forge: fn(&mut Forge<'_>),
    /// Exit code of a restore into a new directory.
    pub(super) restore: i32,
    /// Exit code of `check --read-data`.
    pub(super) check: i32,
    /// Text of the restore on standard error.
    pub(super) says: &'static str,
    /// Whether the repository can be opened, and another backup made.
    pub(super) opens: bool,
}

impl Cell {
    /// A cell that cannot be restored completely, and that a check finds.
    pub(super) const fn refused(name: &'static str, forge: fn(&mut Forge<'_>), says: &'static str) -> Self {
        Self { name, forge, restore: 20, check: 20, says, opens: true }
    }

    /// A cell that is only unusual.
    pub(super) const fn harmless(name: &'static str, forge: fn(&mut Forge<'_>)) -> Self {
        Self { name, forge, restore: 0, check: 0, says: "", opens: true }
    }
}

/// Exit code of a restore that cannot set some metadata: for an ordinary user, this is expected.
pub(super) fn incomplete() -> i32 {
    if is_root() { 3 } else { 0 }
}

/// Allowed exit codes of a command: done, failed, wrong usage, partial, wrong key, damage.
const CODES: [i32; 6] = [0, 1, 2, 3, 12, 20];
/// Allowed names in the sandbox.
const KNOWN: [&str; 10] =
    ["home", "source", "repository", "outside", "existing", "fresh", "again", "nobody", "icecore", "new"];

/// A sandbox with objects outside of all targets that no command may touch.
struct Guarded {
    sandbox: Sandbox,
    outside: Tree,
    changed: Vec<(i64, i64)>,
    /// Faults so far; a cell is always run to its end.
    faults: RefCell<Vec<String>>,
}

impl Guarded {
    fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        let outside = sandbox.path("outside");
        fs::create_dir_all(outside.join("directory")).unwrap();
        for name in ["file", "directory/file", "x"] {
            fs::write(outside.join(name), "untouched").unwrap();
        }
        symlink("file", outside.join("link")).unwrap();
        // A target prepared by an attacker: paths that the snapshots have as files and directories lead
        // outside.
        for place in ["existing", "source"] {
            let place = sandbox.path(place);
            fs::create_dir_all(place.join("deep")).unwrap();
            for (name, target) in [
                ("link", ""),
                ("directory", "directory"),
                ("file", "file"),
                ("a", ""),
                ("deep/x", ""),
                ("extra", ""),
            ] {
                symlink(outside.join(target), place.join(name)).unwrap();
            }
        }
        let tree = read(&outside);
        let changed = changes(&tree);
        Self { sandbox, outside: tree, changed, faults: RefCell::default() }
    }

    /// Notes a fault unless `is_good`.
    fn expect(&self, is_good: bool, what: &str, output: &Output) {
        if !is_good {
            self.faults.borrow_mut().push(format!("{what}: {}", output.describe()));
        }
    }

    /// Notes every change outside, including times of change and new objects.
    fn check_outside(&self, output: &Output) {
        let found = read(&self.sandbox.path("outside"));
        let faults = differences(&self.outside, &found);
        self.expect(faults.is_empty(), &format!("{faults:?} outside"), output);
        self.expect(self.changed == changes(&found), "something outside was changed", output);
        let names = fs::read_dir(self.sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let strange: Vec<_> = names.filter(|name| !KNOWN.iter().any(|known| *name == **known)).collect();
        self.expect(strange.is_empty(), &format!("{strange:?} should not be there"), output);
        self.expect(!Path::new(super::ABSOLUTE).exists(), super::ABSOLUTE, output);
    }

    /// Runs a command, which must end without a panic, within its memory, and print nothing that disturbs a
    /// terminal.
    fn run<A: AsRef<OsStr>>(&self, words: &[A]) -> Output {
        let running = self.sandbox.start(words);
        running.limit_address_space(ADDRESS_BYTES_MAX);
        let memory = running.watch_memory();
        let output = running.wait();
        let peak = memory.join().unwrap();
        self.expect(peak < MEMORY_BYTES_MAX, &format!("it took {} MiB", peak >> 20), &output);
        self.expect(output.code.is_some_and(|code| CODES.contains(&code)), "another exit code", &output);
        let is_json = words.iter().any(|word| word.as_ref() == "--json");
        // Each setting that failed is a warning, and makes the restore incomplete.
        let is_incomplete = output.code == Some(3) && output.stderr.contains("warning: ");
        let is_told = is_json
            || is_incomplete
            || output.stderr.contains("error: ")
            || output.stdout.starts_with(b"damage: ");
        self.expect(output.code == Some(0) || is_told, "it does not say why", &output);
        // Contents and names are written to a pipe unchanged.
        let is_raw = ["cat", "ls", "diff"].iter().any(|command| words[0].as_ref() == *command);
        let stdout = if is_raw { b"" } else { output.stdout.as_slice() };
        let disturbs = |byte: &u8| byte.is_ascii_control() && *byte != b'\n';
        let is_safe = !output.stderr.bytes().any(|byte| disturbs(&byte)) && !stdout.iter().any(disturbs);
        self.expect(is_safe, "control characters", &output);
        self.check_outside(&output);
        output
    }
}

impl Drop for Guarded {
    /// The standard library cannot remove deep trees, because it opens all their directories at once.
    fn drop(&mut self) {
        let targets =
            ["source", "existing", "fresh", "again", "nobody", "new"].map(|name| self.sandbox.path(name));
        drop(Command::new("rm").arg("-rf").args(targets).status());
    }
}

fn changes(tree: &Tree) -> Vec<(i64, i64)> {
    tree.values().map(|object| object.changed).collect()
}

/// Forges the repository of a cell and runs all commands on it.
pub(super) fn run(cell: &Cell) {
    let guarded = Guarded::new();
    let mut forge = Forge::new(&guarded.sandbox);
    (cell.forge)(&mut forge);
    drop(forge);
    for words in [
        &["snapshots"][..],
        &["snapshots", "--json"],
        &["ls", "-R", "latest"],
        &["ls", "-R", "--long", "latest"],
        &["ls", "latest:a"],
        &["cat", "latest:file"],
        &["cat", "latest:link/file"],
        &["diff", "latest~1", "latest"],
        &["check"],
    ] {
        guarded.run(words);
    }
    let check = guarded.run(&["check", "--read-data"]);
    guarded.expect(check.code == Some(cell.check), "another exit code of check", &check);
    restore(cell, &guarded);
    back_up(cell, &guarded);
    let faults = guarded.faults.take();
    assert!(faults.is_empty(), "{}:\n{}", cell.name, faults.join("\n---\n"));
}

fn restore(cell: &Cell, guarded: &Guarded) {
    let fresh = guarded.run(&["restore", "latest", "--target", "fresh", "--verify"]);
    guarded.expect(fresh.code == Some(cell.restore), "another exit code of restore", &fresh);
    guarded.expect(fresh.stderr.contains(cell.says), &format!("it does not say {:?}", cell.says), &fresh);
    // Over the program's own restore, including links, and over the prepared target.
    guarded.run(&["restore", "latest", "--target", "fresh", "--delete"]);
    guarded.run(&["restore", "latest", "--target", "existing"]);
    guarded.run(&["restore", "latest", "--target", "existing", "--delete", "--verify"]);
    guarded.run(&["restore", "latest", "--target", "existing", "--incremental", "--delete"]);
    guarded.run(&["restore", "latest:directory", "--target", "again"]);
    guarded.run(&["restore", "latest", "--in-place", "--delete"]);
    if is_root() {
        as_nobody(guarded);
    }
}

/// Restores as a user with fewer permissions, whom the kernel stops in other cases.
fn as_nobody(guarded: &Guarded) {
    let nobody = |path: &Path| std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
    let sandbox = &guarded.sandbox;
    fs::create_dir(sandbox.path("nobody")).unwrap();
    for path in ["nobody", "home/config", "home/config/icecore", "home/config/icecore/keys"] {
        nobody(&sandbox.path(path));
    }
    nobody(&sandbox.key_file());
    let output = run_command(sandbox.command_as_nobody(&["restore", "latest", "--target", "nobody/target"]));
    guarded.expect(output.code.is_some_and(|code| CODES.contains(&code)), "another exit code", &output);
    guarded.check_outside(&output);
}

/// Another backup succeeds, and its restore matches its source.
fn back_up(cell: &Cell, guarded: &Guarded) {
    let source = guarded.sandbox.source("");
    fs::remove_dir_all(&source).unwrap();
    fs::create_dir(&source).unwrap();
    for name in ["a", "file", "new", "link"] {
        guarded.sandbox.write(name, format!("content of {name}"));
    }
    let backup = guarded.run(&["backup", "source"]);
    if !cell.opens {
        return guarded.expect(backup.code != Some(0), "it opens", &backup);
    }
    guarded.expect(backup.code == Some(0), "no backup", &backup);
    let restored = guarded.run(&["restore", "source@latest", "--target", "new"]);
    guarded.expect(restored.code == Some(0), "the backup cannot be restored", &restored);
    if restored.code == Some(0) {
        let faults = differences(&read(&source), &read(&guarded.sandbox.path("new")));
        guarded.expect(faults.is_empty(), &format!("{faults:?} after the backup"), &restored);
    }
}
