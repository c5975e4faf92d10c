//! `check --repair`: each kind of object, damaged in each way, is repaired. The next backup stores the data
//! again that the source still has, and then the repository is complete again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::harness::{Sandbox, Tree, assert_same, bytes, read, text};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Flip,
    Truncate,
    Empty,
    Remove,
    Swap,
}

const DAMAGES: [Damage; 5] = [Damage::Flip, Damage::Truncate, Damage::Empty, Damage::Remove, Damage::Swap];

impl Damage {
    /// Damages the first of `objects`; `Swap` exchanges it with the second.
    fn make(self, objects: &[PathBuf]) {
        let mut content = fs::read(&objects[0]).unwrap();
        let middle = content.len() / 2;
        match self {
            Self::Flip => content[middle] ^= 0x10,
            Self::Truncate => content.truncate(middle),
            Self::Empty => content.clear(),
            Self::Remove => return fs::remove_file(&objects[0]).unwrap(),
            Self::Swap => {
                let other = fs::read(&objects[1]).unwrap();
                replace(&objects[1], &content);
                content = other;
            }
        }
        replace(&objects[0], &content);
    }
}

fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

/// A repository with two snapshots of each of two sources, as bytes, to be reused as a starting point.
struct Original {
    sandbox: Sandbox,
    objects: BTreeMap<PathBuf, Vec<u8>>,
    /// What each snapshot must restore to, by its id.
    trees: BTreeMap<String, Tree>,
    /// Snapshots of the present sources.
    newest: Vec<String>,
}

