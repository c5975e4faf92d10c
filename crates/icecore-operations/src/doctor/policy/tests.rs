use super::*;

fn statements(role: Role, effect: &str) -> Vec<Value> {
    let policy = of_role(role, "bucket", "some/prefix");
    let statements = policy["Statement"].as_array().unwrap().clone();
    statements.into_iter().filter(|statement| statement["Effect"] == effect).collect()
}

/// Returns a text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        list => list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
    }
}

fn actions(role: Role, effect: &str) -> Vec<String> {
    statements(role, effect).iter().flat_map(|statement| texts(&statement["Action"])).collect()
}

#[test]
fn each_role_can_do_what_it_has_to_and_no_more() {
    assert_eq!(actions(Role::Restorer, "Allow"), ["s3:ListBucket", "s3:GetObject", "kms:Decrypt"]);
    assert!(!actions(Role::Writer, "Allow").iter().any(|action| action.contains("Delete")));
    assert!(actions(Role::Writer, "Allow").contains(&"s3:PutObject".to_owned()));
    assert!(actions(Role::Writer, "Allow").contains(&"kms:GenerateDataKey".to_owned()));
    assert!(actions(Role::Maintainer, "Allow").contains(&"s3:DeleteObject".to_owned()));
    assert!(actions(Role::Bucket, "Allow").is_empty(), "the policy of a bucket gives nothing to anybody");
}

#[test]
fn a_writer_is_denied_what_destroys() {
    let denied = actions(Role::Writer, "Deny");
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutLifecycleConfiguration"] {
        assert!(denied.contains(&action.to_owned()), "{action}");
    }
    assert!(actions(Role::Maintainer, "Deny").is_empty() && actions(Role::Restorer, "Deny").is_empty());
}

#[test]
fn resources_are_those_of_the_prefix() {
    let policy = of_role(Role::Restorer, "bucket", "some/prefix");
    assert_eq!(policy["Statement"][1]["Resource"], "arn:aws:s3:::bucket/some/prefix/*");
    assert_eq!(policy["Statement"][0]["Condition"]["StringLike"]["s3:prefix"], "some/prefix/*");
    let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/backup";
    let policy = of_role(Role::Restorer, point, "some/prefix");
    assert_eq!(policy["Statement"][0]["Resource"], point);
    assert_eq!(policy["Statement"][1]["Resource"], format!("{point}/object/some/prefix/*"));
    let whole = of_role(Role::Restorer, "bucket", "");
    assert_eq!(whole["Statement"][1]["Resource"], "arn:aws:s3:::bucket/*");
    for resource in
        statements(Role::Bucket, "Deny").iter().flat_map(|statement| texts(&statement["Resource"]))
    {
        assert!(resource.starts_with("arn:aws:s3:::bucket/some/prefix/"), "{resource}");
    }
    let whole = of_role(Role::Bucket, "bucket", "");
    assert_eq!(whole["Statement"][1]["Resource"], "arn:aws:s3:::bucket/*");
}

#[test]
fn everything_but_snapshots_and_what_prune_changes_is_written_once() {
    let [once, all] = unconditional_writes(Role::Bucket, &Resources::of("bucket", ""));
    let once = texts(&once["Resource"]);
    let header = "arn:aws:s3:::bucket/icecore".to_owned();
    assert!(
        !once.contains(&header) && !once.iter().any(|resource| resource.contains("meta/gc/")),
        "{once:?}"
    );
    let [of_writer, _] = unconditional_writes(Role::Writer, &Resources::of("bucket", ""));
    assert!(texts(&of_writer["Resource"]).contains(&header));
    assert!(once.contains(&"arn:aws:s3:::bucket/data/*".to_owned()));
    assert!(once.iter().all(|resource| !resource.contains("snapshots")), "{once:?}");
    assert_eq!(all["Condition"]["Null"], json!({"s3:if-none-match": "true", "s3:if-match": "true"}));
}

/// A managed policy has at most 6,144 characters without white space, a bucket's 20 KiB (IAM and S3 quotas).
#[test]
fn policies_are_small_enough_for_long_names() {
    let (bucket, prefix) = ("b".repeat(63), "p".repeat(60));
    for role in [Role::Writer, Role::Maintainer, Role::Restorer, Role::Bucket] {
        let length = of_role(role, &bucket, &prefix).to_string().len();
        assert!(length <= 6_144, "{role:?}: {length}");
    }
}
