//! External failures are reported with their real cause, a solution and an exit code.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{Bed, sandbox_at};
use s3_test_server::{Fault, FaultRule, ServerOptions, TestServer};

#[test]
fn a_bucket_that_is_not_there() {
    let mut bed = Bed::new();
    bed.sandbox.use_repository("s3://elsewhere/prefix".into());
    bed.sandbox.run(&["init"]).expect(10).says("bucket elsewhere does not exist").says("aws s3 mb");
    bed.sandbox.run(&["snapshots"]).expect(10).says("bucket elsewhere does not exist");
}

#[test]
fn a_place_without_repository() {
    let bed = Bed::new();
    bed.sandbox.run(&["snapshots"]).expect(10).says("icecore init");
}

#[test]
fn a_repository_is_not_made_twice() {
    let bed = Bed::with_repository();
    bed.sandbox.run(&["init"]).expect(1).says("choose another location for a new one");
}

#[test]
fn wrong_credentials_and_none() {
    let mut bed = Bed::new();
    bed.sandbox.set("AWS_SECRET_ACCESS_KEY", "wrong");
    let output =
        bed.sandbox.run(&["snapshots"]).expect(1).says("were rejected").says("which credentials are used");
    assert!(!output.stderr.contains("wrong\""), "{}", output.describe());
    bed.sandbox.set("AWS_ACCESS_KEY_ID", "");
    bed.sandbox.set("AWS_SECRET_ACCESS_KEY", "");
    bed.sandbox
        .run(&["snapshots"])
        .expect(1)
        .says("no credentials for s3://bucket/some/prefix")
        .says("AWS_PROFILE");
}

#[test]
fn a_token_that_expires_in_the_middle_of_a_run() {
    let bed = Bed::with_repository();
    super::fill(&bed.sandbox);
    bed.inject("PUT", "/data/", 4, Fault::error(400, "ExpiredToken"));
    bed.sandbox
        .run(&["backup", "source"])
        .expect(1)
        .says("renew the credentials and run the same command again");
    bed.sandbox.run(&["backup", "source"]).expect(0);
}

#[test]
fn variables_that_are_set_to_nothing_are_not_set() {
    let mut bed = Bed::with_repository();
    let url = bed.server.url();
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS"] {
        bed.sandbox.set(name, "");
    }
    bed.sandbox.run(&["snapshots", "--endpoint-url", &url]).expect(0);
    bed.sandbox.set("AWS_ENDPOINT_URL", &url);
    bed.sandbox.run(&["snapshots"]).expect(0);
}

