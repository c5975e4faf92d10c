//! The tests that `doctor` runs.

use super::*;
use crate::probe::{ProbeError, try_requests};

/// A store for a user with the permissions of a policy.
async fn store_of_user(bed: &Bed, policy: &str) -> S3Store {
    bed.server.add_user("AKUSER", "SKUSER", policy).unwrap();
    let credentials =
        Credentials::Static { access_key_id: "AKUSER".to_owned(), secret_access_key: "SKUSER".to_owned() };
    bed.store_with(S3Options { credentials, ..bed.options() }).await
}

const MAY_WRITE: &str = r#"{"Statement": {"Effect": "Allow",
    "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"], "Resource": "*"}}"#;
const DENY_OVERWRITING: &str = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::bucket/*",
    "Condition": {"Null": {"s3:if-none-match": "true", "s3:if-match": "true"},
                  "Bool": {"s3:ObjectCreationOperation": "true"}}}}"#;

#[tokio::test]
async fn a_good_server_reads_everything_and_an_administrator_may_do_anything() {
    let bed = Bed::new();
    let trial = try_requests(&bed.store().await).await.unwrap();
    assert_eq!(trial.wrong_reads, [""; 0]);
    assert!(trial.overwrites && trial.deletes);
    assert_eq!(bed.server.keys("bucket"), [""; 0], "nothing is left behind");
}

#[tokio::test]
async fn what_policies_forbid_is_found() {
    let bed = Bed::new();
    let store = store_of_user(&bed, MAY_WRITE).await;
    let trial = try_requests(&store).await.unwrap();
    assert!(trial.overwrites && !trial.deletes, "{trial:?}");
    bed.server.set_bucket_policy("bucket", DENY_OVERWRITING).unwrap();
    let trial = try_requests(&store).await.unwrap();
    assert!(!trial.overwrites && !trial.deletes, "{trial:?}");
    assert_eq!(trial.wrong_reads, [""; 0]);
    assert!(probe_conditions(&store).await.unwrap().is_safe());
    // The administrator may delete, but not overwrite.
    let trial = try_requests(&bed.store().await).await.unwrap();
    assert!(!trial.overwrites && trial.deletes, "{trial:?}");
}

#[tokio::test]
async fn an_object_that_may_not_be_listed_is_not_taken_for_missing() {
    let bed = Bed::new();
    let policy =
        r#"{"Statement": {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}}"#;
    let store = store_of_user(&bed, policy).await;
    let error = store.get("meta/missing", None).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPermitted { .. }), "{error}");
}

#[tokio::test]
async fn parts_are_uploaded_where_conditions_are_enforced() {
    let bed = Bed::new();
    bed.server.set_bucket_policy("bucket", DENY_OVERWRITING).unwrap();
    let options = S3Options { multipart_above_bytes: 5 << 20, part_bytes_min: 5 << 20, ..bed.options() };
    let store = bed.store_with(options.clone()).await;
    store.create("data/a", pattern(6 << 20)).await.unwrap();
    // Without a condition, the completion is refused, and nothing of the upload is left behind.
    let plain = bed.store_with(S3Options { single_writer: true, ..options }).await;
    let error = plain.create("data/b", pattern(6 << 20)).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPermitted { .. }), "{error}");
    assert_eq!((bed.server.keys("bucket").len(), bed.server.open_uploads("bucket")), (1, 0));
}

#[tokio::test]
async fn a_server_that_refuses_ranges_past_the_end() {
    let bed = Bed::with(&ServerOptions { has_ranges_past_end: false, ..ServerOptions::default() });
    let trial = try_requests(&bed.store().await).await.unwrap();
    assert!(
        matches!(&trial.wrong_reads[..], [wrong] if wrong.contains("a range that ends past the end")),
        "{trial:?}"
    );
}

#[tokio::test]
async fn a_server_that_refuses_conditions_is_named() {
    let bed = Bed::with(&ServerOptions { refuses_conditions: true, ..ServerOptions::default() });
    let error = require_conditions(&bed.store().await).await.unwrap_err();
    assert!(
        matches!(&error, ProbeError::NotHonoured { ignored, .. } if ignored.contains("refuses conditional requests")),
        "{error}"
    );
    assert!(error.to_string().contains(&bed.server.url()), "{error}");
    assert_eq!(bed.server.keys("bucket"), [""; 0]);
    // A server that refuses every put is a different case.
    bed.inject("PUT", "", 100, Fault::error(501, "NotImplemented"));
    let error = require_conditions(&bed.store().await).await.unwrap_err();
    assert!(matches!(error, ProbeError::Store(StoreError::Unsupported { .. })), "{error}");
}
