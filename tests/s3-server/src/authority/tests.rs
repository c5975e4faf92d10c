use hyper::Request;

use super::*;

/// Returns the head of a request of the user `AK`.
fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1{target}"))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=AK/20261130/us-east-1/s3/aws4_request");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

const ALL: &str = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;

/// A bucket that refuses writes without a condition.
fn authority(policy: &str) -> Authority {
    let authority = Authority::new("AKROOT", "SK");
    authority.add_user("AK", "SK", policy).unwrap();
    let text = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}}}"#;
    authority.set_bucket_policy("bucket", text).unwrap();
    authority
}

fn is_denied(result: &Result<(), Refusal>) -> bool {
    matches!(result, Err(Refusal::Denied(_)))
}

#[test]
fn an_upload_in_parts_carries_its_condition_at_the_end() {
    let authority = authority(ALL);
    let judge = |method: &str, target: &str, headers: &[(&str, &str)]| {
        authority.judge(&head(method, target, headers))
    };
    let condition = [("if-none-match", "*")];
    assert_eq!(judge("PUT", "/bucket/a", &condition), Ok(()));
    assert!(is_denied(&judge("PUT", "/bucket/a", &[])));
    assert!(is_denied(&judge("PUT", "/bucket/a", &[("if-match", "\"tag\"")])));
    assert_eq!(judge("POST", "/bucket/a?uploads", &[]), Ok(()));
    assert_eq!(judge("PUT", "/bucket/a?partNumber=1&uploadId=u", &[]), Ok(()));
    assert!(is_denied(&judge("POST", "/bucket/a?uploadId=u", &[])));
    assert_eq!(judge("POST", "/bucket/a?uploadId=u", &condition), Ok(()));
    // The bucket policy also applies to the administrator of the account.
    let root = head("PUT", "/bucket/a", &[]);
    let mut root = root;
    root.headers.insert("authorization", "AWS4-HMAC-SHA256 Credential=AKROOT/x".parse().unwrap());
    assert!(is_denied(&authority.judge(&root)));
}

#[test]
fn copies_are_denied_without_a_condition_and_unknown_with_one() {
    let authority = authority(ALL);
    let source = ("x-amz-copy-source", "bucket/a");
    assert!(is_denied(&authority.judge(&head("PUT", "/bucket/a", &[source]))));
    let conditional = head("PUT", "/bucket/a", &[source, ("if-none-match", "*")]);
    assert_eq!(authority.judge(&conditional), Err(Refusal::NotImplemented));
}

#[test]
fn what_no_policy_allows_is_denied_with_the_words_of_s3() {
    let policy = r#"{"Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket",
         "Condition": {"StringLike": {"s3:prefix": "some/*"}}},
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "arn:aws:s3:::bucket/some/*"}]}"#;
    let authority = authority(policy);
    let judge = |method: &str, target: &str, headers: &[(&str, &str)]| {
        authority.judge(&head(method, target, headers))
    };
    assert_eq!(judge("GET", "/bucket/?list-type=2&prefix=some%2Fprefix%2F", &[]), Ok(()));
    assert!(is_denied(&judge("GET", "/bucket/?list-type=2&prefix=other", &[])));
    assert!(is_denied(&judge("GET", "/bucket/?list-type=2", &[])));
    let expected = "User: arn:aws:iam::111122223333:user/AK is not authorized to perform: s3:DeleteObject on \
                    resource: \"arn:aws:s3:::bucket/some/a\" because no identity-based policy allows the \
                    s3:DeleteObject action";
    assert_eq!(judge("DELETE", "/bucket/some/a", &[]), Err(Refusal::Denied(expected.to_owned())));
    assert!(is_denied(&authority.judge_deletion("AK", "bucket", "some/a")));
    // Only users who may read an object may know its state.
    assert!(is_denied(&judge("PUT", "/bucket/some/a", &[("if-none-match", "*"), ("if-match", "\"tag\"")])));
    assert!(!authority.hides_absence(&head("GET", "/bucket/some/a", &[])));
    assert!(authority.hides_absence(&head("GET", "/bucket/other/a", &[])));
}
