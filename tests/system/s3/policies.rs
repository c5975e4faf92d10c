//! Policies that `doctor` prints, enforced by a server in the same way as S3 does.

use std::sync::Arc;

use bytes::Bytes;
use icecore_aws::{Credentials, S3Options, S3Store};
use icecore_store::{Environment, PutCondition, Store, StoreError, StoreResult, Version};
use s3_test_server::{Fault, FaultRule, ServerOptions};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{Bed, doctor::finding, fill};
use crate::harness::{assert_same, bytes, read};

const WRITER: (&str, &str) = ("AKWRITER", "SKWRITER");
const ADMINISTRATOR: (&str, &str) = ("AKTEST", "SKTEST");

impl Bed {
    fn policy(&self, role: &str) -> String {
        self.sandbox.run(&["doctor", "--print-policy", role]).expect(0).text().to_owned()
    }

    /// Makes the host a writer with this policy.
    fn become_writer(&mut self, policy: &str) {
        self.server.add_user(WRITER.0, WRITER.1, policy).unwrap();
        self.use_credentials(WRITER);
    }

    fn use_credentials(&mut self, (access_key, secret): (&str, &str)) {
        self.sandbox.set("AWS_ACCESS_KEY_ID", access_key);
        self.sandbox.set("AWS_SECRET_ACCESS_KEY", secret);
    }

    /// Enforces the printed policies of a writer and of the bucket.
    fn enforce(&mut self) {
        let (writer, bucket) = (self.policy("writer"), self.policy("bucket"));
        self.server.set_bucket_policy("bucket", &bucket).unwrap();
        self.become_writer(&writer);
    }
}

/// Somebody with a host's credentials and another program.
struct Attacker {
    runtime: Runtime,
    /// Sends no conditions.
    plain: Arc<dyn Store>,
    /// Sends them.
    careful: Arc<dyn Store>,
}

impl Attacker {
    fn with(bed: &Bed, (access_key, secret): (&str, &str)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = |single_writer| S3Options {
            endpoint_url: Some(bed.server.url()),
            region: Some("us-east-1".to_owned()),
            credentials: Credentials::Static {
                access_key_id: access_key.to_owned(),
                secret_access_key: secret.to_owned(),
            },
            single_writer,
            ..S3Options::new("bucket", "some/prefix")
        };
        let open = |single_writer| -> Arc<dyn Store> {
            let opening = S3Store::open(options(single_writer), Environment::system());
            Arc::new(runtime.block_on(opening))
        };
        let (plain, careful) = (open(true), open(false));
        Self { runtime, plain, careful }
    }

    fn version(&self, key: &str) -> Version {
        self.runtime.block_on(self.careful.head(key)).unwrap().version
    }

    /// Overwrites an object without naming its state.
    fn overwrites(&self, key: &str) -> bool {
        self.puts(&self.plain, key)
    }

    /// Replaces an object in its present state.
    fn replaces(&self, key: &str) -> bool {
        self.puts(&self.careful, key)
    }

    fn creates(&self, key: &str) -> bool {
        let condition = PutCondition::Absent;
        is_allowed(key, self.runtime.block_on(self.careful.put(key, Bytes::from_static(b"harm"), condition)))
    }

    fn puts(&self, store: &Arc<dyn Store>, key: &str) -> bool {
        let condition = PutCondition::Version(self.version(key));
        is_allowed(key, self.runtime.block_on(store.put(key, Bytes::from_static(b"harm"), condition)))
    }

    /// Returns the total length of all packs of data.
    fn data_bytes(&self) -> u64 {
        let packs = self.runtime.block_on(self.careful.list("data/")).unwrap();
        packs.iter().map(|pack| pack.size).sum()
    }

    fn deletes(&self, key: &str) -> bool {
        is_allowed(key, self.runtime.block_on(self.careful.delete(key, None)))
    }
}

fn is_allowed<T>(key: &str, result: StoreResult<T>) -> bool {
    match result {
        Ok(_) => true,
        Err(StoreError::NotPermitted { .. }) => false,
        Err(error) => panic!("{key}: {error}"),
    }
}

fn own_keys(bed: &Bed) -> Vec<String> {
    let keys = bed.server.keys("bucket");
    keys.iter().map(|key| key.strip_prefix("some/prefix/").unwrap().to_owned()).collect()
}