impl Original {
    fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        sandbox.run(&["init"]).expect(0);
        for source in ["one", "two"] {
            let seed = source.len() as u64 + u64::from(source.as_bytes()[0]);
            for number in 0..5 {
                sandbox.write(&format!("{source}/file-{number}"), bytes(seed + number, 500_000));
            }
            for number in 0..60 {
                sandbox.write(&format!("{source}/small/{number}"), text(seed + number, 2_000));
            }
        }
        let (mut trees, mut newest) = (BTreeMap::new(), Vec::new());
        for day in 1..=2 {
            for source in ["one", "two"] {
                sandbox.write(&format!("{source}/day"), format!("day {day} of {source}"));
                let path = format!("source/{source}");
                let done = sandbox.json(&["backup", &path, "--pack-size", "1MiB"]);
                let id = done["sources"][0]["snapshot"]["id"].as_str().unwrap().to_owned();
                if day == 2 {
                    newest.push(id.clone());
                }
                trees.insert(id, read(&sandbox.source(source)));
            }
        }
        let objects = contents(&sandbox);
        Self { sandbox, objects, trees, newest }
    }

    /// Restores the original repository, with or without a catalogue.
    fn reset(&self, with_cache: bool) {
        self.sandbox.put_back(&self.objects);
        if with_cache {
            self.sandbox.run(&["snapshots"]).expect(0);
        }
    }

    /// Restores all snapshots: everything that is restored is correct, and those of `whole` are restored
    /// completely. Returns the number of restored files of each.
    fn restore_all(&self, shown: &str, whole: &[String]) -> BTreeMap<String, usize> {
        let ids = self.sandbox.snapshots();
        let mut counts = BTreeMap::new();
        for (id, expected) in self.trees.iter().filter(|(id, _)| ids.contains(id)) {
            let target = self.sandbox.path("restored");
            let output = self.sandbox.run(&["restore", id, "--target", "restored"]);
            assert!(output.code == Some(0) || output.code == Some(20), "{shown}: {}", output.describe());
            let found = if target.exists() { read(&target) } else { Tree::new() };
            for (path, object) in &found {
                let wanted = expected.get(path).map(|wanted| &wanted.content);
                assert!(Some(&object.content) == wanted, "{shown}: {path:?} is wrong: {}", output.describe());
            }
            if output.code == Some(0) || whole.contains(id) {
                assert_eq!(output.code, Some(0), "{shown}: {}", output.describe());
                assert_same(expected, &found);
            }
            counts.insert(id.clone(), found.len());
            if target.exists() {
                fs::remove_dir_all(&target).unwrap();
            }
        }
        counts
    }

    /// Damages a repository, repairs it, backs up into it, and compares everything.
    fn run(&self, kind: &str, damage: Damage, with_cache: bool) {
        let shown = format!("{kind} {damage:?}{}", if with_cache { " with a cache" } else { "" });
        let sandbox = &self.sandbox;
        self.reset(with_cache);
        let objects = sandbox.objects(kind);
        damage.make(&objects.iter().map(|path| sandbox.repository().join(path)).collect::<Vec<_>>());
        let before = self.restore_all(&shown, &[]);
        let objects_before = contents(sandbox);

        let dry = sandbox.run(&["check", "--read-data", "--repair", "--dry-run", "--json"]);
        let plan = dry.json();
        assert_eq!(plan["repair"]["dry_run"], true, "{shown}");
        assert!(contents(sandbox) == objects_before, "{shown}: a dry run changed something");

        let repaired = sandbox.run(&["check", "--read-data", "--repair", "--json"]);
        let report = repaired.json();
        assert_eq!(report["repair"]["steps"], plan["repair"]["steps"], "{shown}");
        assert_eq!(repaired.code, Some(if report["healthy"] == true { 0 } else { 20 }), "{shown}");
        self.assert_nothing_deleted(&shown, &objects_before, &report);
        for (id, files) in self.restore_all(&shown, &whole_ones(&report)) {
            assert!(before.get(&id).is_none_or(|before| files >= *before), "{shown}: snapshot {id}");
        }
        self.assert_marks(&shown, &report);

        // Both sources still have everything from the second day. The log misses a snapshot that somebody
        // removed, but not one that the repair moved into quarantine.
        let is_removed = kind == "meta/snapshots/" && damage == Damage::Remove;
        let backup = sandbox.run(&["backup", "source/one", "source/two", "--pack-size", "1MiB"]);
        assert_eq!(backup.code, Some(if is_removed { 20 } else { 0 }), "{shown}: {}", backup.describe());
        let after = sandbox.run(&["check", "--read-data", "--json"]).expect_any(&[0, 20]).json();
        let whole = whole_ones(&after);
        let ids = sandbox.snapshots();
        let is_current = |id: &String| self.newest.contains(id) || !self.trees.contains_key(id);
        for id in ids.iter().filter(|id| is_current(id)) {
            assert!(whole.contains(id), "{shown}: {after:#}");
        }
        assert!(whole_ones(&report).iter().all(|id| whole.contains(id)), "{shown}: {after:#}");
        let marked = sandbox.run(&["check", "--repair", "--json"]).expect_any(&[0, 20]).json();
        assert_eq!(whole_ones(&marked), whole, "{shown}");
        self.assert_marks(&shown, &marked);
        let lost = report["repair"]["snapshots_lost"].as_array().unwrap().len();
        let removed = usize::from(is_removed);
        assert_eq!(self.restore_all(&shown, &whole).len(), self.trees.len() - lost - removed, "{shown}");
    }

    /// Fails unless every previous object still exists: in its location, in quarantine, or after a move, in
    /// another location.
    fn assert_nothing_deleted(&self, shown: &str, before: &BTreeMap<PathBuf, Vec<u8>>, report: &Value) {
        let after = contents(&self.sandbox);
        // A marked snapshot is the same snapshot with other bytes.
        let is_marked = |path: &Path| path.starts_with("meta/snapshots") && after.contains_key(path);
        for (path, content) in before.iter().filter(|(path, _)| !is_marked(path)) {
            let is_there = after.values().any(|found| found == content);
            assert!(is_there, "{shown}: {} is gone: {report:#}", path.display());
        }
        for key in report["repair"]["quarantined"].as_array().unwrap() {
            assert!(after.contains_key(Path::new(key.as_str().unwrap())), "{shown}: {key}");
        }
    }

    /// Fails unless exactly the snapshots that have lost data are marked.
    fn assert_marks(&self, shown: &str, report: &Value) {
        let list = self.sandbox.json(&["snapshots", "--ignore-rollback"]);
        for checked in report["snapshots"].as_array().unwrap() {
            let listed = list.as_array().unwrap().iter().find(|one| one["id"] == checked["id"]).unwrap();
            assert_eq!(listed["damaged"], checked["restorable"] == false, "{shown}: {checked:#}");
        }
        let text = self.sandbox.run(&["snapshots", "--ignore-rollback"]).expect(0);
        let is_shown = text.text().contains("damaged");
        let is_hurt = report["snapshots"].as_array().unwrap().iter().any(|one| one["restorable"] == false);
        assert_eq!(is_shown, is_hurt, "{shown}: {}", text.describe());
    }
}

