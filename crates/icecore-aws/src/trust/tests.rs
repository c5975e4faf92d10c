use s3_test_server::{TestAuthority, TestCertificate};

use super::*;

#[test]
fn certificates_are_read_from_pem() {
    let authority = TestAuthority::new().unwrap();
    assert!(Trust::only(authority.certificate().as_bytes()).unwrap().only.is_some());
    let text = format!("# A comment\n{}\n{}", authority.certificate(), authority.certificate());
    assert!(Trust::only(text.as_bytes()).is_ok());
    for nothing in
        [&b""[..], b"\x30\x82\x01\x0a", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
    {
        assert_eq!(Trust::only(nothing).unwrap_err(), TrustError::NoCertificate);
    }
}

#[test]
fn a_certificate_that_cannot_be_read_does_not_hide_the_others() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = Trust::only(broken.as_bytes()).unwrap_err();
    assert!(matches!(error, TrustError::Unusable { .. }), "{error}");
    let good = TestCertificate::self_signed(false).unwrap().certificate;
    assert!(Trust::only(format!("{broken}{good}").as_bytes()).is_ok());
}
