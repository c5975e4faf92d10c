//! Repositories on S3, with the whole program: on a server in memory, or on a real one that the environment
//! names.

use std::fs;

use s3_test_server::{Cut, CuttingProxy, Fault, FaultRule, ServerOptions, TestServer};
use serde_json::Value;

use crate::harness::{Sandbox, assert_same, bytes, read, text, variable};

mod archived;
mod beside_prune;
mod budget;
mod crowd;
mod doctor;
mod network;
mod parts;
mod policies;
mod reading_budget;
mod refused;
mod shipped;
mod waits;

const URL: &str = "s3://bucket/some/prefix";

/// A sandbox whose repository is on a server.
struct Bed {
    sandbox: Sandbox,
    server: TestServer,
}

impl Bed {
    fn new() -> Self {
        Self::with(&ServerOptions::default())
    }

    fn with(options: &ServerOptions) -> Self {
        let server = TestServer::start(options).unwrap();
        let sandbox = sandbox_at(&server.url());
        Self { sandbox, server }
    }

    /// Makes a repository, with a generated key file.
    fn with_repository() -> Self {
        let bed = Self::new();
        bed.sandbox.run(&["init"]).expect(0);
        bed
    }

    fn inject(&self, method: &'static str, contains: &str, times: u64, fault: Fault) {
        self.server.inject(FaultRule::new(method, contains, times, fault));
    }
}

fn sandbox_at(url: &str) -> Sandbox {
    let mut sandbox = Sandbox::in_memory();
    sandbox.use_repository(URL.into());
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKTEST"),
        ("AWS_SECRET_ACCESS_KEY", "SKTEST"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_S3", url),
        // No request to the metadata service of an instance that does not exist.
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        sandbox.set(name, value);
    }
    sandbox
}

fn fill(sandbox: &Sandbox) {
    for number in 0..20 {
        sandbox.write(&format!("small/{number}"), text(number, 3_000));
        sandbox.write(&format!("large/{number}"), bytes(number, 300_000));
    }
}

/// Backs up, changes, backs up, checks and restores both.
fn round_trip(sandbox: &Sandbox) {
    fill(sandbox);
    let first = read(&sandbox.source(""));
    sandbox.run(&["backup", "--init", "source", "--pack-size", "1MiB"]).expect(0);
    sandbox.write("small/3", "changed");
    fs::remove_file(sandbox.source("large/7")).unwrap();
    let second = read(&sandbox.source(""));
    sandbox.backup(&[]);
    assert!(sandbox.json(&["check", "--read-data"])["healthy"].as_bool().unwrap());
    sandbox.delete_cache();
    sandbox.restore("latest~1", "first", &[]);
    assert_same(&first, &read(&sandbox.path("first")));
    sandbox.restore("latest", "second", &[]);
    assert_same(&second, &read(&sandbox.path("second")));
    sandbox.run(&["ls", "latest:small"]).expect(0);
    sandbox.run(&["diff", "latest~1", "latest"]).expect(0);
    let key = sandbox.run(&["key", "list"]).expect(0);
    assert!(key.text().contains("first key"), "{}", key.describe());
    assert_eq!(sandbox.run(&["cat", "latest:small/3"]).expect(0).stdout, b"changed");
}

#[test]
fn everything_works_on_s3() {
    let bed = Bed::new();
    round_trip(&bed.sandbox);
    let keys = bed.server.keys("bucket");
    assert!(keys.iter().all(|key| key.starts_with("some/prefix/")), "{keys:?}");
    assert!(keys.contains(&"some/prefix/icecore".to_owned()));
}

#[test]
fn everything_works_on_a_server_with_troubles() {
    let bed = Bed::new();
    // Of several hundred requests, every eighth fails in one way or another.
    let faults = [Fault::slow_down(), Fault::error(500, "InternalError"), Fault::Reset, Fault::LostReply];
    for number in 0..60 {
        let fault = faults[number as usize % faults.len()].clone();
        bed.server.inject(FaultRule { skip: number * 8, ..FaultRule::new("", "", 1, fault) });
    }
    bed.server.inject(FaultRule { skip: 3, ..FaultRule::new("GET", "/data/", 1, Fault::CutBody(1_000)) });
    round_trip(&bed.sandbox);
}