#[test]
fn a_writer_makes_whole_backups_and_resumes_them() {
    let mut bed = Bed::new();
    bed.enforce();
    // Even the repository itself can be created with this policy, and a second key added.
    bed.sandbox.run(&["init"]).expect(0);
    let key = bed.sandbox.key_file().display().to_string();
    bed.sandbox
        .run(&["key", "add", "--new-key-file", "second.key", "--label", "safe", "--key-file", &key])
        .expect(0);
    fill(&bed.sandbox);
    // Some packs arrive, then the credentials expire.
    let fault = Fault::error(400, "ExpiredToken");
    bed.server.inject(FaultRule { skip: 2, ..FaultRule::new("PUT", "/data/", 1_000, fault) });
    let backup = ["backup", "source", "--pack-size", "1MiB"];
    bed.sandbox.run(&backup).expect(1).says("renew the credentials");
    let packs = |bed: &Bed| -> Vec<String> {
        own_keys(bed).into_iter().filter(|key| key.starts_with("data/")).collect()
    };
    let stored = packs(&bed);
    assert!(!stored.is_empty());
    bed.server.heal();
    bed.sandbox.run(&backup).expect(0);
    assert!(stored.iter().all(|key| packs(&bed).contains(key)));
    // 6 MB and padding: nothing was stored twice.
    assert!(Attacker::with(&bed, WRITER).data_bytes() < 7_000_000);
    bed.sandbox.write("small/3", "changed");
    // Packs that are large enough for uploads in parts.
    bed.sandbox.write("huge", bytes(77, 25_000_000));
    bed.sandbox.delete_cache();
    bed.sandbox.run(&["backup", "source", "--pack-size", "10MiB"]).expect(0);
    bed.sandbox.check_all_data();
    bed.sandbox.restore("latest", "target", &[]);
    assert_same(&read(&bed.sandbox.source("")), &read(&bed.sandbox.path("target")));
    assert!(own_keys(&bed).iter().filter(|key| key.starts_with("meta/log/")).count() >= 2);
}

#[test]
fn a_thief_of_a_writer_s_credentials_overwrites_and_deletes_nothing() {
    let mut bed = Bed::with_repository();
    fill(&bed.sandbox);
    bed.enforce();
    bed.sandbox.run(&["backup", "source"]).expect(0);
    let thief = Attacker::with(&bed, WRITER);
    let keys = own_keys(&bed);
    for kind in
        ["icecore", "meta/keys/", "meta/packs/", "meta/manifest/", "meta/log/", "meta/snapshots/", "data/"]
    {
        assert!(keys.iter().any(|key| key.starts_with(kind)), "{kind}");
    }
    for key in &keys {
        assert!(!thief.overwrites(key), "{key}");
        assert!(!thief.deletes(key), "{key}");
        // A writer may do this, because a backup ends with it.
        assert_eq!(thief.replaces(key), key.starts_with("meta/snapshots/"), "{key}");
    }
    assert!(!thief.creates("meta/gc/1"), "it would stop all writers");
    assert_eq!(own_keys(&bed), keys);
}

#[test]
fn a_maintainer_cannot_overwrite_either_but_delete() {
    let mut bed = Bed::with_repository();
    let maintainer = bed.policy("maintainer");
    bed.server.set_bucket_policy("bucket", &bed.policy("bucket")).unwrap();
    bed.become_writer(&maintainer);
    bed.sandbox.write("file", "content");
    bed.sandbox.run(&["backup", "source"]).expect(0);
    let administrator = Attacker::with(&bed, ADMINISTRATOR);
    assert!(!administrator.overwrites("icecore"), "the policy of a bucket binds everybody");
    assert!(Attacker::with(&bed, WRITER).deletes("icecore"));
}

