//! `doctor` finds problems before they occur.

use serde_json::Value;

use super::Bed;
use s3_test_server::{Fault, ServerOptions};

/// Returns the state and the message of a finding.
pub(super) fn finding(document: &Value, check: &str) -> (String, String) {
    let findings = document["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("nothing about {check}: {document:#}"));
    (found["state"].as_str().unwrap().to_owned(), found["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_good_place() {
    let bed = Bed::with_repository();
    let before = bed.server.keys("bucket");
    let document = bed.sandbox.json(&["doctor"]);
    assert_eq!(document["healthy"], true);
    for check in ["repository", "region", "writing", "reading", "clock", "cache"] {
        assert_eq!(finding(&document, check).0, "good", "{document:#}");
    }
    assert_eq!(finding(&document, "versioning").0, "warning");
    assert_eq!(bed.server.keys("bucket"), before, "nothing is left behind");
    let text = bed.sandbox.run(&["doctor"]).expect(0);
    assert!(text.text().contains("good  writing: "), "{}", text.describe());
}

#[test]
fn what_is_wrong_is_found() {
    let bed = Bed::with_repository();
    bed.server.set_lifecycle(
        "bucket",
        "<Filter><Prefix></Prefix></Filter><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>",
    );
    let output = bed.sandbox.run(&["doctor", "--json"]).expect(1);
    let (state, message) = finding(&output.json(), "lifecycle");
    assert!(state == "bad" && message.contains("moves objects to GLACIER"), "{message}");
    let check = bed.sandbox.run(&["check"]).expect(0);
    assert!(check.text().contains("moves objects to GLACIER"), "{}", check.describe());
    let problem = &bed.sandbox.json(&["check"])["problems"][0];
    assert_eq!(
        (&problem["kind"], &problem["severity"]),
        (&"harmful-lifecycle-rule".into(), &"warning".into())
    );
    bed.inject("PUT", "", 100, Fault::error(403, "AccessDenied"));
    let output = bed.sandbox.run(&["doctor", "--json"]).expect(1);
    let (state, message) = finding(&output.json(), "writing");
    assert!(state == "bad" && message.contains("s3:PutObject"), "{message}");
    assert!(message.contains("restores are possible"), "{message}");
    bed.inject("", "", 100, Fault::error(403, "InvalidAccessKeyId"));
    let output = bed.sandbox.run(&["doctor", "--json"]).expect(1);
    assert_eq!(finding(&output.json(), "repository").0, "bad");
}

#[test]
fn a_server_that_ignores_conditions_is_bad() {
    let bed = Bed::with(&ServerOptions { has_conditions: false, ..ServerOptions::default() });
    let output = bed.sandbox.run(&["doctor", "--json"]).expect(1);
    let (state, message) = finding(&output.json(), "writing");
    assert!(state == "bad" && message.contains("ignores conditional requests"), "{message}");
}

#[test]
fn policies_are_printed_without_a_request() {
    let bed = Bed::new();
    bed.server.forget_requests();
    for (role, may_delete) in
        [("writer", false), ("restorer", false), ("maintainer", true), ("bucket", false)]
    {
        let policy = bed.sandbox.run(&["doctor", "--print-policy", role]).expect(0);
        assert_eq!(policy.json()["Version"], "2012-10-17");
        let mut statements = policy.json()["Statement"].as_array().unwrap().clone();
        statements.retain(|statement| statement["Effect"] == "Allow");
        let allows = serde_json::to_string(&statements).unwrap();
        assert_eq!(allows.contains("s3:DeleteObject"), may_delete, "{role}");
        assert!(policy.text().contains("arn:aws:s3:::bucket/some/prefix/*"));
    }
    assert!(bed.server.requests().is_empty());
}

#[test]
fn a_directory_has_a_doctor_too() {
    let sandbox = crate::harness::Sandbox::with_repository();
    let document = sandbox.json(&["doctor"]);
    assert_eq!(document["healthy"], true);
    assert_eq!(finding(&document, "repository").0, "good");
    sandbox.run(&["doctor", "--print-policy", "writer"]).expect(2);
}
