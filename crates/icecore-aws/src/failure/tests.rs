use std::time::Duration;

use icecore_store::{Environment, StoreError, error::MissingPermission};

use super::{sdk_error::http_date, *};
use crate::{action::Action, location::S3Location};

fn answered(status: u16, code: &str, message: &str) -> ServiceFailure {
    let failure = ServiceFailure::without_answer(FailureKind::Answered, message.to_owned());
    ServiceFailure { status, code: code.to_owned(), likeness: Likeness::S3, ..failure }
}

fn elsewhere(region: Option<&str>, redirect: Option<&str>) -> Elsewhere {
    Elsewhere { region: region.map(str::to_owned), redirect: redirect.map(str::to_owned) }
}

fn told(failure: ServiceFailure, action: Action) -> StoreError {
    failure.into_store_error(&S3Location::example(Environment::system()), action, "meta/a", true)
}

#[test]
fn what_may_be_repeated() {
    for (status, code) in [
        (503, "SlowDown"),
        (503, ""),
        (500, "InternalError"),
        (429, "TooManyRequests"),
        (409, "ConditionalRequestConflict"),
        (400, "RequestTimeout"),
        (400, "BadDigest"),
        (400, "XAmzContentSHA256Mismatch"),
    ] {
        assert!(answered(status, code, "").is_transient(), "{status} {code}");
    }
    for (status, code) in [
        (412, "PreconditionFailed"),
        (403, "AccessDenied"),
        (403, "ExpiredToken"),
        (404, "NoSuchKey"),
        (301, "PermanentRedirect"),
        (400, "InvalidRequest"),
        (501, "NotImplemented"),
    ] {
        assert!(!answered(status, code, "").is_transient(), "{status} {code}");
    }
    assert!(ServiceFailure::connection("reset").is_transient());
}

#[test]
fn what_is_not_permitted_is_named_as_policies_name_it() {
    let denied = || answered(403, "AccessDenied", "Access Denied");
    let error = told(denied(), Action::Put);
    assert_eq!(
        error.to_string(),
        "s3:PutObject on arn:aws:s3:::bucket/prefix/meta/a is not allowed: Access Denied (AccessDenied)"
    );
    let error = told(denied(), Action::List);
    assert!(error.to_string().starts_with("s3:ListBucket on arn:aws:s3:::bucket is not allowed"), "{error}");
    // The answer to HEAD has no body with more facts.
    let error = told(answered(403, "", ""), Action::Head);
    assert!(error.to_string().starts_with("s3:GetObject on arn:aws:s3:::bucket/prefix/meta/a"), "{error}");
}

#[test]
fn a_key_of_kms_that_may_not_be_used_is_named() {
    let message = "User: arn:aws:iam::1:user/u is not authorized to perform: kms:GenerateDataKey on resource: \
        arn:aws:kms:eu-central-1:1:key/k because no identity-based policy allows the kms:GenerateDataKey action";
    let error = told(answered(403, "AccessDenied", message), Action::Put);
    let StoreError::NotPermitted(missing) = error else { panic!("{error}") };
    let MissingPermission { action, resource, .. } = *missing;
    assert_eq!(
        (action.as_str(), resource.as_str()),
        ("kms:GenerateDataKey", "arn:aws:kms:eu-central-1:1:key/k")
    );
}

#[test]
fn the_right_region_is_told() {
    let redirected = ServiceFailure {
        elsewhere: Some(elsewhere(Some("eu-west-1"), None).into()),
        ..answered(301, "PermanentRedirect", "")
    };
    assert_eq!(told(redirected, Action::Get).to_string(), "bucket bucket is in the region eu-west-1");
    let message =
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'";
    let error = told(answered(400, "AuthorizationHeaderMalformed", message), Action::Get);
    assert_eq!(error.to_string(), "bucket bucket is in the region eu-central-1");
    assert_eq!(told(answered(301, "", ""), Action::Head).to_string(), "bucket bucket is in another region");
}

