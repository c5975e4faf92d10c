//! The least that a role needs, as an IAM policy.

use serde_json::{Value, json};

use crate::arguments::doctor::Role;

/// Returns the policy of a role for a place in a bucket.
pub(super) fn of_role(role: Role, bucket: &str, prefix: &str) -> Value {
    // Requests to an access point are judged by its own ARN.
    let (bucket_arn, objects) = match bucket.strip_prefix("arn:") {
        Some(_) => (bucket.to_owned(), format!("{bucket}/object")),
        None => (format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}")),
    };
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let objects = format!("{objects}/{prefix}*");
    let listed = json!({
        "Sid": "List",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": bucket_arn,
        "Condition": {"StringLike": {"s3:prefix": format!("{prefix}*")}},
    });
    let (on_bucket, on_objects): (&[&str], &[&str]) = match role {
        Role::Restorer => (&[], &["s3:GetObject"]),
        Role::Writer => {
            (&["s3:ListBucketMultipartUploads"], &["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"])
        }
        Role::Maintainer => (
            &["s3:ListBucketMultipartUploads", "s3:GetLifecycleConfiguration", "s3:GetBucketVersioning"],
            &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        ),
    };
    let mut statements = vec![listed];
    if !on_bucket.is_empty() {
        statements
            .push(json!({"Sid": "Bucket", "Effect": "Allow", "Action": on_bucket, "Resource": bucket_arn}));
    }
    statements.push(json!({"Sid": "Objects", "Effect": "Allow", "Action": on_objects, "Resource": objects}));
    // Only what was encrypted as a key slot, under keys of the account; see the documentation for one key only.
    statements.push(json!({
        "Sid": "KeySlot",
        "Effect": "Allow",
        "Action": if role == Role::Restorer { json!("kms:Decrypt") } else { json!(["kms:Decrypt", "kms:GenerateDataKey"]) },
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:icecore-purpose": "key-slot"}},
    }));
    json!({"Version": "2012-10-17", "Statement": statements})
}

#[cfg(test)]
mod tests;
