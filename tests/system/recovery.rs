//! A blank machine, a bucket and one key: `docs/recovery.md`, command by command; and replicas that lack
//! objects.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use s3_test_server::{ServerOptions, TestServer};
use serde_json::Value;

use crate::harness::{KmsServer, Output, Random, Sandbox, Tree, assert_same, bytes, read, run_command, text};

const DOCUMENT: &str = include_str!("../../docs/recovery.md");
const ORIGINAL: &str = "backup-bucket";
const REPLICA: &str = "replica-bucket";
const PASSWORD: &str = "correct horse battery staple";

/// The servers that outlive the machine.
struct World {
    s3: TestServer,
    kms: KmsServer,
}

impl World {
    fn new() -> Self {
        let buckets = [ORIGINAL, REPLICA].map(str::to_owned).to_vec();
        let s3 = TestServer::start(&ServerOptions { buckets, ..ServerOptions::default() }).unwrap();
        Self { s3, kms: KmsServer::start() }
    }

    /// Returns a machine with nothing except the program.
    fn blank_machine(&self, bucket: &str) -> Sandbox {
        let mut sandbox = Sandbox::in_memory();
        sandbox.use_repository(format!("s3://{bucket}/web1").into());
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKTEST"),
            ("AWS_SECRET_ACCESS_KEY", "SKTEST"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL_S3", &self.s3.url()),
            ("AWS_ENDPOINT_URL_KMS", &self.kms.url()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            sandbox.set(name, value);
        }
        sandbox
    }

    /// Replicates all objects for which `arrives` is true, and replaces the previous replica.
    fn replicate(&self, arrives: impl Fn(&str) -> bool) {
        self.s3.keys(REPLICA).iter().for_each(|key| self.s3.remove(REPLICA, key));
        for key in self.s3.keys(ORIGINAL).iter().filter(|key| arrives(key)) {
            self.s3.plant(REPLICA, key, &self.s3.object(ORIGINAL, key).unwrap());
        }
    }
}

/// Makes a repository on a machine that is lost later. Returns its states, and the ids of the snapshots of
/// `etc`.
fn back_up(machine: &Sandbox, key: &[&str], changes: u64) -> (Vec<Tree>, Vec<String>) {
    machine.run(&[&["init"], key].concat()).expect(0);
    let mut states = Vec::new();
    for change in 0..changes {
        machine.write("hosts", format!("127.0.0.1 localhost-{change}\n"));
        machine.write("log", text(1, 200_000 + 40_000 * usize::try_from(change).unwrap()));
        for number in 0..4 {
            machine.write(&format!("part-{number}/data"), bytes(change * 10 + number, 700_000));
            machine.write(&format!("part-{number}/steady"), bytes(1_000 + number, 200_000));
        }
        states.push(read(&machine.source("")));
        machine.run(&[&["backup", "source", "--name", "etc", "--pack-size", "1MiB"], key].concat()).expect(0);
    }
    machine.run(&[&["backup", "source", "--name", "home"], key].concat()).expect(0);
    let list = machine.json(&[&["snapshots", "--source", "etc"], key].concat());
    let ids = list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    (states, ids)
}

/// Returns the blocks marked `sh` between each of these headings and the next heading, in the order of the
/// document.
fn commands(headings: &[&str]) -> String {
    let mut script = String::new();
    let mut found = BTreeSet::new();
    let (mut is_wanted, mut is_block) = (false, false);
    for line in DOCUMENT.lines() {
        if let Some(heading) = line.strip_prefix('#').filter(|_| !is_block) {
            let heading = heading.trim_start_matches('#').trim();
            is_wanted = headings.contains(&heading);
            found.extend(headings.iter().filter(|wanted| **wanted == heading).copied());
        } else if line.starts_with("```") {
            is_block = line == "```sh";
        } else if is_wanted && is_block {
            script.push_str(line);
            script.push('\n');
        }
    }
    assert_eq!(found.len(), headings.len(), "not all of {headings:?} are in the document");
    script
}

/// Runs a script on a machine, with `icecore` in the path and `typed` on the keyboard.
fn run_script(machine: &Sandbox, script: &str, typed: &str) -> Output {
    fs::write(machine.path("typed"), typed).unwrap();
    let prelude = "mkdir -p bin; ln -sf \"$1\" bin/icecore; PATH=$PWD/bin:$PATH; exec < typed\n\
                   unset ICECORE_REPOSITORY\n";
    fs::write(machine.path("script"), format!("{prelude}{script}")).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-eu", "script"]);
    run_command(machine.through::<&str>(shell, &[]))
}

const BEFORE: [&str; 2] = ["1. Install the program", "2. Say where the repository is"];
const BEHIND: [&str; 3] = ["4. See what there is", "5. Restore", "6. Afterwards"];

/// Follows the document on a blank machine, in a separate shell for each part after unlocking; `old` is the
/// id of the key that is replaced.
fn follow(blank: &Sandbox, way: &str, typed: &str, old: &str) {
    let prepared = commands(&[&BEFORE[..], &[way]].concat());
    for part in BEHIND {
        let script = commands(&[part]).replace("remove ID", &format!("remove {old}"));
        run_script(blank, &(prepared.clone() + &script), typed).expect(0);
    }
}

/// Returns the id of the only key of the repository.
fn only_key(machine: &Sandbox, key: &[&str]) -> String {
    let list = machine.json(&[&["key", "list"], key].concat());
    assert_eq!(list.as_array().unwrap().len(), 1, "{list:#}");
    list[0]["id"].as_str().unwrap().to_owned()
}

/// Loses a machine, and follows the document on a blank one.
fn recover(way: &str, key: &[&str], prepare: impl Fn(&Sandbox, &Sandbox)) {
    let world = World::new();
    let lost = world.blank_machine(ORIGINAL);
    fs::write(lost.path("password"), format!("{PASSWORD}\n")).unwrap();
    let (states, _) = back_up(&lost, key, 2);
    let blank = world.blank_machine(ORIGINAL);
    prepare(&lost, &blank);
    let old = only_key(&lost, key);
    drop(lost);
    follow(&blank, way, &format!("{PASSWORD}\n"), &old);
    for source in ["etc", "home"] {
        assert_same(&states[1], &read(&blank.path(&format!("restored/{source}"))));
    }
    // The new key opens it, and the old one does not.
    blank.run(&["snapshots", "--key-file", "web1-new.key"]).expect(0);
    let old = if blank.path("password.txt").exists() {
        ["--password-file", "password.txt"]
    } else {
        ["--key-file", "web1.key"]
    };
    blank.run(&[&["snapshots"][..], &old].concat()).expect(12);
}

#[test]
fn a_password_brings_everything_back_as_the_document_says() {
    recover("With a password", &["--password-file", "password"], |_, _| {});
}

#[test]
fn a_key_file_brings_everything_back_as_the_document_says() {
    let key = ["--key-file", "web1.key"];
    recover("With a key file", &key, |lost, blank| {
        let text = fs::read_to_string(lost.path("web1.key")).unwrap();
        // As from paper: only the lines that have to be typed.
        let typed = text.lines().filter(|line| line.starts_with("secret") || line.starts_with("check"));
        fs::write(blank.path("web1.key"), typed.collect::<Vec<_>>().join("\n")).unwrap();
    });
}

#[test]
fn a_key_of_kms_brings_everything_back_as_the_document_says() {
    let world = World::new();
    let lost = world.blank_machine(ORIGINAL);
    lost.run(&["init", "--kms", KmsServer::KEY]).expect(0);
    lost.write("hosts", "127.0.0.1 localhost\n");
    let state = read(&lost.source(""));
    for name in ["etc", "home"] {
        lost.run(&["backup", "source", "--name", name]).expect(0);
    }
    let doctor = lost.run(&["doctor"]).expect(0);
    let warning = "only AWS KMS in eu-central-1, the region of the bucket, unlocks the repository";
    assert!(doctor.text().contains(warning), "{}", doctor.describe());
    // A replica in another region is unlocked in the region of the key.
    world.replicate(|_| true);
    let mut elsewhere = world.blank_machine(REPLICA);
    elsewhere.set("AWS_REGION", "eu-west-1");
    elsewhere.run(&["snapshots"]).expect(0);
    let blank = world.blank_machine(ORIGINAL);
    follow(&blank, "With a key of AWS KMS", "", &only_key(&lost, &[]));
    assert_same(&state, &read(&blank.path("restored/etc")));
    blank.run(&["snapshots", "--key-file", "web1-new.key"]).expect(0);
    let doctor = blank.run(&["doctor"]).expect(0);
    assert!(!doctor.text().contains("AWS KMS in"), "{}", doctor.describe());
    blank.run(&["snapshots"]).expect(12);
}

#[test]
fn a_replica_is_used_like_the_original_and_its_newest_whole_snapshot_is_named() {
    let world = World::new();
    let lost = world.blank_machine(ORIGINAL);
    let (states, ids) = back_up(&lost, &["--key-file", "web1.key"], 2);
    let runs = lost.json(&["snapshots", "--source", "etc", "--key-file", "web1.key"]);
    let machine = world.blank_machine(REPLICA);
    fs::copy(lost.path("web1.key"), machine.path("web1.key")).unwrap();
    let way = [&BEFORE[..], &["With a key file", "From a replica bucket"]].concat();
    world.replicate(|_| true);
    run_script(&machine, &commands(&way), "").expect(0);
    // The newest snapshot of `etc` does not arrive; the document continues with the one before it.
    let (run, host) = (runs[1]["run"].as_str().unwrap(), runs[1]["host"].as_str().unwrap());
    world.replicate(|key| !key.ends_with(run));
    let output = run_script(&machine, &commands(&way), "").expect(20);
    let expected = format!("etc (host {host}): {} of ", ids[0]);
    let line = output.text().lines().find(|line| line.contains(&expected));
    assert!(line.is_some_and(|line| line.ends_with("(1 newer snapshot missing)")), "{}", output.describe());
    let restore = commands(&["From a replica that is not complete"]).replace("ID", &ids[0]);
    let way = [&BEFORE[..], &["With a key file"]].concat();
    let script = format!("{}export ICECORE_REPOSITORY=s3://{REPLICA}/web1\n{restore}", commands(&way));
    run_script(&machine, &script, "").expect(0);
    assert_same(&states[0], &read(&machine.path("restored/etc")));
}

#[test]
fn what_nothing_can_be_read_without_is_named() {
    let world = World::new();
    let machine = world.blank_machine(ORIGINAL);
    let key = ["--key-file", "web1.key"];
    back_up(&machine, &key, 1);
    let mut other = world.blank_machine(REPLICA);
    other.set("ICECORE_KEY_FILE", machine.path("web1.key").to_str().unwrap());
    other.run(&["check"]).expect(10);
    world.replicate(|key| key != "web1/icecore");
    for command in ["check", "snapshots"] {
        other.run(&[command]).expect(20).says("the header of the repository").says("still being replicated");
    }
    let doctor = other.run(&["doctor"]).expect(1);
    assert!(
        doctor.text().contains("BAD   repository: the header of the repository"),
        "{}",
        doctor.describe()
    );
    world.replicate(|key| !key.starts_with("web1/meta/keys/"));
    other.run(&["check"]).expect(20).says("key slot").says("still being replicated");
    world.replicate(|key| !key.starts_with("web1/meta/index/"));
    other.run(&["check"]).expect(0);
}

#[test]
fn every_check_that_finds_something_names_the_newest_whole_snapshots() {
    let sandbox = Sandbox::with_repository();
    let ids: Vec<String> = (0..3)
        .map(|number| {
            sandbox.write("file", text(number, 100_000));
            sandbox.backup(&[])["snapshot"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let healthy = sandbox.run(&["check"]).expect(0);
    assert!(!healthy.text().contains("newest snapshot"), "{}", healthy.describe());
    // An old pack that the newer snapshots do not need, and the log: the newest snapshot is whole both times.
    let run = ids[0].as_str();
    let pack =
        sandbox.objects("data").into_iter().find(|path| path.to_str().unwrap().contains(&format!("{run}-")));
    let pack = sandbox.path("repository").join(pack.unwrap());
    let content = fs::read(&pack).unwrap();
    fs::remove_file(&pack).unwrap();
    let named = format!("source (host {}): {} of ", host(&sandbox), ids[2]);
    for what in ["damage: pack-missing data/", "damage: older-than-seen: "] {
        let output = sandbox.run(&["check"]).expect(20);
        let text = output.text();
        assert!(text.contains(what), "{}", output.describe());
        let (_, end) =
            text.split_once("newest snapshot of each source that can be restored in full:\n").unwrap();
        assert!(end.contains(&named) && end.contains("to restore one: icecore restore ID"), "{end}");
        assert!(!text.contains("in the log yet"), "{}", output.describe());
        fs::write(&pack, &content).unwrap();
        fs::remove_dir_all(sandbox.path("repository/meta/log")).unwrap_or_default();
    }
}

fn host(sandbox: &Sandbox) -> String {
    sandbox.json(&["snapshots"])[0]["host"].as_str().unwrap().to_owned()
}

/// Parts of a repository that may lack objects, with the probability in percent that an object is missing.
const PARTS: [(&str, u64); 5] =
    [("data/", 12), ("meta/packs/", 10), ("meta/manifest/", 15), ("meta/snapshots/", 30), ("meta/log/", 30)];

/// Returns the objects that do not arrive in a trial, which spares some parts. Positions in the list decide,
/// because names are random.
fn delayed(keys: &[String], trial: u64) -> BTreeSet<String> {
    let mut random = Random::new(trial);
    let spared = random.below(1 << PARTS.len());
    let mut is_delayed = |key: &&String| {
        let part = PARTS.iter().position(|(part, _)| key.starts_with(&format!("web1/{part}")));
        let chance = random.below(100);
        part.is_some_and(|part| spared >> part & 1 == 0 && chance < PARTS[part].1)
    };
    keys.iter().filter(|key| is_delayed(key)).cloned().collect()
}

#[test]
fn of_any_part_of_a_replica_the_newest_snapshot_that_restores_is_found() {
    let world = World::new();
    let machine = world.blank_machine(ORIGINAL);
    let key = ["--key-file", "web1.key"];
    let (states, ids) = back_up(&machine, &key, 3);
    let mut counts = (0, 0, 0);
    for trial in 1..=16 {
        let delayed = delayed(&world.s3.keys(ORIGINAL), trial);
        world.replicate(|key| !delayed.contains(key));
        let mut other = world.blank_machine(REPLICA);
        other.set("ICECORE_KEY_FILE", machine.path("web1.key").to_str().unwrap());
        let output = other.run(&["check", "--json"]).expect_any(&[0, 20]);
        let check = output.json();
        assert_missing_is_named(&world, &check, trial);
        let listed = other.snapshots();
        let restorable: Vec<&String> = ids.iter().filter(|id| listed.contains(id)).collect();
        let mut newest = None;
        for id in restorable {
            let state = &states[ids.iter().position(|other| other == id).unwrap()];
            let judged = of_snapshot(&check, id)["restorable"] == true;
            let restored = other.run(&["restore", id, "--target", id]).expect_any(&[0, 20]);
            assert_eq!(judged, restored.code == Some(0), "trial {trial}, {id}: {}", restored.describe());
            if judged {
                assert_same(state, &read(&other.path(id)));
                newest = Some(id.as_str());
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
        let of_etc = check["newest_restorable"].as_array().unwrap().iter().find(|one| one["source"] == "etc");
        let offered = of_etc.and_then(|one| one["id"].as_str());
        assert_eq!(offered, newest, "trial {trial}: {check:#}");
        counts.2 += u32::from(offered.is_some_and(|id| id != ids[2]));
    }
    assert!(counts.0 >= 5 && counts.1 >= 5 && counts.2 >= 1, "the trials are too much alike: {counts:?}");
}

fn of_snapshot<'a>(check: &'a Value, id: &str) -> &'a Value {
    let found = check["snapshots"].as_array().unwrap().iter().find(|snapshot| snapshot["id"] == id);
    found.unwrap_or_else(|| panic!("nothing about {id}: {check:#}"))
}

/// Fails unless the check names missing packs that have a directory, and missing snapshots that the log
/// names.
fn assert_missing_is_named(world: &World, check: &Value, trial: u64) {
    let there: BTreeSet<String> = world.s3.keys(REPLICA).into_iter().collect();
    let missing: Vec<String> =
        world.s3.keys(ORIGINAL).into_iter().filter(|key| !there.contains(key)).collect();
    let problems = check["problems"].as_array().unwrap();
    let has = |kind: &str, object: &str| {
        problems.iter().any(|problem| problem["kind"] == kind && problem["object"] == object)
    };
    for key in missing.iter().filter_map(|key| key.strip_prefix("web1/")) {
        let name = PathBuf::from(key).file_name().unwrap().to_str().unwrap().to_owned();
        let has_directory = there.contains(&format!("web1/meta/packs/{name}"));
        if (key.starts_with("data/") || key.starts_with("meta/manifest/")) && has_directory {
            assert!(has("pack-missing", key), "trial {trial}: {key} is not named: {check:#}");
        }
        if key.starts_with("meta/packs/") {
            assert_eq!(check["healthy"], false, "trial {trial}: {key}: {check:#}");
        }
    }
    let logs = there.iter().filter(|key| key.starts_with("web1/meta/log/")).count();
    let all_logs = world.s3.keys(ORIGINAL).iter().filter(|key| key.starts_with("web1/meta/log/")).count();
    for key in missing.iter().filter_map(|key| key.strip_prefix("web1/meta/snapshots/")) {
        let losses = check["losses"].as_array().unwrap();
        let is_named = losses.iter().any(|loss| loss["run"] == key);
        assert!(is_named || logs < all_logs, "trial {trial}: {key} is not named: {check:#}");
    }
}