/// Returns the ids of the snapshots without damage according to a check.
fn whole_ones(report: &Value) -> Vec<String> {
    let snapshots = report["snapshots"].as_array().unwrap().iter();
    let whole = snapshots.filter(|snapshot| snapshot["restorable"] == true);
    whole.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns all objects except those that the local store keeps for itself.
fn contents(sandbox: &Sandbox) -> BTreeMap<PathBuf, Vec<u8>> {
    let objects = sandbox.objects("").into_iter().filter(|path| !path.to_string_lossy().starts_with('+'));
    objects.map(|path| (path.clone(), fs::read(sandbox.repository().join(path)).unwrap())).collect()
}

fn damage_all(kind: &str) {
    let original = Original::new();
    for damage in DAMAGES {
        for with_cache in [false, true] {
            original.run(kind, damage, with_cache);
        }
    }
}

#[test]
fn snapshots_are_repaired() {
    damage_all("meta/snapshots/");
}

#[test]
fn manifests_are_repaired() {
    damage_all("meta/manifest/");
}

#[test]
fn pack_directories_are_repaired() {
    damage_all("meta/packs/");
}

#[test]
fn packs_are_repaired() {
    damage_all("data/");
}

/// A sandbox with a snapshot of six files in packs of 1 MiB, one of which is damaged in the middle of a
/// block.
fn with_a_bad_pack() -> Sandbox {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    for number in 0..6 {
        sandbox.write(&format!("file-{number}"), bytes(number, 400_000));
    }
    sandbox.backup(&["--pack-size", "1MiB"]);
    let pack = sandbox.repository().join(&sandbox.objects("data")[0]);
    let mut content = fs::read(&pack).unwrap();
    content[500_000] ^= 1;
    replace(&pack, &content);
    sandbox
}

#[test]
fn what_is_hit_and_what_to_do_is_said() {
    let sandbox = with_a_bad_pack();
    let repository = sandbox.repository().display().to_string();
    let found = sandbox.run(&["check", "--read-data"]).expect(20);
    let pack = sandbox.objects("data")[0].file_name().unwrap().to_str().unwrap().to_owned();
    let id = sandbox.snapshots().remove(0);
    for line in [
        format!("pack {pack} is needed by 1 snapshot: {id}"),
        "cannot be restored in full".to_owned(),
        format!("  icecore check --repair --dry-run --read-data -r {repository}\n"),
        format!("  icecore check --repair --read-data -r {repository}\n"),
        format!("  icecore backup {} --name source -r {repository}\n", sandbox.source("").display()),
        format!("  icecore check --read-data -r {repository}\n"),
    ] {
        assert!(found.text().contains(&line), "{line}: {}", found.describe());
    }
    let planned = sandbox.run(&["check", "--repair", "--read-data", "--dry-run"]).expect(20);
    assert!(planned.text().contains("repair plan, not carried out yet:"), "{}", planned.describe());

    // Exactly as the report says, line for line.
    let report = sandbox.run(&["check", "--repair", "--read-data", "--json"]).expect(20).json();
    let next: Vec<&str> = report["next_commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["command"].as_str().unwrap())
        .collect();
    assert_eq!(next.len(), 2, "{next:?}");
    for line in next {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        sandbox.run(&words).expect(0);
    }
}

#[test]
fn a_restore_of_a_damaged_snapshot_brings_back_all_that_is_whole() {
    let sandbox = with_a_bad_pack();
    for is_repaired in [false, true] {
        if is_repaired {
            sandbox.run(&["check", "--read-data", "--repair"]).expect(20);
        }
        let output = sandbox.run(&["restore", "latest", "--target", "restored", "--json"]).expect(20);
        let report = output.json();
        let expected = read(&sandbox.source(""));
        let found = read(&sandbox.path("restored"));
        let problems = report["problems"].as_array().unwrap();
        let lost: Vec<&str> = problems.iter().map(|one| one["path"].as_str().unwrap()).collect();
        assert!(!lost.is_empty() && lost.len() < 6, "{report:#}");
        for (path, object) in &expected {
            let is_lost = lost.contains(&str::from_utf8(path).unwrap());
            let is_back = found.get(path).is_some_and(|found| found.content == object.content);
            assert_eq!(is_back, !is_lost, "{path:?}: {report:#}");
        }
        assert_eq!(output.stderr.contains("according to a repair"), is_repaired, "{}", output.describe());
        fs::remove_dir_all(sandbox.path("restored")).unwrap();
    }
}

#[test]
fn a_repair_that_loses_nothing_ends_well() {
    let sandbox = with_a_bad_pack();
    fs::remove_file(sandbox.repository().join(&sandbox.objects("meta/packs")[1])).unwrap();
    let pack = sandbox.objects("data").remove(0);
    let mut content = fs::read(sandbox.repository().join(&pack)).unwrap();
    content[500_000] ^= 1;
    // The end mark: everything in the pack opens.
    *content.last_mut().unwrap() ^= 1;
    replace(&sandbox.repository().join(&pack), &content);
    sandbox.run(&["check", "--read-data"]).expect(20);
    let done = sandbox.json(&["check", "--read-data", "--repair"]);
    assert_eq!((&done["healthy"], &done["repair"]["directories_rebuilt"]), (&true.into(), &1.into()));
    sandbox.check_all_data();
    let nothing = sandbox.json(&["check", "--read-data", "--repair"]);
    assert_eq!(nothing["repair"]["steps"], Value::Array(Vec::new()));
}

#[test]
fn samples_go_round() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    for number in 0..8 {
        sandbox.write(&format!("file-{number}"), bytes(number, 900_000));
    }
    sandbox.backup(&["--pack-size", "1MiB"]);
    let packs = sandbox.json(&["check"])["packs"].as_u64().unwrap();
    let (mut verified, mut checks) = (0, 0);
    while verified < packs {
        let report = sandbox.json(&["check", "--sample", "20%", "--within", "1h"]);
        let read = report["packs_verified"].as_u64().unwrap();
        assert!(read > 0 && read < packs, "{report:#}");
        verified += read;
        assert_eq!(report["packs_left"], packs - verified);
        checks += 1;
    }
    // A fifth of the bytes, and the pack that exceeds it: two packs of at most nine.
    assert!(checks >= 3, "{checks}");
    assert_eq!(sandbox.json(&["check", "--within", "1h"])["packs_read"], 0);
    // Without the records, everything is verified again.
    sandbox.delete_cache();
    assert_eq!(sandbox.json(&["check", "--within", "1h"])["packs_verified"], packs);
}

/// For most snapshots, the catalogue has the content of their objects in one bundle, and not the objects
/// themselves.
#[test]
fn one_of_many_snapshots_comes_back_from_the_catalogue() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    let sources: Vec<String> = (0..70).map(|number| format!("{number}")).collect();
    let mut backup = vec!["backup".to_owned()];
    for source in &sources {
        sandbox.write(&format!("{source}/file"), text(1, 100));
        backup.push(format!("source/{source}"));
    }
    sandbox.run(&backup.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    let before = sandbox.json(&["snapshots"]);
    for number in [0, 69] {
        Damage::Flip.make(&[sandbox.repository().join(&sandbox.objects("meta/snapshots/")[number])]);
    }
    let listed = sandbox.json(&["snapshots"]);
    assert_eq!(listed.as_array().unwrap().len(), 68);
    let report = sandbox.run(&["check", "--repair", "--json"]).expect(0).json();
    assert_eq!(report["repair"]["snapshots_lost"], Value::Array(Vec::new()), "{report:#}");
    assert_eq!(sandbox.json(&["snapshots"]), before);
}
