//! The repository that is damaged, and the commands that run on it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::harness::{Output, Sandbox, Tree, bytes, read, text};

/// Commands, in an order in which none helps another one before it is checked.
pub(super) const COMMANDS: [&str; 7] =
    ["snapshots", "ls", "check", "restore", "backup", "restore of that", "restore of a group"];
/// Commands that repair as much as possible, one after the other.
pub(super) const REMEDIES: [&str; 5] =
    ["check --repair", "check", "restore", "backup and check --repair", "restore of all"];
/// Allowed exit codes of a command.
const CODES: [i32; 5] = [0, 1, 10, 12, 20];

/// A repository of two sources with several packs, as bytes, to be reused as a starting point.
pub(super) struct Original {
    sandbox: Sandbox,
    objects: Vec<(PathBuf, Vec<u8>)>,
    /// Key slot of the key that the commands use.
    slot: PathBuf,
    /// A snapshot object that is complete now, and its content while it was pending.
    pending: (PathBuf, Vec<u8>),
}

pub(super) fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

impl Original {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        sandbox.run(&["init"]).expect(0);
        let slot = sandbox.objects("meta/keys").remove(0);
        sandbox.run(&["key", "add", "--new-key-file", "other-key"]).expect(0);
        for number in 0..6 {
            sandbox.write(&format!("one/file-{number}"), bytes(number, 400_000));
            sandbox.write(&format!("two/file-{number}"), bytes(100 + number, 300_000));
        }
        for number in 0..200 {
            sandbox.write(&format!("one/small/{number}"), text(number, 300));
        }
        for source in ["source/one", "source/two"] {
            sandbox.run(&["backup", source, "--pack-size", "1MiB"]).expect(0);
        }
        let pending = stream(&sandbox);
        let objects = sandbox.objects("").into_iter().filter(|path| !path.starts_with("+lock"));
        let objects = objects.map(|path| {
            let content = fs::read(sandbox.repository().join(&path)).unwrap();
            (path, content)
        });
        let objects = objects.collect();
        Self { sandbox, objects, slot, pending }
    }

    /// Returns the paths of the objects of a kind, the damaged one first.
    pub(super) fn objects_of(&self, prefix: &str) -> Vec<PathBuf> {
        let mut objects = self.sandbox.objects(prefix);
        objects.sort_by_key(|path| *path != self.slot);
        objects.iter().map(|path| self.sandbox.repository().join(path)).collect()
    }

    /// Replaces a newer state with an older one: of the same object if possible, otherwise of the same kind.
    pub(super) fn replay(&self, prefix: &str, objects: &[PathBuf]) {
        match prefix {
            "icecore" => replace(&objects[0], &foreign_header()),
            "meta/snapshots/" => {
                replace(&self.sandbox.repository().join(&self.pending.0), &self.pending.1);
            }
            _ => replace(objects.last().unwrap(), &fs::read(&objects[0]).unwrap()),
        }
    }

    /// Restores the original repository, without a cache and without restored files.
    pub(super) fn reset(&self) {
        self.sandbox.put_back(self.objects.iter().map(|(path, content)| (path, content)));
        for target in ["restored-one", "restored-two", "restored-again", "restored-group"] {
            if self.sandbox.path(target).exists() {
                fs::remove_dir_all(self.sandbox.path(target)).unwrap();
            }
        }
    }

    /// Fills the cache.
    pub(super) fn fill_cache(&self) {
        self.sandbox.run(&["snapshots"]).expect(0);
        self.sandbox.run(&["ls", "one@latest"]).expect(0);
    }

    /// Runs every command over a damaged repository; returns the codes.
    pub(super) fn run_all(&self, shown: &str) -> [i32; COMMANDS.len()] {
        let run = |words: &[&str]| code(shown, &self.sandbox.run(words));
        let (snapshots, list) = (run(&["snapshots"]), run(&["ls", "-R", "one@latest"]));
        run(&["cat", "one@latest:file-1"]);
        run(&["diff", "one@latest", "two@latest"]);
        let check = run(&["check", "--read-data"]);
        let restore =
            self.restore(shown, "one", "restored-one").max(self.restore(shown, "two", "restored-two"));
        let backup = run(&["backup", "source/one", "--level", "full", "--pack-size", "1MiB"]);
        let again = if backup == 0 { self.restore(shown, "one", "restored-again") } else { backup };
        let group =
            run(&["backup", "source/one", "--level", "full", "--dedup", "group", "--pack-size", "1MiB"]);
        let group = if group == 0 { self.restore(shown, "one", "restored-group") } else { group };
        [snapshots, list, check, restore, backup, again, group]
    }

    /// Repairs a damaged repository, backs up the sources, and repairs again; returns the codes.
    pub(super) fn repair(&self, shown: &str) -> [i32; REMEDIES.len()] {
        let run = |words: &[&str]| code(shown, &self.sandbox.run(words));
        let restore =
            |one: &str, two: &str| self.restore(shown, "one", one).max(self.restore(shown, "two", two));
        let repair = run(&["check", "--repair", "--read-data"]);
        let check = run(&["check", "--read-data"]);
        let restored = restore("restored-one", "restored-two");
        for source in ["source/one", "source/two"] {
            run(&["backup", source, "--level", "full", "--pack-size", "1MiB"]);
        }
        let again = run(&["check", "--repair", "--read-data"]);
        [repair, check, restored, again, restore("restored-again", "restored-group")]
    }

    /// Restores a source: all restored data is correct, and code 0 means that everything was restored.
    fn restore(&self, shown: &str, source: &str, target: &str) -> i32 {
        let output = self.sandbox.run(&["restore", &format!("{source}@latest"), "--target", target]);
        let code = code(shown, &output);
        let expected = read(&self.sandbox.source(source));
        let target = self.sandbox.path(target);
        let found = if target.exists() { read(&target) } else { Tree::new() };
        for (path, object) in &found {
            let path_text = String::from_utf8_lossy(path);
            let Some(expected) = expected.get(path) else { panic!("{shown}: {path_text} came from nowhere") };
            let is_right = object.content == expected.content;
            assert!(is_right, "{shown}: {path_text} is wrong: {}", output.describe());
        }
        let is_whole = found.len() == expected.len();
        assert!(is_whole || code != 0, "{shown}: something is missing: {}", output.describe());
        code
    }
}

