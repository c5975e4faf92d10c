//! Copies of snapshots in other repositories, with the whole program.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, symlink},
    path::Path,
    time::Duration,
};

use rustix::process::Signal;
use s3_test_server::{ServerOptions, TestServer};
use serde_json::Value;

use crate::harness::{Output, Sandbox, Tree, assert_same, bytes, read, text};

/// A sandbox with a repository and trees that were backed up into it.
struct Bed {
    sandbox: Sandbox,
    /// Trees by the tag `number` of their snapshots.
    trees: Vec<Tree>,
}

/// Everything about files that could get lost.
fn fill(sandbox: &Sandbox) {
    for number in 0..30 {
        sandbox.write(&format!("small/{number}"), text(number, 2_000));
    }
    sandbox.write("large", bytes(1, 6_000_000));
    sandbox.write("empty", "");
    fs::hard_link(sandbox.source("small/3"), sandbox.source("small/link")).unwrap();
    fs::hard_link(sandbox.source("large"), sandbox.source("large-link")).unwrap();
    symlink("small/3", sandbox.source("symbolic")).unwrap();
    let sparse = File::create(sandbox.source("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"in the middle", 3 << 20).unwrap();
    sparse.set_len(8 << 20).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    // Not every file system supports attributes; if this one does, they must be restored.
    let _ = rustix::fs::setxattr(sandbox.source("small/5"), "user.colour", b"blue", flags);
}

impl Bed {
    /// Makes three snapshots: a full, an incremental, and an incremental after everything was moved.
    fn new() -> Self {
        Self::filling(Sandbox::with_repository())
    }

    fn filling(sandbox: Sandbox) -> Self {
        let mut bed = Self { sandbox, trees: Vec::new() };
        fill(&bed.sandbox);
        bed.backup(&["--level", "full"]);
        bed.sandbox.write("small/7", "changed");
        let mut large = fs::read(bed.sandbox.source("large")).unwrap();
        large[3_000_000..3_000_100].fill(7);
        fs::write(bed.sandbox.source("large"), large).unwrap();
        bed.backup(&[]);
        fs::rename(bed.sandbox.source("small"), bed.sandbox.source("moved")).unwrap();
        fs::remove_file(bed.sandbox.source("large-link")).unwrap();
        bed.backup(&[]);
        bed
    }

    fn backup(&mut self, options: &[&str]) {
        let tag = format!("number={}", self.trees.len());
        self.sandbox.backup(&[&["--tag", &tag, "--pack-size", "1MiB"], options].concat());
        self.trees.push(read(&self.sandbox.source("")));
    }

    /// Restores all snapshots of another repository and compares them with the original trees.
    #[track_caller]
    fn assert_copies(&self, repository: &str) {
        let copies = list(&self.sandbox, repository);
        assert_eq!(copies.len(), self.trees.len());
        for copy in copies {
            let number: usize = copy["tags"]["number"].as_str().unwrap().parse().unwrap();
            let (id, target) = (copy["id"].as_str().unwrap(), format!("restored-{number}"));
            self.sandbox.run(&["restore", "-r", repository, id, "--target", &target]).expect(0);
            let restored = self.sandbox.path(&target);
            assert_same(&self.trees[number], &read(&restored));
            assert_eq!(sparse_blocks(&restored), sparse_blocks(&self.sandbox.source("")));
            fs::remove_dir_all(restored).unwrap();
        }
        self.sandbox.run(&["check", "-r", repository, "--read-data"]).expect(0);
    }
}

/// Returns whether the sparse file has holes.
fn sparse_blocks(tree: &Path) -> bool {
    fs::metadata(tree.join("sparse")).unwrap().blocks() * 512 < 1 << 20
}

#[track_caller]
fn list(sandbox: &Sandbox, repository: &str) -> Vec<Value> {
    sandbox.json(&["snapshots", "-r", repository]).as_array().unwrap().clone()
}

#[track_caller]
fn copy(sandbox: &Sandbox, to: &str, options: &[&str]) -> Value {
    sandbox.json(&[&["copy", "--to", to], options].concat())
}

#[track_caller]
fn states(document: &Value) -> Vec<&str> {
    let items = document["snapshots"].as_array().unwrap();
    items.iter().map(|item| item["state"].as_str().unwrap()).collect()
}

#[track_caller]
fn number(item: &Value, field: &str) -> u64 {
    item[field].as_u64().unwrap_or_else(|| panic!("no {field}: {item}"))
}

#[test]
fn a_copy_has_everything_and_is_made_once() {
    let bed = Bed::new();
    let first = copy(&bed.sandbox, "other", &["--init", "--pack-size", "1MiB"]);
    assert_eq!(states(&first), ["copied"; 3]);
    assert!(first["created"]["key_file_generated"].as_bool().unwrap());
    bed.assert_copies("other");
    let sent: Vec<u64> =
        first["snapshots"].as_array().unwrap().iter().map(|item| number(item, "bytes_new")).collect();
    // Large files share all but one chunk with the earlier ones, and moved files already exist there.
    assert!(sent[0] > 6_000_000 && sent[1] < 2_000_000 && sent[2] == 0, "{sent:?}");
    let second = copy(&bed.sandbox, "other", &["--init"]);
    assert_eq!(states(&second), ["present"; 3]);
    assert_eq!(number(&second["to"], "bytes_written"), 0);
    let copies = list(&bed.sandbox, "other");
    for (original, copy) in list(&bed.sandbox, "repository").iter().zip(&copies) {
        for field in ["source", "host", "root", "time", "level", "dedup", "tags", "entries", "files", "bytes"]
        {
            assert_eq!(original[field], copy[field], "{field}");
        }
        assert_ne!(original["id"], copy["id"]);
        assert_eq!(copy["copy_of"]["run"], original["run"]);
        assert_eq!(copy["copy_of"]["repository"], first["from"]["repository"]);
    }
    assert_eq!(copies[1]["base"], copies[0]["id"]);
    assert!(copies.iter().all(|copy| copy["group"] == copies[0]["id"]), "{copies:?}");
    let shown = bed.sandbox.run(&["snapshots", "-r", "other"]).expect(0);
    assert!(shown.text().contains("copy of "), "{}", shown.describe());
}

#[test]
fn what_was_copied_before_is_not_even_read() {
    let bed = Bed::new();
    let ids = bed.sandbox.snapshots();
    copy(&bed.sandbox, "other", &["--init", &ids[0]]);
    let second = copy(&bed.sandbox, "other", &[&ids[1]]);
    let item = &second["snapshots"][0];
    // One small file, and the chunks around the change in the large one.
    assert!(number(item, "bytes_read") < 2_000_000, "{item}");
    assert!(number(item, "bytes_read") >= number(item, "bytes_new"), "{item}");
    // A backup into the other repository uses the copy as its base.
    let present = bed.sandbox.json(&["backup", "-r", "other", "source"])["sources"][0].clone();
    assert_eq!(present["base"], second["snapshots"][0]["copy"]["id"]);
    copy(&bed.sandbox, "other", &[]);
    assert_eq!(list(&bed.sandbox, "other").len(), 4);
    bed.sandbox.run(&["check", "-r", "other", "--read-data"]).expect(0);
}

#[test]
fn a_group_stays_by_itself() {
    let mut bed = Bed::new();
    bed.backup(&["--level", "full", "--dedup", "group"]);
    bed.sandbox.write("more", bytes(9, 100_000));
    bed.backup(&[]);
    let copied = copy(&bed.sandbox, "other", &["--init"]);
    let items = copied["snapshots"].as_array().unwrap();
    assert!(number(&items[3], "bytes_new") > 6_000_000, "{}", items[3]);
    assert_eq!(items[3]["copy"]["group"], items[4]["copy"]["group"]);
    assert_ne!(items[2]["copy"]["group"], items[3]["copy"]["group"]);
    assert_eq!(items[4]["copy"]["dedup"], "group");
    // The incremental alone begins its own group.
    let ids = bed.sandbox.snapshots();
    copy(&bed.sandbox, "third", &["--init", &ids[4]]);
    let alone = &list(&bed.sandbox, "third")[0];
    assert_eq!((&alone["group"], &alone["base"]), (&alone["id"], &Value::Null));
    for repository in ["other", "third"] {
        let check = bed.sandbox.json(&["check", "-r", repository, "--read-data"]);
        assert!(!check["problems"].to_string().contains("outside-group"), "{check}");
    }
    bed.assert_copies("other");
}

#[test]
fn copies_go_to_s3_and_come_back() {
    let server = TestServer::start(&ServerOptions::default()).unwrap();
    let mut sandbox = Sandbox::with_repository();
    for (name, value) in [
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("ICECORE_TO_ENDPOINT_URL", &server.url()),
        ("AWS_CONFIG_FILE", sandbox.path("aws").to_str().unwrap()),
    ] {
        sandbox.set(name, value);
    }
    // Only the credentials of the profile are valid.
    sandbox.set("AWS_ACCESS_KEY_ID", "nobody");
    sandbox.set("AWS_SECRET_ACCESS_KEY", "nothing");
    fs::write(
        sandbox.path("aws"),
        "[profile archive]\nregion = us-east-1\naws_access_key_id = AKTEST\naws_secret_access_key = SKTEST\n",
    )
    .unwrap();
    let bed = Bed::filling(sandbox);
    let (url, sandbox) = ("s3://bucket/copies", &bed.sandbox);
    sandbox.run(&["copy", "--to", url, "--init"]).expect(1);
    let there = sandbox.run(&["copy", "--to", url, "--init", "--to-profile", "archive", "--json"]).expect(0);
    assert_eq!(states(&there.json()), ["copied"; 3]);
    assert!(there.stderr.contains("\"requests\""), "{}", there.describe());
    sandbox.run(&["copy", "--to", url, "--to-profile", "archive"]).expect(0).says("S3 (to): ");
    let again = copy(sandbox, url, &["--to-profile", "archive"]);
    assert_eq!((states(&again), number(&again["to"], "bytes_written")), (vec!["present"; 3], 0));
    // Back from there, to a third location, with credentials from the environment.
    let from = [
        ("AWS_ACCESS_KEY_ID", "AKTEST"),
        ("AWS_SECRET_ACCESS_KEY", "SKTEST"),
        ("AWS_ENDPOINT_URL_S3", &server.url()),
    ];
    let run = |arguments: &[&str]| -> Output {
        let mut command = sandbox.command(arguments);
        command.envs(from);
        crate::harness::run_command(command)
    };
    run(&["copy", "-r", url, "--to", "third", "--init"]).expect(0).says("S3 (from): ");
    bed.assert_copies("third");
    // The originals are recognised, wherever a copy of them comes from.
    let back = run(&["copy", "-r", url, "--to", "repository", "--json"]).expect(0).json();
    assert_eq!(states(&back), ["present"; 3]);
    let onward = copy(sandbox, "third", &[]);
    assert_eq!(states(&onward), ["present"; 3]);
}

/// Deletes a pack of the snapshot with this number that no other snapshot needs.
fn damage(bed: &Bed, run: &str) {
    let data = bed.sandbox.objects("data");
    let pack = data.iter().find(|path| path.to_str().unwrap().contains(&format!("/{run}-"))).unwrap();
    fs::remove_file(bed.sandbox.repository().join(pack)).unwrap();
}

#[test]
fn a_damaged_snapshot_is_refused_and_the_others_are_copied() {
    let mut bed = Bed::new();
    bed.sandbox.write("only-here", bytes(77, 500_000));
    bed.backup(&[]);
    fs::remove_file(bed.sandbox.source("only-here")).unwrap();
    bed.backup(&[]);
    let run = list(&bed.sandbox, "repository")[3]["run"].as_str().unwrap().to_owned();
    damage(&bed, &run);
    let output = bed.sandbox.run(&["copy", "--to", "other", "--init", "--json"]).expect(20);
    let document = output.json();
    assert_eq!(states(&document), ["copied", "copied", "copied", "failed", "copied"]);
    let error = &document["snapshots"][3]["error"];
    assert_eq!(error["code"], 20);
    assert!(error["message"].as_str().unwrap().contains("was not copied"), "{error}");
    bed.sandbox.run(&["copy", "--to", "other"]).expect(20).says("was not copied");
    bed.trees.remove(3);
    let copies = list(&bed.sandbox, "other");
    assert_eq!(copies.len(), 4);
    bed.sandbox.run(&["restore", "-r", "other", "latest", "--target", "restored"]).expect(0);
    assert_same(&bed.trees[3], &read(&bed.sandbox.path("restored")));
    // After a repair has noted it, it is not even tried.
    bed.sandbox.run(&["check", "--repair"]).expect_any(&[0, 20]);
    bed.sandbox.run(&["copy", "--to", "other"]).expect(20).says("a repair marked it as damaged");
}

#[test]
fn a_killed_copy_goes_on() {
    let bed = Bed::new();
    bed.sandbox.write("more", bytes(5, 12_000_000));
    bed.sandbox.backup(&["--tag", "number=3"]);
    bed.sandbox.run(&["init", "-r", "other"]).expect(0);
    let data = bed.sandbox.path("other/data");
    let packs = || -> usize {
        let groups = fs::read_dir(&data).into_iter().flatten().map(|group| group.unwrap().path());
        groups.map(|group| fs::read_dir(group).unwrap().count()).sum()
    };
    let running = bed.sandbox.start(&[
        "copy",
        "latest",
        "--to",
        "other",
        "--pack-size",
        "1MiB",
        "--limit-upload",
        "4MiB",
    ]);
    while packs() < 4 {
        assert!(running.wait_for(Duration::from_millis(10)).is_none(), "it ended too early");
    }
    running.signal(Signal::KILL);
    assert_eq!(running.wait().code, None);
    assert!(list(&bed.sandbox, "other").is_empty());
    let done = copy(&bed.sandbox, "other", &["latest"]);
    let item = &done["snapshots"][0];
    assert_eq!(item["state"], "copied");
    let (read_bytes, new) = (number(item, "bytes_read"), number(item, "bytes_new"));
    assert!(read_bytes > 17_000_000 && new < read_bytes - 2_000_000, "{item}");
    bed.sandbox.run(&["restore", "-r", "other", "latest", "--target", "restored"]).expect(0);
    assert_same(&read(&bed.sandbox.source("")), &read(&bed.sandbox.path("restored")));
    bed.sandbox.run(&["check", "-r", "other", "--read-data"]).expect(0);
}

#[test]
fn wrong_places_and_keys_are_told() {
    let mut bed = Bed::new();
    let sandbox = &bed.sandbox;
    sandbox.run(&["copy"]).expect(2);
    sandbox.run(&["copy", "--to", "repository"]).expect(2).says("same repository");
    sandbox.run(&["copy", "--to", "nowhere"]).expect(10).says("add --init");
    sandbox.run(&["copy", "--to", "nowhere", "latest:small"]).expect(2);
    let typing_error = ["copy", "--to", "nowhere", "--init", "--source", "nosuch"];
    sandbox.run(&typing_error).expect(1).says("there is no snapshot of the source \"nosuch\"");
    assert!(!sandbox.path("nowhere").exists());
    let dry = copy(sandbox, "nowhere", &["--init", "--dry-run"]);
    assert_eq!((states(&dry), &dry["to"]), (vec!["planned"; 3], &Value::Null));
    assert!(!sandbox.path("nowhere").exists());
    fs::write(sandbox.path("password"), "right\n").unwrap();
    sandbox.run(&["init", "-r", "locked", "--password-file", "password"]).expect(0);
    sandbox.run(&["copy", "--to", "locked"]).expect(12).says("--to-key-file");
    // The key of one does not open the other.
    sandbox.run(&["copy", "--to", "locked", "--password-file", "password"]).expect(12);
    let dry = copy(sandbox, "locked", &["--to-password-file", "password", "--dry-run"]);
    assert_eq!(states(&dry), ["planned"; 3]);
    assert_eq!(number(&dry["to"], "bytes_written"), 0);
    copy(sandbox, "locked", &["--to-password-command", "cat password", "latest"]);
    bed.sandbox.set("ICECORE_TO_PASSWORD", "right");
    bed.sandbox.set("ICECORE_TO_KEY_FILE", "");
    let rest = copy(&bed.sandbox, "locked", &[]);
    assert_eq!(states(&rest), ["copied", "copied", "present"]);
    // Copied later, but in its position by time.
    let times: Vec<String> = bed
        .sandbox
        .json(&["snapshots", "-r", "locked", "--password-file", "password"])
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["tags"]["number"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(times, ["0", "1", "2"]);
}

#[test]
fn the_json_is_documented() {
    let bed = Bed::new();
    let document = copy(&bed.sandbox, "other", &["--init"]);
    let keys = crate::main_job::assert_keys;
    keys(
        &document,
        "dry_run from to created from_losses losses snapshots_unreadable archived_packs snapshots",
    );
    keys(&document["from"], "repository location calls bytes_read bytes_written");
    let item = &document["snapshots"][0];
    keys(
        item,
        "state snapshot copy error chunks_read bytes_read bytes_fetched chunks_new bytes_new bytes_compressed \
         bytes_stored seconds",
    );
    keys(&item["copy"]["copy_of"], "repository run");
}
