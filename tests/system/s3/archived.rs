//! Packs that must be thawed before they can be read: they do not count as damaged, and all other work
//! continues.

use std::fs;

use serde_json::Value;

use super::{Bed, fill};
use crate::harness::{Output, assert_same, bytes, read, text};

/// Backs up enough for several packs, and archives all of them except the first; returns the keys of the
/// archived ones.
fn archived(bed: &Bed) -> Vec<String> {
    fill(&bed.sandbox);
    for number in 0..100 {
        bed.sandbox.write(&format!("many/{number}"), bytes(1_000 + number, 30_000));
    }
    bed.sandbox.run(&["backup", "source", "--pack-size", "1MiB"]).expect(0);
    let keys = packs(bed);
    assert!(keys.len() > 5, "{keys:?}");
    archive(bed, &keys[1..]);
    keys[1..].to_vec()
}

fn packs(bed: &Bed) -> Vec<String> {
    let keys = bed.server.keys("bucket").into_iter();
    keys.filter(|key| key.starts_with("some/prefix/data/")).collect()
}

fn archive(bed: &Bed, keys: &[String]) {
    for key in keys {
        bed.server.archive("bucket", key, "DEEP_ARCHIVE", None);
    }
}

/// Returns the keys of archived packs in a document, as keys of the bucket.
fn archived_packs(document: &Value) -> Vec<String> {
    let packs = document["archived_packs"].as_array().unwrap();
    packs.iter().map(|pack| format!("some/prefix/{}", pack["key"].as_str().unwrap())).collect()
}

/// Returns the commands for thawing in the output.
fn thaw_commands(output: &Output) -> Vec<String> {
    let lines = output.stderr.lines().map(str::trim);
    lines.filter(|line| line.starts_with("aws s3api restore-object ")).map(str::to_owned).collect()
}

#[test]
fn a_restore_restores_the_rest_names_all_packs_and_goes_on_after_the_thaw() {
    let bed = Bed::with_repository();
    let packs = archived(&bed);
    bed.server.forget_requests();
    let output = bed.sandbox.run(&["restore", "latest", "--target", "out", "--json"]).expect(75);
    let document = output.json();
    assert_eq!(archived_packs(&document), packs);
    let count = |name: &str| document[name].as_u64().unwrap();
    assert_eq!((count("damaged"), count("problem_count")), (0, count("archived")));
    assert!(count("archived") > 100 && count("files_written") > 0, "{document:#}");
    assert_eq!(document["problems"][0]["archived"], true);
    let command = document["archived_packs"][0]["thaw_command"].as_str().unwrap();
    assert!(command.contains(&format!("--bucket bucket --key {} ", packs[0])), "{command}");
    // Only the threads that are already reading when the first archived pack is found request a pack twice.
    let requests = bed.server.requests();
    let asked = requests
        .iter()
        .filter(|line| line.method == "GET" && packs.iter().any(|key| line.path.ends_with(key)));
    let asked = asked.count();
    assert!(asked >= packs.len() && asked < packs.len() + 20, "{asked} requests for {} packs", packs.len());

    let output = bed.sandbox.run(&["restore", "latest", "--target", "other"]).expect(75);
    let commands = thaw_commands(&output);
    assert_eq!(commands.len(), packs.len().min(10), "{}", output.describe());
    assert!(
        commands[0].contains("\"Days\":7") && commands[0].contains("\"Tier\":\"Standard\""),
        "{commands:?}"
    );
    assert!(output.stderr.contains("run the same command again"), "{}", output.describe());
    assert!(!output.stderr.contains("could not be restored"), "{}", output.describe());

    for key in &packs {
        bed.server.thaw("bucket", key);
    }
    bed.sandbox.restore("latest", "out", &[]);
    assert_same(&read(&bed.sandbox.source("")), &read(&bed.sandbox.path("out")));
}

#[test]
fn damage_counts_more_than_what_is_archived() {
    let bed = Bed::with_repository();
    archived(&bed);
    let first = &packs(&bed)[0];
    bed.server.plant("bucket", first, b"something else");
    let document = bed.sandbox.run(&["restore", "latest", "--target", "out", "--json"]).expect(20).json();
    assert!(
        document["damaged"].as_u64() > Some(0) && document["archived"].as_u64() > Some(0),
        "{document:#}"
    );
}

#[test]
fn a_single_file_says_that_it_waits_for_a_thaw() {
    let bed = Bed::with_repository();
    archived(&bed);
    archive(&bed, &packs(&bed));
    let output = bed.sandbox.run(&["cat", "latest:large/1"]).expect(75);
    assert!(
        output.stderr.contains("DEEP_ARCHIVE") && output.stderr.contains("thaw"),
        "{}",
        output.describe()
    );
    bed.sandbox.run(&["ls", "latest", "--recursive"]).expect(0);
}

