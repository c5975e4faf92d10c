//! Repositories that a key of AWS KMS unlocks, with the whole program, on a server of the tests, or on
//! another server that the environment names.
//!
//! `ICECORE_TESTS_KMS_URL` is its URL, `ICECORE_TESTS_KMS_KEY` one of its keys; moto has both.

use std::fs;

use crate::harness::{KmsServer, Sandbox, assert_same, read, variable};

/// Makes a sandbox that uses a server, and returns it with the name of the key.
fn sandbox() -> (Sandbox, String) {
    let text = |name| variable(name).map(|value| value.into_string().unwrap());
    let given = text("ICECORE_TESTS_KMS_URL").zip(text("ICECORE_TESTS_KMS_KEY"));
    let (url, key) = given.unwrap_or_else(|| {
        let server = KmsServer::start();
        (server.url(), KmsServer::KEY.to_owned())
    });
    let mut sandbox = Sandbox::new();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKTEST"),
        ("AWS_SECRET_ACCESS_KEY", "SKTEST"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL_KMS", &url),
    ] {
        sandbox.set(name, value);
    }
    (sandbox, key)
}

#[test]
fn a_key_of_kms_opens_a_repository() {
    let (mut sandbox, key) = sandbox();
    let missing = sandbox.run(&["init", "--kms", "alias/there-is-none"]).expect(12);
    assert!(missing.stderr.contains("check the name, region and account"), "{}", missing.describe());
    assert!(!missing.stderr.contains("unlock with"), "{}", missing.describe());
    let created = sandbox.run(&["init", "--kms", &key]).expect(0);
    assert!(created.text().contains("icecore key add"), "{}", created.describe());
    sandbox.write("file", "content");
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.run(&["restore", "latest", "--target", "restored"]).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
    let slots = sandbox.json(&["key", "list"]);
    assert_eq!(slots[0]["kind"], "kms");
    assert!(slots[0]["kms_key"].as_str().unwrap().starts_with("arn:"), "{slots}");
    fs::write(sandbox.path("password"), "on paper\n").unwrap();
    sandbox.run(&["snapshots", "--password-file", "password"]).expect(12);
    sandbox.run(&["key", "add", "--new-password-file", "password"]).expect(0);
    // Without KMS, the other key still works.
    sandbox.set("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9");
    sandbox.run(&["snapshots"]).expect(1).says("reach KMS");
    sandbox.run(&["snapshots", "--password-file", "password"]).expect(0);
}

#[test]
fn repositories_that_a_backup_or_a_copy_creates_can_have_a_key_of_kms() {
    let (sandbox, key) = sandbox();
    sandbox.write("file", "content");
    sandbox.run(&["backup", "--kms", &key, "source"]).expect(2);
    sandbox.run(&["backup", "--init", "--kms", &key, "source"]).expect(0);
    sandbox.run(&["backup", "--init", "--kms", &key, "source"]).expect(0);
    let copy = ["copy", "--to", "copy", "--to-kms", &key];
    sandbox.run(&copy).expect(2);
    sandbox.run(&[&copy[..], &["--init"]].concat()).expect(0);
    sandbox.run(&["restore", "latest", "--target", "restored", "--repository", "copy"]).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
    for repository in ["repository", "copy"] {
        let slots = sandbox.json(&["key", "list", "--repository", repository]);
        assert!(slots.as_array().unwrap().len() == 1 && slots[0]["kind"] == "kms", "{slots}");
    }
}

#[test]
fn a_key_of_kms_is_added_to_others() {
    let (sandbox, key) = sandbox();
    fs::write(sandbox.path("password"), "secret\n").unwrap();
    sandbox.run(&["init", "--password-file", "password"]).expect(0);
    sandbox.run(&["snapshots"]).expect(12);
    let added = sandbox.run(&["key", "add", "--kms", &key, "--password-file", "password"]).expect(0);
    assert!(!added.stderr.contains("all keys"), "{}", added.describe());
    sandbox.run(&["snapshots"]).expect(0);
    let id = sandbox.json(&["key", "list"]);
    let password = id.as_array().unwrap().iter().find(|slot| slot["kind"] == "password").unwrap();
    sandbox.run(&["key", "remove", password["id"].as_str().unwrap()]).expect(0);
    sandbox.run(&["key", "add", "--kms", &key]).expect(0).says("add a password or a key file");
}
