use icecore_store::Environment;

use super::*;

#[test]
fn arns_name_their_region() {
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
    assert_eq!(region_of_arn(arn), Some("eu-west-1"));
    assert_eq!(region_of_arn("arn:aws-cn:kms:cn-north-1:1:alias/backup"), Some("cn-north-1"));
    for other in ["alias/backup", "1234abcd", "arn:aws:kms", "arn:aws:kms::1:key/x"] {
        assert_eq!(region_of_arn(other), None, "{other}");
    }
}

#[test]
fn a_data_key_of_another_length_is_refused() {
    assert_eq!(*secret(Some(Blob::new(vec![7; 32])), "key").unwrap(), [7; 32]);
    for wrong in [None, Some(Blob::new(vec![7; 31])), Some(Blob::new(vec![7; 33]))] {
        assert!(matches!(secret(wrong, "key"), Err(KmsError::Refused { .. })));
    }
}

/// Codes of the AWS KMS API Reference, `Decrypt`.
#[test]
fn errors_are_told_apart() {
    let error = |status, code: &str| {
        let mut failure = ServiceFailure::condition_failed();
        (failure.status, failure.code) = (status, code.to_owned());
        error_of(&failure, "key", "kms:Decrypt")
    };
    let denied = error(400, "AccessDeniedException");
    assert!(
        matches!(denied, KmsError::Denied { .. }) && denied.to_string().contains("kms:Decrypt"),
        "{denied}"
    );
    assert!(matches!(error(400, "DisabledException"), KmsError::Unusable { .. }));
    assert!(matches!(error(400, "KMSInvalidStateException"), KmsError::Unusable { .. }));
    assert!(matches!(error(400, "NotFoundException"), KmsError::NotFound { .. }));
    assert!(matches!(error(400, "InvalidCiphertextException"), KmsError::Foreign { .. }));
    assert!(matches!(error(400, "ExpiredTokenException"), KmsError::NoCredentials { .. }));
    assert!(matches!(error(503, ""), KmsError::Unavailable { .. }));
    assert!(matches!(error(400, "ValidationException"), KmsError::Refused { .. }));
    let lost = error_of(&ServiceFailure::connection("no route"), "key", "kms:Decrypt");
    assert_eq!(lost, KmsError::Unavailable { reason: "no route".to_owned() });
}

#[test]
fn a_server_that_cannot_be_reached_is_named_with_the_cause() {
    let peer = Peer { url: "https://kms.example".to_owned(), proxy: Some("http://proxy:3128".to_owned()) };
    let message = "client error (Connect): invalid peer certificate: UnknownIssuer";
    let mut failure = ServiceFailure::connection(message);
    failure.peer = Some(Box::new(peer));
    assert_eq!(
        error_of(&failure, "key", "kms:Decrypt").to_string(),
        "reach KMS: cannot reach https://kms.example through the proxy http://proxy:3128: its certificate is not \
         trusted (unknown issuer)"
    );
}

/// Needs a server that somebody has started, and a key on it.
#[tokio::test]
async fn a_data_key_opens_for_its_repository_only() {
    #[expect(clippy::disallowed_methods, reason = "a test is told its server by whoever runs it")]
    let variable = |name| std::env::var(name).ok();
    let (Some(url), Some(key)) = (variable("ICECORE_TESTS_KMS_URL"), variable("ICECORE_TESTS_KMS_KEY"))
    else {
        return;
    };
    let (access_key_id, secret_access_key) = ("AKTEST".to_owned(), "SKTEST".to_owned());
    let credentials = Credentials::Static { access_key_id, secret_access_key };
    let options = KmsOptions {
        endpoint_url: Some(url),
        region: Some("us-east-1".to_owned()),
        credentials,
        trust: Trust::default(),
        repetition: Repetition::new(Environment::system()),
    };
    let context = |repository: &str| [("icecore-repository", repository.to_owned())];
    let made = generate(&options, &key, &context("here")).await.unwrap();
    assert_eq!(unwrap(&options, &made.wrapped, &context("here")).await.unwrap(), made.secret);
    assert_ne!(generate(&options, &key, &context("here")).await.unwrap().secret, made.secret);
    let foreign = unwrap(&options, &made.wrapped, &context("there")).await.unwrap_err();
    assert!(matches!(foreign, KmsError::Foreign { .. }), "{foreign}");
    let missing = generate(&options, "alias/there-is-none", &context("here")).await.unwrap_err();
    assert!(matches!(missing, KmsError::NotFound { .. }), "{missing}");
}
