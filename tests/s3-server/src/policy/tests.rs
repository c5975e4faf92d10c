use super::*;

const ALICE: &str = "arn:aws:iam::111122223333:user/Alice";

fn bucket_policy(text: &str) -> Result<Policy, String> {
    Policy::parse(text, Owner::Bucket("bucket"))
}

/// Judges a request to write an object, with these condition keys.
fn write(policy: &Policy, context: &[(&'static str, &str)]) -> Decision {
    let context = context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let (principal, action, resource) = (ALICE, "s3:PutObject", "arn:aws:s3:::bucket/data/a");
    policy.judge(&Question { principal, action, resource, context: &context })
}

/// The first example of *Enforce conditional writes on Amazon S3 buckets*, in the S3 User Guide.
const CREATE_ONLY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "AllowConditionalPut", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:user/Alice"}, "Action": "s3:PutObject",
     "Resource": "arn:aws:s3:::bucket/*",
     "Condition": {"Null": {"s3:if-none-match": "false"}, "Bool": {"s3:ObjectCreationOperation": "true"}}},
    {"Sid": "AllowConditionalPutwithMPU", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:user/Alice"}, "Action": "s3:PutObject",
     "Resource": "arn:aws:s3:::bucket/*",
     "Condition": {"Bool": {"s3:ObjectCreationOperation": "false"}}}]}"#;

#[test]
fn only_conditional_requests_create_objects() {
    let policy = bucket_policy(CREATE_ONLY).unwrap();
    let create = ("s3:objectcreationoperation", "true");
    assert_eq!(write(&policy, &[create]), Decision::Silent);
    assert_eq!(write(&policy, &[create, ("s3:if-match", "\"tag\"")]), Decision::Silent);
    assert_eq!(write(&policy, &[create, ("s3:if-none-match", "*")]), Decision::Allowed);
    assert_eq!(write(&policy, &[("s3:objectcreationoperation", "false")]), Decision::Allowed);
}

#[test]
fn a_denial_wins_and_all_its_conditions_have_to_hold() {
    let text = r#"{"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*",
         "Condition": {"Null": {"s3:if-none-match": "true", "s3:if-match": "true"},
                       "Bool": {"s3:ObjectCreationOperation": "true"}}}]}"#;
    let policy = bucket_policy(text).unwrap();
    let create = ("s3:objectcreationoperation", "true");
    assert_eq!(write(&policy, &[create]), Decision::Denied);
    assert_eq!(write(&policy, &[create, ("s3:if-match", "\"tag\"")]), Decision::Allowed);
    assert_eq!(write(&policy, &[create, ("s3:if-none-match", "*")]), Decision::Allowed);
    assert_eq!(write(&policy, &[("s3:objectcreationoperation", "false")]), Decision::Allowed);
}

#[test]
fn operators_compare_as_they_do_on_aws() {
    let holds = |operator: &str, values: &str, prefix: Option<&str>| {
        let conditions = serde_json::from_str(&format!(r#"{{"{operator}": {{"s3:prefix": {values}}}}}"#));
        let context = prefix.map(|prefix| ("s3:prefix", prefix.to_owned())).into_iter().collect();
        Condition::parse_all(&conditions.unwrap()).unwrap().iter().all(|condition| condition.holds(&context))
    };
    assert!(holds("StringLike", r#""some/*""#, Some("some/prefix/")));
    assert!(!holds("StringLike", r#""some/*""#, Some("other/some/")));
    assert!(!holds("StringLike", r#""some/*""#, None));
    assert!(holds("StringLikeIfExists", r#""some/*""#, None));
    assert!(holds("StringEquals", r#"["a", "b"]"#, Some("b")));
    assert!(!holds("StringNotEquals", r#"["a", "b"]"#, Some("b")));
    assert!(holds("StringNotEquals", r#"["a", "b"]"#, None), "a key that is absent equals nothing");
    assert!(holds("Null", r#""true""#, None) && !holds("Null", r#""false""#, None));
}

#[test]
fn patterns_match_whole_texts() {
    for (pattern, text, expected) in [
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*", "", true),
        ("*b*b", "abab", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn malformed_policies_are_refused_as_s3_does() {
    let statement = |action: &str, resource: &str, condition: &str| {
        bucket_policy(&format!(
            r#"{{"Statement": {{"Effect": "Deny", "Principal": "*", "Action": {action}, "Resource": "{resource}"
               {condition}}}}}"#
        ))
        .map(drop)
    };
    let objects = "arn:aws:s3:::bucket/*";
    let null = r#", "Condition": {"Null": {"s3:if-none-match": "true"}}"#;
    assert_eq!(statement(r#""s3:PutObject""#, objects, null), Ok(()));
    for (result, expected) in [
        (statement(r#""s3:PutObject""#, "arn:aws:s3:::other/*", ""), "invalid resource"),
        (statement(r#""s3:ListBucket""#, objects, ""), "does not apply to any resource"),
        (statement(r#"["s3:PutObject", "s3:DeleteObject"]"#, objects, null), "Conditions do not apply"),
        (
            statement(
                r#""s3:PutObject""#,
                objects,
                r#", "Condition": {"Null": {"s3:if-non-match": "true"}}"#,
            ),
            "key",
        ),
        (statement(r#""s3:PutObject""#, objects, r#", "Conditions": {}"#), "unknown element"),
    ] {
        assert!(result.as_ref().is_err_and(|error| error.contains(expected)), "{expected}: {result:?}");
    }
    assert!(Policy::parse(CREATE_ONLY, Owner::User).is_err(), "a user's policy has no principal");
}