#[test]
fn checks_and_plans_go_on_past_archived_packs() {
    let bed = Bed::with_repository();
    let packs = archived(&bed);
    let count = packs.len() as u64;
    for line in [
        &["check", "--read-data"][..],
        &["check", "--read-data", "--repair", "--dry-run"],
        &["check", "--sample", "100%"],
    ] {
        let document = bed.sandbox.json(line);
        assert_eq!(document["healthy"], true, "{line:?}");
        assert_eq!(document["packs_archived"], count, "{line:?}");
        assert!(document["bytes_archived"].as_u64() > Some(count << 19), "{line:?}");
        assert_eq!(document["packs_read"].as_u64().unwrap() + count, document["packs"], "{line:?}");
    }
    let text = bed.sandbox.run(&["check", "--read-data"]).expect(0);
    assert!(text.text().contains("are archived and were not read"), "{}", text.describe());
    for key in &packs {
        bed.server.thaw("bucket", key);
    }
    let text = bed.sandbox.run(&["check", "--read-data"]).expect(0);
    assert!(text.text().contains("all data was read and verified"), "{}", text.describe());
}

#[test]
fn a_copy_goes_on_with_other_snapshots() {
    let bed = Bed::with_repository();
    let packs = archived(&bed);
    fs::create_dir(bed.sandbox.path("second")).unwrap();
    fs::write(bed.sandbox.path("second/file"), text(7, 5_000)).unwrap();
    bed.sandbox.run(&["backup", "second"]).expect(0);
    let target = bed.sandbox.path("copy");
    let line = ["copy", "--to", target.to_str().unwrap(), "--init", "--json"];
    let document = bed.sandbox.run(&line).expect(75).json();
    let states: Vec<&str> = document["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["failed", "copied"]);
    assert_eq!(document["snapshots"][0]["error"]["code"], 75);
    assert_eq!(archived_packs(&document), packs);
    bed.sandbox.run(&["backup", "source"]).expect(0);
    let shown = bed.sandbox.run(&line[..3]).expect(75);
    assert_eq!(shown.stderr.matches("was not copied").count(), 2, "{}", shown.describe());
    assert_eq!(shown.stderr.matches("hint: thaw it").count(), 1, "{}", shown.describe());
    assert_eq!(thaw_commands(&shown).len(), packs.len().min(10), "{}", shown.describe());
    for key in &packs {
        bed.server.thaw("bucket", key);
    }
    let document = bed.sandbox.run(&[&line[..3], &["--json"]].concat()).expect(0).json();
    assert_eq!(document["archived_packs"], Value::Array(Vec::new()));
}

#[test]
fn the_doctor_sees_archived_metadata() {
    let bed = Bed::with_repository();
    archived(&bed);
    let finding = |document: &Value| {
        let findings = document["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == "archive").cloned().unwrap()
    };
    assert_eq!(finding(&bed.sandbox.json(&["doctor"]))["state"], "good", "packs may be archived");
    let mut keys = bed.server.keys("bucket").into_iter();
    let directory = keys.rfind(|key| key.starts_with("some/prefix/meta/packs/")).unwrap();
    bed.server.archive("bucket", &directory, "GLACIER", None);
    let found = finding(&bed.sandbox.run(&["doctor", "--json"]).expect(1).json());
    assert_eq!(found["state"], "bad", "{found}");
    let message = found["message"].as_str().unwrap();
    assert!(
        directory.ends_with(message.split_whitespace().find(|word| word.starts_with("meta/packs/")).unwrap())
    );
    let command = format!("aws s3api restore-object --bucket bucket --key {directory} ");
    assert!(found["hint"].as_str().unwrap().contains(&command), "{found}");
    let listing = bed.sandbox.run(&["ls", "latest", "--cache-dir", "other-cache"]).expect(75);
    assert!(listing.stderr.contains("copy it to STANDARD"), "{}", listing.describe());
    // Objects that Intelligent-Tiering has archived look normal in a listing.
    bed.server.archive("bucket", &directory, "INTELLIGENT_TIERING", Some("ARCHIVE_ACCESS"));
    bed.server.set_modified("bucket", &directory, std::time::UNIX_EPOCH);
    let found = finding(&bed.sandbox.run(&["doctor", "--json"]).expect(1).json());
    assert!(found["message"].as_str().unwrap().contains("INTELLIGENT_TIERING, ARCHIVE_ACCESS"), "{found}");
}
