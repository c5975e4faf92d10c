//! Servers with TLS: which certificates are trusted, and the errors for the others.

use icecore_store::{error::ConnectionCause, retry::Repetition};
use s3_test_server::{TestAuthority, TestCertificate, TlsFront};

use super::*;
use crate::{
    kms::{KmsError, KmsOptions, generate},
    trust::Trust,
};

/// Reads an object that does not exist; returns the error.
async fn failure(bed: &Bed, front: &TlsFront, trust: Trust) -> StoreError {
    let options = S3Options { endpoint_url: Some(front.url()), trust, ..bed.options() };
    bed.store_with(options).await.get("meta/a", None).await.unwrap_err()
}

fn assert_unreachable(error: &StoreError, front: &TlsFront, expected: &ConnectionCause) {
    let StoreError::Unreachable { endpoint, proxy: None, cause } = error else { panic!("{error}") };
    assert_eq!((endpoint, cause), (&front.url(), expected));
    assert!(!error.is_transient());
}

fn only(pem: &str) -> Trust {
    Trust::only(pem.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_trusted_if_its_authority_is_named() {
    let (bed, authority) = (Bed::new(), TestAuthority::new().unwrap());
    let front = TlsFront::start(bed.server.port(), &authority.sign().unwrap()).unwrap();
    let error = failure(&bed, &front, only(authority.certificate())).await;
    assert!(error.is_not_found(), "{error}");
    let untrusted = ConnectionCause::UntrustedCertificate;
    assert_unreachable(&failure(&bed, &front, Trust::default()).await, &front, &untrusted);
    // Another one with the same name.
    let forged = ConnectionCause::BadCertificate { reason: "BadSignature".to_owned() };
    let other = TestAuthority::new().unwrap();
    assert_unreachable(&failure(&bed, &front, only(other.certificate())).await, &front, &forged);
    assert!(bed.sleep.recorded().is_empty(), "a certificate does not get better by waiting");
}

#[tokio::test]
async fn a_certificate_that_a_server_signed_itself_is_trusted_if_it_is_named() {
    let bed = Bed::new();
    let certificate = TestCertificate::self_signed(false).unwrap();
    let front = TlsFront::start(bed.server.port(), &certificate).unwrap();
    let error = failure(&bed, &front, only(&certificate.certificate)).await;
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn the_certificate_of_an_authority_is_none_of_a_server() {
    let bed = Bed::new();
    let certificate = TestCertificate::self_signed(true).unwrap();
    let front = TlsFront::start(bed.server.port(), &certificate).unwrap();
    let error = failure(&bed, &front, only(&certificate.certificate)).await;
    assert_unreachable(&error, &front, &ConnectionCause::AuthorityCertificate);
}

#[tokio::test]
async fn a_certificate_for_another_name_says_which_names_it_has() {
    let (bed, authority) = (Bed::new(), TestAuthority::new().unwrap());
    let certificate = authority.sign_for("subjectAltName=DNS:storage.example").unwrap();
    let front = TlsFront::start(bed.server.port(), &certificate).unwrap();
    let error = failure(&bed, &front, only(authority.certificate())).await;
    let StoreError::Unreachable { cause: ConnectionCause::MisnamedCertificate { names }, .. } = &error else {
        panic!("{error}")
    };
    assert!(names.as_deref().unwrap_or_default().contains("storage.example"), "{error}");
}

#[tokio::test]
async fn kms_trusts_the_same_certificates() {
    let (bed, authority) = (Bed::new(), TestAuthority::new().unwrap());
    let front = TlsFront::start(bed.server.port(), &authority.sign().unwrap()).unwrap();
    let failure = async |trust| {
        let options = KmsOptions {
            endpoint_url: Some(front.url()),
            region: Some("us-east-1".to_owned()),
            credentials: bed.options().credentials,
            trust,
            repetition: Repetition::new(Environment::system()),
        };
        generate(&options, "alias/key", &[]).await.unwrap_err()
    };
    let KmsError::Unreachable(unreached) = failure(Trust::default()).await else { panic!() };
    assert_eq!(unreached.cause, ConnectionCause::UntrustedCertificate);
    assert_eq!(unreached.endpoint, front.url());
    // This is the answer of the S3 server.
    let error = failure(only(authority.certificate())).await;
    assert!(!matches!(error, KmsError::Unreachable(_) | KmsError::Unavailable { .. }), "{error}");
}