#[test]
fn credentials_clock_and_bucket() {
    let error = told(answered(400, "ExpiredToken", "The provided token has expired."), Action::Get);
    assert!(matches!(error, StoreError::CredentialsRefused { expired: true, .. }), "{error}");
    for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"] {
        let error = told(answered(403, code, ""), Action::Get);
        assert!(matches!(error, StoreError::CredentialsRefused { expired: false, .. }), "{error}");
    }
    let error = told(answered(404, "NoSuchBucket", ""), Action::Get);
    assert!(matches!(error, StoreError::NoSuchBucket { .. }), "{error}");
    let hour_ago = Duration::from_hours(1);
    let environment = Environment::system();
    let server = Some(environment.clock.now() - hour_ago);
    let times = Some(Box::new(AnswerTimes { server, retry_after: None }));
    let skewed = ServiceFailure { times, ..answered(403, "RequestTimeTooSkewed", "") };
    let StoreError::ClockSkew { seconds: Some(seconds), .. } = told(skewed, Action::Get) else { panic!() };
    assert!((3_599..=3_601).contains(&seconds), "{seconds}");
}

#[test]
fn dates_of_http() {
    let date = http_date("Thu, 01 Jan 1970 00:01:00 GMT").unwrap();
    assert_eq!(date, SystemTime::UNIX_EPOCH + Duration::from_mins(1));
    assert_eq!(http_date("yesterday"), None);
}

#[test]
fn a_success_with_another_body_is_a_request_that_the_server_does_not_know() {
    let listing = answered(200, "", "").or_not_implemented();
    assert!(listing.is_not_implemented() && !listing.is_transient());
    let broken = ServiceFailure { status: 200, ..ServiceFailure::connection("connection reset") };
    let broken = broken.or_not_implemented();
    assert!(!broken.is_not_implemented() && broken.is_transient());
}

#[test]
fn a_connection_that_fails_later_says_where_and_why() {
    let peer = Peer { url: "https://host:9000".to_owned(), proxy: Some("http://proxy:3128".to_owned()) };
    let refused = "client error (Connect): tcp connect error: Connection refused (os error 111)";
    let failure = ServiceFailure { peer: Some(Box::new(peer)), ..ServiceFailure::connection(refused) };
    let expected =
        "cannot reach https://host:9000 through the proxy http://proxy:3128: the connection was refused";
    assert_eq!(
        told(failure.clone(), Action::Get).to_string(),
        format!("get meta/a failed temporarily: {expected}")
    );
    let place = S3Location::example(Environment::system());
    assert_eq!(failure.into_store_error(&place, Action::Get, "meta/a", false).to_string(), expected);
}

#[test]
fn a_service_for_credentials_that_cannot_be_reached_is_named() {
    let failure = |url: &str| {
        let peer = Peer { url: url.to_owned(), proxy: None };
        let message = "client error (Connect): invalid peer certificate: UnknownIssuer".to_owned();
        let failure = ServiceFailure::without_answer(FailureKind::NoCredentials, message);
        told(ServiceFailure { peer: Some(Box::new(peer)), ..failure }, Action::Get)
    };
    assert_eq!(
        failure("https://sts.example").to_string(),
        "cannot reach https://sts.example for credentials: its certificate is not trusted (unknown issuer)"
    );
    assert!(matches!(failure("http://169.254.169.254"), StoreError::NoCredentials { .. }));
}

#[test]
fn a_redirect_to_tls_is_no_other_region() {
    let place = S3Location::at_url("http://host:9000", Environment::system());
    let redirected = |likeness| {
        let elsewhere = Some(elsewhere(None, Some("https://host:9000")).into());
        let failure = ServiceFailure { likeness, elsewhere, ..answered(301, "", "") };
        failure.into_store_error(&place, Action::Head, "meta/a", false)
    };
    for likeness in [Likeness::Unclear, Likeness::S3, Likeness::Foreign("a web page".into())] {
        let error = redirected(likeness);
        assert_eq!(error.to_string(), "http://host:9000 redirects to https://host:9000");
    }
    // S3 itself names the region.
    let elsewhere = Some(elsewhere(Some("eu-west-1"), Some("https://host")).into());
    let failure = ServiceFailure { elsewhere, ..answered(301, "", "") };
    let error = failure.into_store_error(&place, Action::Head, "meta/a", false);
    assert!(matches!(error, StoreError::WrongRegion { region: Some(_), .. }), "{error}");
}
