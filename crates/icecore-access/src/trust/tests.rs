use super::*;
use crate::events::tests::with_causes;

#[test]
fn a_missing_profile_is_named_with_the_files() {
    let error = ProfileError::Missing { name: "ofice".to_owned() };
    let files: [PathBuf; 2] = ["/home/u/.aws/config".into(), "/home/u/.aws/credentials".into()];
    let failure = missing_profile(error, &Credentials::Chain, &files);
    assert_eq!(
        failure.to_string(),
        "failed to find the AWS profile \"ofice\" (AWS_PROFILE) in /home/u/.aws/config and in \
         /home/u/.aws/credentials"
    );
}

#[test]
fn a_file_that_has_no_certificates_is_named_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authority.der");
    let failure = read(&path, TrustOrigin::Settings).unwrap_err();
    assert!(with_causes(&failure).contains("(--ca-file): No such file"), "{failure:?}");
    fs::write(&path, b"\x30\x82").unwrap();
    let failure = read(&path, TrustOrigin::Environment).unwrap_err();
    assert!(
        failure.to_string().contains("(AWS_CA_BUNDLE): failed to find a certificate in PEM format"),
        "{failure:?}"
    );
    assert!(matches!(failure, AccessError::CertificatesUnusable { is_pem: false, .. }));
    fs::write(&path, b"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n").unwrap();
    let failure = read(&path, TrustOrigin::Settings).unwrap_err();
    assert!(matches!(failure, AccessError::CertificatesUnusable { is_pem: true, .. }));
}
