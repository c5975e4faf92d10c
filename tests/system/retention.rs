//! Snapshots are tagged, noted, held, forgotten and brought back, with the whole program.

use std::fs;

use s3_test_server::{ServerOptions, TestServer};
use serde_json::Value;

use crate::harness::{Sandbox, bytes, read};

/// Requests that opening the repository of the test and reading its four snapshots and records makes.
const OPEN_REQUESTS_MAX: usize = 4;
/// Requests for each forgotten snapshot: its object is read and replaced.
const FORGET_REQUESTS_EACH: usize = 2;
/// Requests of a removal of packs: about 40 for opening, the announcement, the feature bit, the record with
/// its wait list, and three times all listings; two for each of the removed objects; and about 20 for a run
/// that repacks what is needed of a pack, with another survey, and for reading its pack again.
const PRUNE_REQUESTS_MAX: usize = 94;

/// Makes snapshots with new content and returns their ids.
fn history(sandbox: &Sandbox, number: u64) -> Vec<String> {
    let make = |seed| {
        sandbox.write("file", bytes(seed, 200_000));
        sandbox.write(&format!("more/{seed}"), bytes(100 + seed, 5_000));
        sandbox.backup(&[])["snapshot"]["id"].as_str().unwrap().to_owned()
    };
    (0..number).map(make).collect()
}

fn listed(sandbox: &Sandbox, id: &str) -> Value {
    let list = sandbox.json(&["snapshots"]);
    list.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone()
}

/// Returns the actions of a document of `forget`, by snapshot.
fn actions(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = document["snapshots"].as_array().unwrap().iter();
    items.map(|item| (text(&item["snapshot"]["id"]), text(&item["action"]))).collect()
}

#[test]
fn tags_and_notes_are_added_and_removed() {
    let sandbox = Sandbox::with_repository();
    let id = history(&sandbox, 1).remove(0);
    let changed = sandbox.json(&["tag", "latest", "--add", "plan=daily", "--add", "keep=yes"]);
    assert_eq!(changed["changed"], true);
    sandbox.run(&["tag", &id, "--add", "plan=weekly", "--remove", "keep"]).expect(0);
    sandbox.run(&["note", &id, "before the move"]).expect(0);
    let one = listed(&sandbox, &id);
    assert_eq!(one["tags"], serde_json::json!({ "plan": "weekly" }));
    assert_eq!(one["note"], "before the move");
    let again = sandbox.json(&["tag", &id, "--add", "plan=weekly"]);
    assert_eq!(again["changed"], false);
    assert_eq!(sandbox.json(&["snapshots", "--tag", "plan=weekly"]).as_array().unwrap().len(), 1);
    sandbox.run(&["note", &id, ""]).expect(0);
    assert_eq!(listed(&sandbox, &id)["note"], Value::Null);
    // Neither the log nor a check misses anything.
    sandbox.check_all_data();
    sandbox.delete_state();
    sandbox.check_all_data();
}

#[test]
fn a_held_snapshot_stays_until_it_is_released() {
    let sandbox = Sandbox::with_repository();
    let ids = history(&sandbox, 3);
    let object = sandbox.objects("meta/snapshots").remove(0);
    let without_hold = fs::read(sandbox.repository().join(&object)).unwrap();
    sandbox.run(&["hold", &ids[0], "--until", "2099-12-31", "--reason", "audit"]).expect(0);
    assert_eq!(listed(&sandbox, &ids[0])["hold"]["reason"], "audit");
    let refused = sandbox.run(&["forget", &ids[0]]).expect(1);
    refused.says("audit").says(&format!("icecore release {}", ids[0]));
    let document = sandbox.json(&["forget", "--keep-last", "1", "--yes", "--dry-run"]);
    assert_eq!(actions(&document)[0], (ids[0].clone(), "keep".to_owned()));
    assert_eq!(document["snapshots"][0]["reasons"][0]["kind"], "hold");
    // An older object is put back: the log knows better.
    fs::write(sandbox.repository().join(&object), without_hold).unwrap();
    assert_eq!(listed(&sandbox, &ids[0])["hold"], Value::Null);
    sandbox.run(&["forget", &ids[0]]).expect(1).says("audit");
    let document = sandbox.json(&["forget", "--keep-last", "1", "--yes"]);
    assert_eq!(document["forgotten"], 1);
    assert_eq!(sandbox.snapshots(), [ids[0].as_str(), &ids[2]]);
    assert_eq!(sandbox.json(&["release", &ids[0]])["changed"], true);
    assert_eq!(sandbox.json(&["release", &ids[0]])["changed"], false);
    sandbox.run(&["forget", &ids[0]]).expect(0);
    assert_eq!(sandbox.snapshots(), [ids[2].as_str()]);
    sandbox.check_all_data();
}