/// Returns the exit code of a command; a failed command must have said why.
fn code(shown: &str, output: &Output) -> i32 {
    let code = output.code.unwrap_or(-1);
    assert!(CODES.contains(&code), "{shown}: {}", output.describe());
    // The findings of a check are its result.
    let found = String::from_utf8_lossy(&output.stdout);
    let says = output.stderr.contains("error: ") || found.contains("DAMAGE") || found.contains(" LOST");
    assert!(code == 0 || says, "{shown}: {}", output.describe());
    code
}

/// Returns the header of another repository.
pub(super) fn foreign_header() -> Vec<u8> {
    let other = Sandbox::in_memory();
    other.run(&["init"]).expect(0);
    fs::read(other.repository().join("icecore")).unwrap()
}

/// Backs up a stream; returns its snapshot object as it was while the stream was read.
fn stream(sandbox: &Sandbox) -> (PathBuf, Vec<u8>) {
    let before = sandbox.objects("meta/snapshots");
    let (running, pipe) = sandbox.start_with_pipe(&["backup", "--stdin", "stream", "--allow-empty"]);
    loop {
        let new = sandbox.objects("meta/snapshots").into_iter().find(|path| !before.contains(path));
        if let Some(path) = new {
            let pending = fs::read(sandbox.repository().join(&path)).unwrap();
            drop(pipe);
            running.wait().expect(0);
            return (path, pending);
        }
        if let Some(ended) = running.wait_for(Duration::from_millis(2)) {
            panic!("it ended too early: {}", ended.describe());
        }
    }
}