#[test]
fn a_maintainer_prunes_a_bucket_with_the_printed_policy() {
    let mut bed = Bed::with_repository();
    let maintainer = bed.policy("maintainer");
    bed.enforce();
    fill(&bed.sandbox);
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.sandbox.write("file", bytes(78, 3_000_000));
    bed.sandbox.run(&["backup", "source"]).expect(0);
    std::fs::remove_file(bed.sandbox.source("file")).unwrap();
    bed.sandbox.run(&["backup", "source"]).expect(0);
    let forget = ["forget", "--keep-last", "1", "--yes"];
    let prune = ["prune", "--grace", "0"];
    bed.sandbox.run(&forget).expect(0);
    bed.sandbox.run(&prune).expect(1).says("is not allowed");
    bed.become_writer(&maintainer);
    let before = Attacker::with(&bed, WRITER).data_bytes();
    bed.sandbox.run(&prune).expect(0);
    let after = Attacker::with(&bed, WRITER).data_bytes();
    assert!(after + 3_000_000 <= before, "{before} bytes, then {after}");
    bed.sandbox.check_all_data();
}

#[test]
fn doctor_tries_what_must_be_forbidden() {
    let mut bed = Bed::with_repository();
    let protection =
        |bed: &Bed| finding(&bed.sandbox.run(&["doctor", "--json"]).expect_any(&[0]).json(), "protection");
    let (state, message) = protection(&bed);
    assert!(state == "warning" && message.contains("delete objects and overwrite them"), "{message}");
    // The policy that was printed for writers before conditions could be enforced.
    let mut policy: Value = serde_json::from_str(&bed.policy("writer")).unwrap();
    policy["Statement"].as_array_mut().unwrap().retain(|statement| statement["Effect"] == "Allow");
    bed.become_writer(&policy.to_string());
    let (state, message) = protection(&bed);
    assert!(state == "warning" && message.contains("cannot delete objects, but can overwrite"), "{message}");
    bed.enforce();
    let before = bed.server.keys("bucket");
    let document = bed.sandbox.json(&["doctor"]);
    for check in ["protection", "reading", "writing"] {
        assert_eq!(finding(&document, check).0, "good", "{document:#}");
    }
    let after = bed.server.keys("bucket");
    let left: Vec<_> = after.iter().filter(|key| !before.contains(key)).collect();
    assert!(left.iter().all(|key| key.starts_with("some/prefix/probe/")), "{left:?}");
    // Objects of the probe are not part of a repository.
    bed.sandbox.run(&["check"]).expect(0);
}

#[test]
fn a_denial_is_not_answered_with_a_permission() {
    let mut bed = Bed::with_repository();
    bed.enforce();
    let key = bed.sandbox.key_file().display().to_string();
    bed.sandbox.run(&["key", "add", "--new-key-file", "second.key", "--key-file", &key]).expect(0);
    let list = bed.sandbox.json(&["key", "list"]);
    let slots = list.as_array().unwrap();
    let other = slots.iter().find(|slot| slot["in_use"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    let output = bed.sandbox.run(&["key", "remove", &other, "--key-file", &key]);
    assert!(
        output.code != Some(0) && output.stderr.contains("a policy explicitly denies this"),
        "{}",
        output.describe()
    );
}

#[test]
fn a_server_that_refuses_conditions_is_offered_a_single_writer() {
    let bed = Bed::with(&ServerOptions { refuses_conditions: true, ..ServerOptions::default() });
    bed.sandbox
        .run(&["init"])
        .expect(1)
        .says(&bed.server.url())
        .says("refuses conditional requests")
        .says("--single-writer");
    let (state, message) = finding(&bed.sandbox.run(&["doctor", "--json"]).expect(1).json(), "writing");
    assert!(state == "bad" && message.contains("refuses conditional requests"), "{message}");
    bed.sandbox.run(&["init", "--single-writer"]).expect(0);
    bed.sandbox.write("file", "content");
    bed.sandbox.run(&["backup", "source"]).expect(0);
}

#[test]
fn a_server_that_cannot_read_past_the_end_is_found_before_it_holds_backups() {
    let bed = Bed::with(&ServerOptions { has_ranges_past_end: false, ..ServerOptions::default() });
    let (state, message) = finding(&bed.sandbox.run(&["doctor", "--json"]).expect(1).json(), "reading");
    assert!(state == "bad" && message.contains("ends past the end of an object"), "{message}");
    bed.sandbox.run(&["init"]).expect(1).says("ends past the end of an object").says("use another server");
    bed.sandbox.run(&["init", "--single-writer"]).expect(1).says("ends past the end of an object");
    assert!(bed.server.keys("bucket").is_empty());
}