#[test]
fn rules_say_for_each_snapshot_why_it_stays_or_goes() {
    let sandbox = Sandbox::with_repository();
    let ids = history(&sandbox, 4);
    sandbox.run(&["tag", &ids[1], "--add", "keep=yes"]).expect(0);
    let rules = ["forget", "--keep-last", "1", "--keep-tag", "keep"];
    let shown = sandbox.run(&[&rules[..], &["--dry-run", "--yes"]].concat()).expect(0);
    for text in ["keep-last 1: enough newer ones", "keep-tag keep", "would forget 2 snapshots and keep 2"] {
        assert!(shown.text().contains(text), "{}", shown.describe());
    }
    assert_eq!(sandbox.snapshots(), ids);
    let document = sandbox.json(&[&rules[..], &["--yes"]].concat());
    assert_eq!((document["forgotten"].as_u64(), document["kept"].as_u64()), (Some(2), Some(2)));
    let expected = ["forget", "keep", "forget", "keep"];
    let expected: Vec<_> = ids.iter().cloned().zip(expected.map(str::to_owned)).collect();
    assert_eq!(actions(&document), expected);
    assert_eq!(sandbox.snapshots(), [ids[1].as_str(), &ids[3]]);
    assert_eq!(sandbox.json(&[&rules[..], &["--yes"]].concat())["forgotten"], 0);
    // A backup continues with the snapshots that are left, and nobody raises an alarm.
    sandbox.backup(&[]);
    sandbox.check_all_data();
    sandbox.delete_state();
    sandbox.check_all_data();
}

