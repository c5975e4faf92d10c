//! Repositories that are copied object by object between a directory and a bucket, as on a disk that is
//! shipped.

use std::{fs, path::Path};

use super::*;

/// Copies every file of a directory into the bucket, including those that are not objects.
fn upload(server: &TestServer, directory: &Path, sandbox: &Sandbox) {
    for path in sandbox.objects("") {
        let key = format!("some/prefix/{}", path.to_str().unwrap());
        server.plant("bucket", &key, &fs::read(directory.join(&path)).unwrap());
    }
}

/// Copies every object into a directory, with the permissions of common tools.
fn download(server: &TestServer, directory: &Path) {
    for key in server.keys("bucket") {
        let path = directory.join(key.strip_prefix("some/prefix/").unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, server.object("bucket", &key).unwrap()).unwrap();
    }
}

/// Makes a sandbox whose host has never seen anything, with the key of another one.
fn stranger(url: &str, other: &Sandbox) -> Sandbox {
    let mut sandbox = sandbox_at(url);
    sandbox.set("ICECORE_KEY_FILE", other.key_file().to_str().unwrap());
    sandbox
}

/// Checks, restores an old snapshot, makes a new one and restores it.
fn go_on(sandbox: &Sandbox, old: &crate::harness::Tree, change: &str) {
    let check = sandbox.json(&["check", "--read-data"]);
    assert_eq!(
        (&check["healthy"], &check["problems"]),
        (&true.into(), &Value::Array(Vec::new())),
        "{check:#}"
    );
    let target = format!("old-{change}");
    sandbox.restore(&sandbox.snapshots()[0], &target, &[]);
    assert_same(old, &read(&sandbox.path(&target)));
    sandbox.write(change, change);
    let before = read(&sandbox.source(""));
    assert_eq!(sandbox.backup(&["--name", "etc"])["error"], Value::Null);
    let target = format!("new-{change}");
    sandbox.restore("latest", &target, &[]);
    assert_same(&before, &read(&sandbox.path(&target)));
    sandbox.check_all_data();
}

#[test]
fn a_directory_becomes_a_bucket() {
    let server = TestServer::start(&ServerOptions::default()).unwrap();
    let mut sandbox = sandbox_at(&server.url());
    let directory = sandbox.path("repository");
    sandbox.use_repository(directory.clone());
    fill(&sandbox);
    let first = read(&sandbox.source(""));
    sandbox.run(&["backup", "--init", "source", "--name", "etc", "--pack-size", "1MiB"]).expect(0);
    sandbox.write("small/3", "changed");
    sandbox.backup(&["--name", "etc"]);
    // Leftovers of a killed run, and the local store's own files, are also copied.
    fs::create_dir_all(directory.join("+tmp")).unwrap();
    fs::write(directory.join("+tmp/17-abc"), "half a pack").unwrap();
    fs::write(directory.join("+lock"), "").unwrap();
    upload(&server, &directory, &sandbox);
    assert!(server.keys("bucket").contains(&"some/prefix/+lock".to_owned()));
    // A host that has never seen it.
    let other = stranger(&server.url(), &sandbox);
    fill(&other);
    go_on(&other, &first, "there");
    // The host that has used it in the directory.
    sandbox.use_repository(URL.into());
    sandbox.run(&["snapshots"]).expect(0);
    go_on(&sandbox, &first, "here");
    // Both continue separately, each with its own history, and share a cache.
    sandbox.use_repository(directory);
    go_on(&sandbox, &first, "directory");
    assert_eq!(sandbox.snapshots().len(), 3);
    sandbox.use_repository(URL.into());
    go_on(&sandbox, &first, "bucket");
    assert_eq!(sandbox.snapshots().len(), 5);
}

#[test]
fn a_bucket_becomes_a_directory() {
    let bed = Bed::new();
    let mut sandbox = bed.sandbox;
    fill(&sandbox);
    let first = read(&sandbox.source(""));
    sandbox.run(&["backup", "--init", "source", "--name", "etc", "--pack-size", "1MiB"]).expect(0);
    sandbox.write("small/3", "changed");
    sandbox.backup(&["--name", "etc"]);
    let directory = sandbox.path("disk");
    download(&bed.server, &directory);
    sandbox.use_repository(directory.clone());
    go_on(&sandbox, &first, "disk");
    let mut other = stranger(&bed.server.url(), &sandbox);
    other.use_repository(directory);
    fill(&other);
    go_on(&other, &first, "other");
    assert_eq!(sandbox.snapshots().len(), 4);
    sandbox.use_repository(URL.into());
    go_on(&sandbox, &first, "bucket");
}

#[test]
fn a_repository_for_one_writer_is_one_for_several_where_conditions_are_honoured() {
    let server =
        TestServer::start(&ServerOptions { has_conditions: false, ..ServerOptions::default() }).unwrap();
    let mut sandbox = sandbox_at(&server.url());
    fill(&sandbox);
    let first = read(&sandbox.source(""));
    sandbox.run(&["init", "--single-writer"]).expect(0);
    sandbox.backup(&["--name", "etc"]);
    let directory = sandbox.path("disk");
    download(&server, &directory);
    sandbox.use_repository(directory);
    go_on(&sandbox, &first, "disk");
    let doctor = sandbox.run(&["doctor"]).expect(0);
    assert!(!doctor.text().contains("one writer"), "{}", doctor.describe());
}