/// The program that provides the credentials fails once, as a metadata service sometimes does.
#[test]
fn credentials_that_expire_in_the_middle_of_a_run_are_fetched_again() {
    let mut bed = Bed::with_repository();
    super::fill(&bed.sandbox);
    let script = bed.sandbox.path("credentials.sh");
    let calls = bed.sandbox.path("calls");
    let text = format!(
        "#!/bin/sh\necho >> {calls}\n[ $(wc -l < {calls}) != 2 ] || exit 1\n\
         echo '{{\"Version\": 1, \"AccessKeyId\": \"AKTEST\", \"SecretAccessKey\": \"SKTEST\"}}'\n",
        calls = calls.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let profile = bed.sandbox.path("aws-config");
    fs::write(&profile, format!("[default]\ncredential_process = {}\n", script.display())).unwrap();
    bed.sandbox.set("AWS_CONFIG_FILE", profile.to_str().unwrap());
    bed.sandbox.set("AWS_ACCESS_KEY_ID", "");
    bed.sandbox.set("AWS_SECRET_ACCESS_KEY", "");
    bed.inject("PUT", "/data/", 1, Fault::error(400, "ExpiredToken"));
    bed.sandbox.run(&["backup", "source"]).expect(0);
    assert_eq!(fs::read_to_string(calls).unwrap().len(), 3);
}

#[test]
fn what_a_policy_forbids_is_named_with_the_line_that_allows_it() {
    let bed = Bed::with_repository();
    super::fill(&bed.sandbox);
    for (method, contains, action, resource) in [
        ("PUT", "/data/", "s3:PutObject", "arn:aws:s3:::bucket/some/prefix/*"),
        ("GET", "list-type", "s3:ListBucket", "arn:aws:s3:::bucket"),
        ("GET", "/icecore", "s3:GetObject", "arn:aws:s3:::bucket/some/prefix/*"),
    ] {
        bed.inject(method, contains, 100, Fault::error(403, "AccessDenied"));
        let line =
            format!("{{\"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"{resource}\"}}");
        bed.sandbox.run(&["backup", "source"]).expect(1).says(action).says(&line);
        bed.server.heal();
    }
    bed.sandbox.run(&["backup", "source"]).expect(0);
}

#[test]
fn another_region_is_named() {
    let bed = Bed::with_repository();
    let headers = vec![("x-amz-bucket-region".to_owned(), "eu-central-1".to_owned())];
    bed.inject("", "", 100, Fault::Error { status: 301, code: "PermanentRedirect".to_owned(), headers });
    bed.sandbox
        .run(&["snapshots"])
        .expect(1)
        .says("is in the region eu-central-1")
        .says("give --region eu-central-1");
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let bed = Bed::with_repository();
    let headers = vec![("date".to_owned(), "Thu, 01 Jan 2026 00:00:00 GMT".to_owned())];
    bed.inject("", "", 100, Fault::Error { status: 403, code: "RequestTimeTooSkewed".to_owned(), headers });
    bed.sandbox.run(&["snapshots"]).expect(1).says("clock is wrong").says("correct the clock");
}

#[test]
fn a_server_that_is_not_there_is_told_soon() {
    let sandbox = sandbox_at("http://127.0.0.1:1");
    sandbox.run(&["snapshots"]).expect(1).says("refused").says("check --endpoint-url");
    sandbox.run(&["snapshots", "--endpoint-url", "s3.example.org"]).expect(2).says("not the URL of a server");
}

#[test]
fn a_server_that_ignores_conditions_takes_one_writer_that_asks_for_it() {
    let bed = Bed::with(&ServerOptions { has_conditions: false, ..ServerOptions::default() });
    bed.sandbox.run(&["init"]).expect(1).says("ignores conditional requests").says("--single-writer");
    assert!(bed.server.keys("bucket").is_empty(), "{:?}", bed.server.keys("bucket"));
    bed.sandbox.run(&["init", "--single-writer"]).expect(0);
    super::fill(&bed.sandbox);
    bed.sandbox.run(&["backup", "source"]).expect(0).says("one writer at a time");
    bed.sandbox.run(&["init", "--single-writer"]).expect(1).says("choose another location for a new one");
    bed.sandbox.restore("latest", "restored", &[]);
}

#[test]
fn single_writers_are_for_s3_only() {
    let sandbox = crate::harness::Sandbox::new();
    sandbox.run(&["init", "--single-writer"]).expect(2).says("leave out --single-writer");
}

#[test]
fn a_lifecycle_rule_that_would_freeze_metadata_is_refused() {
    for (rule, says) in [
        (
            "<Filter><Prefix></Prefix></Filter><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>",
            "moves objects to GLACIER",
        ),
        (
            "<Filter><Prefix>some/</Prefix></Filter><Expiration><Days>365</Days></Expiration>",
            "deletes objects",
        ),
    ] {
        let bed = Bed::new();
        bed.server.set_lifecycle("bucket", rule);
        bed.sandbox.run(&["init"]).expect(1).says(says).says("limit the rule");
        assert!(bed.server.keys("bucket").is_empty());
    }
    let bed = Bed::new();
    let rule = "<Filter><Prefix>some/prefix/data/</Prefix></Filter><Transition><Days>30</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition>";
    bed.server.set_lifecycle("bucket", rule);
    bed.sandbox.run(&["init"]).expect(0);
}

#[test]
fn objects_of_others_under_the_prefix_are_left_alone() {
    let bed = Bed::with_repository();
    let others =
        ["some/prefix/with space", "some/prefix/meta/packs/ümlaut", "some/prefix/data/a+b", "some/other"];
    for key in others {
        bed.server.plant("bucket", key, b"foreign");
    }
    super::fill(&bed.sandbox);
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.sandbox.run(&["check", "--read-data"]).expect(0);
    let keys = bed.server.keys("bucket");
    assert!(others.iter().all(|key| keys.contains(&(*key).to_owned())), "{keys:?}");
}

#[test]
fn a_repository_is_not_made_where_a_server_is_gone_in_the_middle() {
    let server = TestServer::start(&ServerOptions::default()).unwrap();
    let sandbox = sandbox_at(&server.url());
    server.inject(FaultRule::new("PUT", "some/prefix/icecore", 1, Fault::error(403, "AccessDenied")));
    sandbox.run(&["init"]).expect(1).says("s3:PutObject");
    // A key slot without a header is not a repository, and the next attempt creates one.
    sandbox.run(&["init"]).expect(0);
}

#[test]
fn repositories_do_not_lie_in_each_other() {
    let bed = Bed::with_repository();
    let init = |place: &str| bed.sandbox.run(&["init", "-r", place]);
    // A part of a name is not a part of a location, and a program may have the name of a header.
    bed.server.plant("bucket", "tools/bin/icecore", b"a program");
    for place in ["s3://bucket/some/prefix/inner", "s3://bucket/some/prefix/meta/inner"] {
        init(place)
            .expect(1)
            .says("is inside the repository s3://bucket/some/prefix")
            .says("; 0 B sent, 8 B received");
    }
    for place in ["s3://bucket", "s3://bucket/some"] {
        init(place).expect(1).says("the repository s3://bucket/some/prefix is inside");
    }
    bed.server.plant("bucket", "icecore", b"a program");
    bed.server.plant("bucket", "some/icecore", b"");
    for place in ["s3://bucket/some/prefix-2", "s3://bucket/some/pre", "s3://bucket/tools"] {
        init(place).expect(0);
    }
    let backup = ["backup", "--init", "source", "-r", "s3://bucket/some/pre/fix"];
    bed.sandbox.run(&backup).expect(1).says("is inside the repository");
}

#[test]
fn a_place_around_that_may_not_be_listed_is_not_looked_at() {
    let bed = Bed::new();
    let denied = FaultRule::new("GET", "prefix=icecore", u64::MAX, Fault::error(403, "AccessDenied"));
    bed.server.inject(denied);
    bed.sandbox.run(&["init"]).expect(0);
}

#[test]
fn what_a_writer_leaves_of_its_probes_is_not_foreign() {
    let bed = Bed::new();
    bed.inject("DELETE", "/probe/", u64::MAX, Fault::error(403, "AccessDenied"));
    bed.sandbox.run(&["init"]).expect(0);
    assert!(bed.server.keys("bucket").iter().any(|key| key.starts_with("some/prefix/probe/")));
    let check = bed.sandbox.json(&["check"]);
    assert_eq!(check["problems"], serde_json::json!([]));
}
