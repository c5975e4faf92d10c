use super::*;

fn of_connection(endpoint: &str, proxy: Option<&str>, cause: &ConnectionCause) -> String {
    of(endpoint, proxy, cause, Flag::EndpointUrl.into()).into()
}

const PROXY: Option<&str> = Some("http://proxy:3128");

#[test]
fn a_proxy_is_what_to_check_if_there_is_one() {
    let hint = |proxy| of_connection("https://s3.example:9000", proxy, &ConnectionCause::Refused);
    assert!(hint(None).contains("--endpoint-url"));
    assert!(hint(PROXY).ends_with("NO_PROXY=s3.example"), "{}", hint(PROXY));
    let untrusted = of_connection("https://s3.example", PROXY, &ConnectionCause::UntrustedCertificate);
    assert!(untrusted.contains("--ca-file"), "{untrusted}");
}

#[test]
fn a_certificate_that_no_server_can_use_is_made_again() {
    let hint = |endpoint| of_connection(endpoint, None, &ConnectionCause::AuthorityCertificate);
    assert!(hint("https://s3.example:9000").contains("subjectAltName=DNS:s3.example -addext"));
    assert!(hint("https://10.0.0.1:9000").contains("subjectAltName=IP:10.0.0.1 -addext"));
    assert!(hint("https://[fd00::1]:9000").contains("subjectAltName=IP:fd00::1 -addext"));
}

#[test]
fn nothing_that_does_not_pass_is_to_be_tried_later() {
    for cause in [
        ConnectionCause::NoSuchHost,
        ConnectionCause::UntrustedCertificate,
        ConnectionCause::AuthorityCertificate,
        ConnectionCause::ExpiredCertificate,
        ConnectionCause::MisnamedCertificate { names: None },
        ConnectionCause::BadCertificate { reason: "BadSignature".to_owned() },
        ConnectionCause::ProxyCredentials,
    ] {
        for proxy in [None, PROXY] {
            let hint = of_connection("https://host", proxy, &cause);
            assert!(!hint.contains("later"), "{hint}");
        }
    }
}