#[test]
fn everything_works_through_a_proxy_that_cuts_connections() {
    let server = TestServer::start(&ServerOptions::default()).unwrap();
    let proxy = CuttingProxy::start(server.port(), |number| match number % 2 {
        0 => Some(Cut::Upload(300_000 + number * 97_919 % 3_000_000)),
        _ => Some(Cut::Download(5_000 + number * 77_777 % 2_000_000)),
    })
    .unwrap();
    round_trip(&sandbox_at(&proxy.url()));
    assert!(proxy.cuts() > 0);
}

#[test]
fn packs_in_a_cold_class_never_take_metadata_with_them() {
    let bed = Bed::new();
    let configuration = bed.sandbox.path("icecore.toml");
    let text = "[s3]\ndata-storage-class = \"DEEP_ARCHIVE\"\nencryption = \"sse-s3\"\n";
    fs::write(&configuration, text).unwrap();
    fill(&bed.sandbox);
    let configured = ["--config", configuration.to_str().unwrap()];
    bed.sandbox.run(&[&["backup", "--init", "source"], &configured[..]].concat()).expect(0);
    for key in bed.server.keys("bucket") {
        let [class, encryption, _] = bed.server.object_headers("bucket", &key);
        let expected = key.starts_with("some/prefix/data/").then_some("DEEP_ARCHIVE");
        assert_eq!((class.as_deref(), encryption.as_deref()), (expected, Some("AES256")), "{key}");
    }
    // Archived packs are not needed for looking inside; a restore reports the problem.
    bed.sandbox.run(&["ls", "latest", "--recursive"]).expect(0);
    let output = bed.sandbox.run(&["cat", "latest:large/1"]).expect(75);
    assert!(output.stderr.contains("thawed"), "{}", output.describe());
}

/// Returns the line on standard error that counts the requests.
fn requests(output: &crate::harness::Output) -> Value {
    let lines = output.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut counts = lines.filter_map(|line| line.get("requests").cloned());
    counts.next().unwrap_or_else(|| panic!("requests are not counted: {}", output.describe()))
}

#[test]
fn every_command_says_what_it_asked_for() {
    let bed = Bed::with_repository();
    fill(&bed.sandbox);
    bed.server.forget_requests();
    let output = bed.sandbox.run(&["backup", "source", "--json"]).expect(0);
    let counted = requests(&output);
    let of = |method: &str| bed.server.requests().iter().filter(|line| line.method == method).count() as u64;
    assert_eq!(counted["put"], of("PUT"));
    assert_eq!(counted["get"].as_u64().unwrap() + counted["list"].as_u64().unwrap(), of("GET") + of("HEAD"));
    assert!(counted["bytes_sent"].as_u64().unwrap() > 20 * 300_000);
    assert!(counted["price"].is_null(), "nobody knows what this server costs");
    let text = bed.sandbox.run(&["snapshots"]).expect(0);
    assert!(
        text.stderr.lines().any(|line| line.starts_with("S3: ") && line.contains(" GET; ")),
        "{}",
        text.stderr
    );
    assert!(bed.sandbox.run(&["snapshots", "--quiet"]).expect(0).stderr.is_empty());
    let local = Sandbox::with_repository();
    let output = local.run(&["snapshots"]).expect(0);
    assert!(!output.stderr.contains("GET") && !output.stderr.contains('$'), "{}", output.stderr);
}

#[test]
fn limits_of_bandwidth_hold() {
    let bed = Bed::with_repository();
    bed.sandbox.write("file", bytes(1, 3_000_000));
    let started = bed
        .sandbox
        .run(&["backup", "source", "--pack-size", "1MiB", "--limit-upload", "2MB", "--json"])
        .expect(0);
    let seconds = started.json()["sources"][0]["seconds"].as_f64().unwrap();
    // The last pack may be uploaded at once; the earlier ones take their time.
    assert!(seconds > 0.9, "{seconds}");
    bed.sandbox.run(&["backup", "source", "--limit-upload", "0"]).expect(2).says("must be greater than zero");
}

/// On a server that somebody has started.
#[test]
fn everything_works_on_the_server_that_the_environment_names() {
    let Some(url) = variable("ICECORE_TESTS_S3_URL") else {
        crate::harness::skip("ICECORE_TESTS_S3_URL names no server");
        return;
    };
    let mut sandbox = sandbox_at(url.to_str().unwrap());
    let place =
        variable("ICECORE_TESTS_S3_REPOSITORY").expect("ICECORE_TESTS_S3_REPOSITORY is the place in it");
    sandbox.use_repository(place.into());
    round_trip(&sandbox);
}
