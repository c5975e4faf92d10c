use super::*;

#[test]
fn causes_are_found_in_what_the_layers_below_say() {
    for (message, expected) in [
        (
            "io error: client error (Connect): tcp connect error: Connection refused (os error 111)",
            ConnectionCause::Refused,
        ),
        (
            "client error (Connect): dns error: failed to lookup address information: Name or service not known",
            ConnectionCause::NoSuchHost,
        ),
        ("HTTP connect timeout occurred after 10s", ConnectionCause::NoAnswer),
        (
            "client error (Connect): invalid peer certificate: UnknownIssuer",
            ConnectionCause::UntrustedCertificate,
        ),
        (
            "client error (Connect): invalid peer certificate: certificate expired: verification time 2 (UNIX), but certificate is not valid after 1",
            ConnectionCause::ExpiredCertificate,
        ),
        (
            "client error (Connect): invalid peer certificate: certificate not valid yet: verification time 1 (UNIX), but",
            ConnectionCause::EarlyCertificate,
        ),
        (
            "client error (Connect): invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for DnsName(\"b\")",
            ConnectionCause::MisnamedCertificate { names: Some("DnsName(\"b\")".to_owned()) },
        ),
        (
            "client error (Connect): invalid peer certificate: NotValidForName",
            ConnectionCause::MisnamedCertificate { names: None },
        ),
        (
            "client error (Connect): invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
            ConnectionCause::AuthorityCertificate,
        ),
        (
            "client error (Connect): tunnel error: proxy authorization required",
            ConnectionCause::ProxyCredentials,
        ),
        ("client error (Connect): tunnel error: unsuccessful", ConnectionCause::ProxyRefused),
        (
            "client error (Connect): received corrupt message of type InvalidContentType",
            ConnectionCause::NoTls,
        ),
        (
            "client error (Connect): invalid peer certificate: BadSignature",
            ConnectionCause::BadCertificate { reason: "BadSignature".to_owned() },
        ),
        ("connection reset", ConnectionCause::Broken { reason: "connection reset".to_owned() }),
    ] {
        assert_eq!(cause(message), expected, "{message}");
    }
}
