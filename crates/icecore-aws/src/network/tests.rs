use super::*;

fn proxies(no: &str) -> Proxies {
    let matcher =
        Matcher::builder().http("http://user:secret@proxy:3128").https("http://tls-proxy:3129").no(no);
    Proxies::of(matcher.build())
}

#[test]
fn proxies_are_named_without_their_passwords() {
    let proxies = proxies("inside.example");
    assert_eq!(proxies.of_url("http://host:9000").as_deref(), Some("http://proxy:3128"));
    let peer = proxies.peer("https://key:secret@host/path?secret=1");
    assert_eq!(peer.to_string(), "https://host through the proxy http://tls-proxy:3129");
    assert_eq!(proxies.peer("https://s3.inside.example:9000/").to_string(), "https://s3.inside.example:9000");
}

#[test]
fn an_asterisk_among_the_exceptions_means_addresses_too() {
    for no in ["*", "inside.example,*", " * "] {
        let proxies = proxies(no);
        assert!(proxies.is_empty(), "{no}");
        for url in ["http://127.0.0.1:9000", "https://[::1]:9000", "https://host"] {
            assert_eq!(proxies.of_url(url), None, "{no} {url}");
        }
    }
    assert!(!proxies("inside.example").is_empty());
}

#[test]
fn an_error_keeps_its_kind_and_says_who_was_asked() {
    let peer = || Peer { url: "https://host".to_owned(), proxy: None };
    let error = named(ConnectorError::timeout("no answer".into()), peer());
    assert!(error.is_timeout());
    assert_eq!(Peer::of_error(&error), Some(&peer()));
    assert_eq!(error.into_source().to_string(), "cannot reach https://host");
    assert!(named(ConnectorError::io("reset".into()), peer()).is_io());
    assert!(named(ConnectorError::user("bad".into()), peer()).is_user());
}

#[test]
fn metadata_services_are_not_missed() {
    let peer = |url: &str| Peer { url: url.to_owned(), proxy: None };
    assert!(peer("http://169.254.169.254").is_metadata_service());
    assert!(peer("http://[fd00:ec2::254]").is_metadata_service());
    assert!(!peer("https://sts.eu-west-1.amazonaws.com").is_metadata_service());
}
