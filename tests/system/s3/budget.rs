//! Requests cost money.

use std::fs;

use s3_test_server::ServerOptions;

use super::{Bed, requests};
use crate::harness::{bytes, text};

/// Maximum number of requests of a backup with nothing new; a reader of the list can name each of them.
const UNCHANGED_REQUESTS_MAX: u64 = 10;
/// For `init` in a bucket without objects: a listing, the lifecycle rules, the probe (12), the key slot and
/// the header.
const INIT_REQUESTS_MAX: usize = 16;
/// The same on Amazon's S3, which is not tested.
const INIT_ON_AMAZON_REQUESTS_MAX: usize = 4;
/// For a first backup of three packs: 8 for the packs, including that of the manifest, 3 for the snapshot and
/// the log.
const FIRST_REQUESTS_MAX: usize = 18;
/// For a backup with one changed file in a hundred: one more pack of data, and one more of the manifest.
const CHANGED_REQUESTS_MAX: usize = 14;
/// For a copy of these three snapshots: twice the requests for opening a repository, and those for fetching
/// and storing.
const COPY_REQUESTS_MAX: usize = 46;
/// For a copy of existing snapshots.
const COPY_AGAIN_REQUESTS_MAX: usize = 8;

/// For a backup without changes from a new host, after three snapshots: header, everything below `meta/` and
/// key slot (3); records and snapshots (6); the announcement, everything below `meta/` again and `data/` (3);
/// the directories of two data packs, and two packs of manifests (4); the commit and the record (2).
const NEW_HOST_REQUESTS_MAX: usize = 18;
/// For a list of these three snapshots from a new host.
const NEW_HOST_SNAPSHOTS_REQUESTS_MAX: usize = 9;
/// For a restore of one file from there: the directories of four packs, and three more blocks.
const NEW_HOST_RESTORE_REQUESTS_MAX: usize = 17;

/// Files of the smaller tree.
const FILES: u64 = 1_000;

#[test]
fn an_unchanged_backup_of_10_000_files() {
    let bed = Bed::with_repository();
    for number in 0..10_000_u64 {
        bed.sandbox.write(&format!("{}/{number}", number / 100), text(number, 200));
    }
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.server.forget_requests();
    let output = bed.sandbox.run(&["backup", "source", "--json"]).expect(0);
    let made = bed.server.requests();
    let shown: Vec<String> =
        made.iter().map(|line| format!("{} {}?{}", line.method, line.path, line.query)).collect();
    let counted = requests(&output);
    let total: u64 =
        ["put", "list", "get", "delete"].iter().map(|class| counted[class].as_u64().unwrap()).sum();
    assert_eq!(total, made.len() as u64);
    assert!(made.len() as u64 <= UNCHANGED_REQUESTS_MAX, "{} requests:\n{}", made.len(), shown.join("\n"));
    assert!(!made.iter().any(|line| line.path.contains("/data/")), "{}", shown.join("\n"));
    assert_eq!(output.json()["sources"][0]["files_unchanged"], 10_000);
}

#[test]
fn amazons_s3_is_not_tried_by_init() {
    let mut bed = Bed::with(&ServerOptions::default());
    // The test server is the proxy of the environment, so it acts as Amazon's server.
    bed.sandbox.set("HTTP_PROXY", &bed.server.url());
    bed.sandbox.set("AWS_ENDPOINT_URL_S3", "http://s3.us-east-1.amazonaws.com");
    let configuration = bed.sandbox.path("path.toml");
    fs::write(&configuration, "[s3]\naddressing = \"path\"\n").unwrap();
    bed.sandbox.set("ICECORE_CONFIG", configuration.to_str().unwrap());
    within(&bed, INIT_ON_AMAZON_REQUESTS_MAX, &["init"]);
    assert!(bed.server.requests().iter().all(|line| !line.path.contains("probe/")));
    bed.sandbox.run(&["backup", "source"]).expect(0);
    assert!(bed.sandbox.json(&["doctor"])["healthy"].as_bool().unwrap());
}