#[test]
fn the_guard_refuses_until_it_is_confirmed() {
    let sandbox = Sandbox::with_repository();
    let ids = history(&sandbox, 4);
    let refused = sandbox.run(&["forget", "--keep-last", "1"]).expect(1);
    refused.says("would forget 3 of 4 snapshots").says("add --yes");
    assert_eq!(sandbox.snapshots(), ids);
    let dry = sandbox.json(&["forget", "--keep-last", "1", "--dry-run"]);
    assert_eq!(dry["refused"][0]["snapshots_to_forget"], 3);
    let all: Vec<&str> = ["forget"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    sandbox.run(&all).expect(1).says("no snapshot of the source").says("--yes");
    assert_eq!(sandbox.snapshots(), ids);
    sandbox.run(&[&all[..], &["--yes"]].concat()).expect(0);
    assert_eq!(sandbox.snapshots(), [""; 0]);
}

#[test]
fn the_guard_keeps_the_snapshots_around_an_unusual_change() {
    let sandbox = Sandbox::with_repository();
    for number in 0..20 {
        sandbox.write(&format!("small/{number}"), bytes(number, 100));
    }
    let mut ids = history(&sandbox, 1);
    fs::remove_dir_all(sandbox.source("small")).unwrap();
    ids.extend(history(&sandbox, 3));
    let shown = sandbox.run(&["forget", "--keep-last", "2"]).expect(0);
    for text in ["guard: the last one before an unusual change", "guard keeps 2; --yes"] {
        assert!(shown.text().contains(text), "{}", shown.describe());
    }
    assert_eq!(sandbox.snapshots(), ids);
    sandbox.run(&["forget", "--keep-last", "2", "--yes"]).expect(0);
    assert_eq!(sandbox.snapshots(), ids[2..]);
}

#[test]
fn a_forgotten_snapshot_comes_back_until_its_data_is_removed() {
    let sandbox = Sandbox::with_repository();
    let first = history(&sandbox, 1).remove(0);
    let tree = read(&sandbox.source(""));
    let others = history(&sandbox, 3);
    // Named twice, it goes once.
    let document = sandbox.json(&["forget", &first, &first[..12]]);
    assert_eq!(document["forgotten"], 1);
    sandbox.run(&["ls", &first]).expect(1).says("was forgotten");
    let undone = sandbox.json(&["forget", "--undo", &first]);
    let new = undone["snapshot"]["id"].as_str().unwrap().to_owned();
    assert_eq!(undone["forgotten"], first.as_str());
    for id in [&first, &new] {
        sandbox.restore(id, &format!("restored-{id}"), &[]);
        crate::harness::assert_same(&tree, &read(&sandbox.path(&format!("restored-{id}"))));
    }
    sandbox.run(&["forget", "--undo", &first]).expect(1).says("is not forgotten");
    sandbox.check_all_data();
    // Forgotten again by its old id, and removed.
    let document = sandbox.json(&["forget", &first, "--prune", "--grace", "0"]);
    assert_eq!(document["forgotten"], 1);
    assert_eq!(document["prune"]["snapshots_removed"], 2, "{document}");
    sandbox.run(&["prune", "--grace", "0"]).expect(0);
    sandbox.run(&["forget", "--undo", &first]).expect(1);
    assert_eq!(sandbox.snapshots(), others);
    sandbox.check_all_data();
    sandbox.delete_state();
    sandbox.check_all_data();
    sandbox.backup(&[]);
}

#[test]
fn contradictions_and_mistakes_are_refused() {
    let sandbox = Sandbox::with_repository();
    let id = history(&sandbox, 2).remove(0);
    let wrong: &[&[&str]] = &[
        &["forget"],
        &["forget", "--keep-last", "0"],
        &["forget", "--keep-last", "1", "--keep-last", "2"],
        &["forget", "--keep-within", "0d"],
        &["forget", "--scheme", "none"],
        &["forget", "--scheme", "gfs", "--keep-daily", "3"],
        &["forget", &id, "--keep-last", "1"],
        &["forget", &id, "--source", "source"],
        &["forget", "--undo", &id, "--keep-last", "1"],
        &["forget", "--undo", &id, "--prune"],
        &["forget", "--undo", "latest"],
        &["forget", "--keep-last", "1", "--prune", "--dry-run"],
        &["forget", "--keep-last", "1", "--grace", "3d"],
        &["forget", "--keep-last", "1", "--group-by", "colour"],
        &["tag", &id],
        &["tag", &id, "--add", "a"],
        &["tag", &id, "--add", "a=1", "--remove", "a"],
        &["hold", &id],
        &["hold", &id, "--until", "soon", "--reason", "x"],
        &["hold", &id, "--until", "2001-01-01", "--reason", "x"],
        &["note", &id],
    ];
    let before = sandbox.json(&["snapshots"]);
    for arguments in wrong {
        sandbox.run(arguments).expect(2);
    }
    for arguments in [&["forget", "ffffffff"], &["release", "ffffffff"]] {
        sandbox.run(arguments).expect(1);
    }
    sandbox.run(&["forget", "--undo", "ffffffff"]).expect(1).says("no snapshot");
    sandbox.run(&["forget", "--undo", &id]).expect(1).says("is not forgotten");
    assert_eq!(sandbox.json(&["snapshots"]), before);
}

#[test]
fn nothing_is_forgotten_by_rules_while_snapshots_are_missing() {
    let sandbox = Sandbox::with_repository();
    let ids = history(&sandbox, 3);
    fs::remove_file(sandbox.repository().join(sandbox.objects("meta/snapshots").pop().unwrap())).unwrap();
    sandbox.run(&["forget", "--keep-last", "1", "--yes"]).expect(20);
    assert_eq!(sandbox.snapshots(), ids[..2]);
    sandbox.run(&["forget", "--keep-last", "1", "--yes", "--ignore-rollback"]).expect(0);
    assert_eq!(sandbox.snapshots(), ids[1..2]);
}

#[test]
fn rules_for_a_source_that_does_not_exist_are_a_mistake() {
    let sandbox = Sandbox::with_repository();
    sandbox.run(&["forget", "--keep-last", "1", "--source", "nope"]).expect(0);
    let ids = history(&sandbox, 2);
    sandbox
        .run(&["forget", "--keep-last", "1", "--source", "nope"])
        .expect(1)
        .says("no snapshot has this host");
    let forgot = sandbox.run(&["forget", &ids[0]]).expect(0);
    assert!(String::from_utf8_lossy(&forgot.stdout).contains("forgot 1 snapshot;"), "{}", forgot.describe());
}

#[test]
fn nothing_is_written_while_a_record_of_a_collection_is_damaged() {
    let sandbox = Sandbox::with_repository();
    let ids = history(&sandbox, 2);
    sandbox.run(&["forget", &ids[0]]).expect(0);
    sandbox.run(&["prune", "--grace", "0"]).expect(0);
    let record = sandbox.repository().join("meta/gc/000001");
    let whole = fs::read(&record).unwrap();
    fs::remove_file(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    for command in [&["backup", "source"][..], &["prune"]] {
        sandbox.run(command).expect(20).says("meta/gc/000001").says("move the object away");
    }
    let doctor = sandbox.run(&["doctor", "--json"]).expect(1).json();
    let bad = doctor["findings"].as_array().unwrap().iter().find(|one| one["state"] == "bad").unwrap();
    assert_eq!(bad["check"], "writing", "{doctor}");
    let checked = sandbox.run(&["check"]).expect(20);
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), checked.stderr);
    assert!(said.contains("meta/gc/000001") && !said.contains("--repair"), "{}", checked.describe());
    // As the hint says.
    fs::remove_file(&record).unwrap();
    sandbox.run(&["prune", "--grace", "0"]).expect(0);
    sandbox.backup(&[]);
    sandbox.check_all_data();
}

