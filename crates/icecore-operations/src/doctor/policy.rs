//! The least permissions of a role, as an IAM policy, and refusals of the bucket, as its own policy.

use icecore_access::RepositoryAccess;
use icecore_format::layout::{
    DATA_PREFIX, GC_PREFIX, HEADER_KEY, INDEX_PREFIX, KEYS_PREFIX, LOG_PREFIX, MANIFEST_PREFIX, PACKS_PREFIX,
    QUARANTINE_PREFIX,
};
use icecore_store::RepositoryLocation;
use serde::Serialize;
use serde_json::{Value, json};

use super::request::Role;
use crate::error::{OperationError, OperationResult};

/// Names of objects that are written once; `*` stands for the rest. All others (snapshots, the test objects of
/// `doctor`, and what `prune` changes: the header and the records of collections) may also be replaced, in the
/// state that the request names.
const WRITTEN_ONCE: [(&str, &str); 7] = [
    (KEYS_PREFIX, "*"),
    (PACKS_PREFIX, "*"),
    (MANIFEST_PREFIX, "*"),
    (LOG_PREFIX, "*"),
    (INDEX_PREFIX, "*"),
    (QUARANTINE_PREFIX, "*"),
    (DATA_PREFIX, "*"),
];
/// Actions that destroy an object, cause its destruction, or remove its protection.
const HARMS_OBJECTS: [&str; 8] = [
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:BypassGovernanceRetention",
];
/// Actions that do the same to all objects at once.
const HARMS_BUCKET: [&str; 7] = [
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutReplicationConfiguration",
];

/// A policy, in the language of AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Policy(Value);

/// Returns the policy of a role for a repository, which does not have to exist: nothing is requested from S3.
pub fn policy(access: &RepositoryAccess, role: Role) -> OperationResult<Policy> {
    let RepositoryLocation::S3 { bucket, prefix } = access.location()? else {
        return Err(OperationError::PolicyWithoutBucket);
    };
    Ok(Policy(of_role(role, bucket, prefix)))
}

/// ARNs of a repository.
struct Resources {
    bucket: String,
    /// Prefix of the keys of the repository in the bucket, with a slash at its end unless it is empty.
    prefix: String,
    /// Beginning of the ARNs of objects, before their keys.
    beginning: String,
}

impl Resources {
    fn of(bucket: &str, prefix: &str) -> Self {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        // AWS judges requests to an access point by its own ARN.
        let (bucket, objects) = match bucket.strip_prefix("arn:") {
            Some(_) => (bucket.to_owned(), format!("{bucket}/object")),
            None => (format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}")),
        };
        Self { bucket, beginning: format!("{objects}/{prefix}"), prefix }
    }

    /// Returns the ARNs of objects whose keys begin with `name`.
    fn below(&self, name: &str) -> String {
        format!("{}{name}*", self.beginning)
    }

    /// Returns the ARNs of objects that somebody in this role writes once. Only `prune` changes the header, so
    /// stolen credentials of a writer need not be able to.
    fn written_once(&self, role: Role) -> Vec<String> {
        let Self { beginning, .. } = self;
        let header = (role == Role::Writer).then_some((HEADER_KEY, ""));
        let all = header.into_iter().chain(WRITTEN_ONCE);
        all.map(|(name, rest)| format!("{beginning}{name}{rest}")).collect()
    }
}

/// Returns the policy of a role for a location in a bucket.
fn of_role(role: Role, bucket: &str, prefix: &str) -> Value {
    let resources = Resources::of(bucket, prefix);
    let statements = match role {
        Role::Bucket => unconditional_writes(role, &resources).map(for_everybody).to_vec(),
        Role::Writer => [permissions(role, &resources), denials(&resources)].concat(),
        Role::Restorer | Role::Maintainer => permissions(role, &resources),
    };
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn permissions(role: Role, resources: &Resources) -> Vec<Value> {
    let Resources { bucket, prefix, .. } = resources;
    let (on_bucket, on_objects): (&[&str], &[&str]) = match role {
        Role::Writer => {
            (&["s3:ListBucketMultipartUploads"], &["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"])
        }
        Role::Maintainer => (
            &["s3:ListBucketMultipartUploads", "s3:GetLifecycleConfiguration", "s3:GetBucketVersioning"],
            &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        ),
        Role::Restorer | Role::Bucket => (&[], &["s3:GetObject"]),
    };
    let mut statements = vec![json!({
        "Sid": "List",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": bucket,
        "Condition": {"StringLike": {"s3:prefix": format!("{prefix}*")}},
    })];
    if !on_bucket.is_empty() {
        statements.push(json!({"Sid": "Bucket", "Effect": "Allow", "Action": on_bucket, "Resource": bucket}));
    }
    let objects = resources.below("");
    statements.push(json!({"Sid": "Objects", "Effect": "Allow", "Action": on_objects, "Resource": objects}));
    // Only data that was encrypted as a key slot, under keys of the account; the documentation shows how to
    // allow a single key.
    statements.push(json!({
        "Sid": "KeySlot",
        "Effect": "Allow",
        "Action": if role == Role::Restorer { json!("kms:Decrypt") } else { json!(["kms:Decrypt", "kms:GenerateDataKey"]) },
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:icecore-purpose": "key-slot"}},
    }));
    statements
}

/// Returns the denials for a writer, whatever other policies allow.
fn denials(resources: &Resources) -> Vec<Value> {
    let mut statements = unconditional_writes(Role::Writer, resources).to_vec();
    let (objects, bucket) = (resources.below(""), &resources.bucket);
    // Objects there stop all writers, or belong to a repair: only maintainers write them.
    let not_its_own = [GC_PREFIX, QUARANTINE_PREFIX].map(|name| resources.below(name));
    statements.push(
        json!({"Sid": "NotItsOwn", "Effect": "Deny", "Action": "s3:PutObject", "Resource": not_its_own}),
    );
    statements.push(json!({"Sid": "NoHarm", "Effect": "Deny", "Action": HARMS_OBJECTS, "Resource": objects}));
    statements
        .push(json!({"Sid": "NoHarmToAll", "Effect": "Deny", "Action": HARMS_BUCKET, "Resource": bucket}));
    statements
}

/// Returns statements that deny writes which could overwrite an object unseen (S3 User Guide, *Enforce
/// conditional writes on Amazon S3 buckets*). Parts of an upload have no condition; the request that
/// completes it has one.
fn unconditional_writes(role: Role, resources: &Resources) -> [Value; 2] {
    let deny = |sid: &str, objects: Value, absent: Value| {
        json!({
            "Sid": sid,
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": {"Null": absent, "Bool": {"s3:ObjectCreationOperation": "true"}},
        })
    };
    [
        deny("CreateOnly", json!(resources.written_once(role)), json!({"s3:if-none-match": "true"})),
        deny(
            "CreateOrReplace",
            json!(resources.below("")),
            json!({"s3:if-none-match": "true", "s3:if-match": "true"}),
        ),
    ]
}

fn for_everybody(mut statement: Value) -> Value {
    statement["Principal"] = json!("*");
    statement
}

#[cfg(test)]
mod tests;