/// Runs a command with at most this many requests; none of them is for a part of an object.
fn within(bed: &Bed, requests_max: usize, command: &[&str]) {
    bed.server.forget_requests();
    bed.sandbox.run(command).expect(0);
    let made = bed.server.requests();
    let shown: Vec<String> =
        made.iter().map(|line| format!("{} {}?{}", line.method, line.path, line.query)).collect();
    assert!(made.len() <= requests_max, "{command:?}: {} requests:\n{}", made.len(), shown.join("\n"));
}

fn write_file(bed: &Bed, seed: u64, number: u64) {
    let length = 200 + (number * 7_919 % 27_000) as usize;
    bed.sandbox.write(&format!("{}/{number}", number / 100), bytes(seed + number, length));
}

#[test]
fn a_tree_of_1_000_files_and_its_copy() {
    let bed = Bed::new();
    within(&bed, INIT_REQUESTS_MAX, &["init"]);
    // The same shape as the table in docs/performance.md, with proportionally shorter packs.
    (0..FILES).for_each(|number| write_file(&bed, 1, number));
    let back_up = ["backup", "source", "--pack-size", "6MiB"];
    within(&bed, FIRST_REQUESTS_MAX, &back_up);
    within(&bed, UNCHANGED_REQUESTS_MAX as usize, &back_up);
    (0..FILES).step_by(100).for_each(|number| write_file(&bed, 1_000_000, number));
    within(&bed, CHANGED_REQUESTS_MAX, &back_up);
    let (key, url) = (bed.sandbox.path("copy.key"), "s3://bucket/copy");
    let key = key.to_str().unwrap();
    within(&bed, INIT_REQUESTS_MAX, &["init", "--key-file", key, "--repository", url]);
    let copy = ["copy", "--to", url, "--to-key-file", key, "--pack-size", "6MiB"];
    within(&bed, COPY_REQUESTS_MAX, &copy);
    within(&bed, COPY_AGAIN_REQUESTS_MAX, &copy);
    let records = bed.server.keys("bucket").into_iter().filter(|key| key.starts_with("copy/meta/log/"));
    assert_eq!(records.count(), 1, "one record names all copies");
    bed.sandbox.run(&["check", "--read-data", "--repository", url, "--key-file", key]).expect(0);
}

#[test]
fn a_new_host_with_three_snapshots() {
    let bed = Bed::with_repository();
    (0..FILES).for_each(|number| write_file(&bed, 1, number));
    let back_up = ["backup", "source"];
    bed.sandbox.run(&back_up).expect(0);
    bed.sandbox.run(&back_up).expect(0);
    (0..FILES).step_by(100).for_each(|number| write_file(&bed, 1_000_000, number));
    bed.sandbox.run(&back_up).expect(0);
    for (command, requests_max) in [
        (&["snapshots"][..], NEW_HOST_SNAPSHOTS_REQUESTS_MAX),
        (&["restore", "latest:3/307", "--target", "one"], NEW_HOST_RESTORE_REQUESTS_MAX),
        (&back_up, NEW_HOST_REQUESTS_MAX),
    ] {
        bed.sandbox.delete_cache();
        within(&bed, requests_max, command);
    }
    bed.sandbox.run(&["check", "--read-data"]).expect(0);
}

#[test]
fn commands_that_look_at_the_log_before_they_read() {
    let bed = Bed::with_repository();
    for number in 0..3 {
        bed.sandbox.write("file", text(number, 200));
        bed.sandbox.run(&["backup", "source"]).expect(0);
    }
    let target = bed.sandbox.path("restored");
    let restore = ["restore", "latest:file", "--target", target.to_str().unwrap()];
    // Requests of restic for the same.
    for (command, requests_max) in [(&["ls", "latest"][..], 10), (&restore, 11), (&["snapshots"], 9)] {
        bed.server.forget_requests();
        bed.sandbox.run(command).expect(0);
        let made = bed.server.requests();
        let shown: Vec<String> =
            made.iter().map(|line| format!("{} {}?{}", line.method, line.path, line.query)).collect();
        assert!(made.len() <= requests_max, "{} requests:\n{}", made.len(), shown.join("\n"));
        let lists = made.iter().filter(|line| line.query.contains("list-type")).count();
        assert!(lists <= 3, "the log is listed together with the snapshots:\n{}", shown.join("\n"));
    }
}