#[test]
fn doubts_are_told_once_with_what_to_do() {
    let sandbox = Sandbox::with_repository();
    let ids = history(&sandbox, 2);
    let snapshots = sandbox.objects("meta/snapshots");
    fs::remove_file(sandbox.repository().join(&snapshots[0])).unwrap();
    let refused = sandbox.run(&["prune"]).expect(20);
    refused.says("error: nothing was removed").says("icecore check");
    assert_eq!(ids.len(), 2);
}

#[test]
fn requests_to_s3_stay_within_the_budget() {
    let server = TestServer::start(&ServerOptions::default()).unwrap();
    let mut sandbox = Sandbox::new();
    for (name, value) in [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKTEST"),
        ("AWS_SECRET_ACCESS_KEY", "SKTEST"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL_S3", server.url().as_str()),
        ("ICECORE_REPOSITORY", "s3://bucket/repository"),
    ] {
        sandbox.set(name, value);
    }
    sandbox.write("file", "first");
    sandbox.run(&["backup", "source", "--init"]).expect(0);
    let ids = history(&sandbox, 4);
    let within = |requests_max: usize, command: &[&str]| {
        server.forget_requests();
        sandbox.run(command).expect(0);
        let made = server.requests();
        let shown: Vec<String> =
            made.iter().map(|line| format!("{} {}?{}", line.method, line.path, line.query)).collect();
        assert!(made.len() <= requests_max, "{command:?}: {} requests:\n{}", made.len(), shown.join("\n"));
    };
    sandbox.run(&["snapshots"]).expect(0);
    within(OPEN_REQUESTS_MAX, &["forget", "--keep-last", "2", "--dry-run"]);
    within(OPEN_REQUESTS_MAX + 3 * FORGET_REQUESTS_EACH, &["forget", "--keep-last", "2", "--yes"]);
    // The catalogue does not have the three changed objects yet.
    within(OPEN_REQUESTS_MAX + 3 + FORGET_REQUESTS_EACH, &["tag", "latest", "--add", "a=b"]);
    within(PRUNE_REQUESTS_MAX, &["prune", "--grace", "0"]);
    assert_eq!(sandbox.snapshots(), ids[2..]);
    sandbox.check_all_data();
}
