use super::*;
use crate::events::tests::with_causes;

fn settings(change: impl FnOnce(&mut S3Settings)) -> S3Settings {
    let mut settings = S3Settings::default();
    change(&mut settings);
    settings
}

#[test]
fn settings_become_options() {
    let settings = settings(|settings| {
        settings.endpoint_url = Some("https://s3.example.org/".to_owned());
        settings.region = Some("eu-central-1".to_owned());
        settings.encryption = S3Encryption::SseKms;
        settings.kms_key = Some("alias/backup".to_owned());
        settings.data_storage_class = Some("DEEP_ARCHIVE".to_owned());
    });
    let options = options("bucket", "prefix", &settings, true).unwrap();
    assert_eq!(options.endpoint_url.as_deref(), Some("https://s3.example.org"));
    assert_eq!(options.region.as_deref(), Some("eu-central-1"));
    assert_eq!(options.encryption, Encryption::Kms { key: Some("alias/backup".to_owned()) });
    assert_eq!(
        (options.data_class.as_str(), options.meta_class.name().as_str()),
        ("DEEP_ARCHIVE", "STANDARD")
    );
    assert!(options.single_writer);
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |change: fn(&mut S3Settings)| options("bucket", "", &settings(change), false).unwrap_err();
    let refused = |change| with_causes(&refused(change));
    for url in ["s3.example.org", "ftp://host", "https://", "https://a b"] {
        let settings = settings(|settings| settings.endpoint_url = Some(url.to_owned()));
        let failure = options("bucket", "", &settings, false).unwrap_err();
        assert!(matches!(failure, AccessError::NoServerUrl { .. }), "{url}");
    }
    let cold = refused(|settings| settings.meta_storage_class = Some("GLACIER".to_owned()));
    assert!(cold.contains("meta-storage-class") && cold.contains("thawed"), "{cold}");
    let unknown = refused(|settings| settings.data_storage_class = Some("FROZEN".to_owned()));
    assert!(unknown.contains("\"FROZEN\" is not a storage class"), "{unknown}");
    let unused = refused(|settings| settings.kms_key = Some("key".to_owned()));
    assert!(unused.contains("kms-key"), "{unused}");
}

#[test]
fn addresses_of_amazon_that_take_no_repository_are_refused() {
    let outcome = |url: &str| {
        let settings = settings(|settings| settings.endpoint_url = Some(url.to_owned()));
        options("bucket", "", &settings, false).map(|options| options.endpoint_url)
    };
    for url in [
        "https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
        "https://accesspoint.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
        "https://s3-fips.dualstack.us-gov-west-1.amazonaws.com",
        "https://s3.cn-north-1.amazonaws.com.cn",
        "https://s3-accelerate.amazonaws.com",
        "https://minio.elb.eu-west-1.amazonaws.com",
    ] {
        assert_eq!(outcome(url).unwrap().as_deref(), Some(url));
    }
    for (url, message, kind) in [
        ("https://my.s3.eu-west-1.amazonaws.com", "names a bucket", UnusableEndpoint::Bucket),
        (
            "https://vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
            "requests for objects",
            UnusableEndpoint::PrivateNetwork,
        ),
        (
            "https://s3-website-eu-west-1.amazonaws.com",
            "requests for objects",
            UnusableEndpoint::NotForObjects,
        ),
        (
            "https://a-1.s3-accesspoint.eu-west-1.amazonaws.com",
            "names an access point",
            UnusableEndpoint::AccessPoint,
        ),
        ("https://x.mrap.accesspoint.s3-global.amazonaws.com", "multi-region", UnusableEndpoint::MultiRegion),
        (
            "https://s3express-usw2-az1.us-west-2.amazonaws.com",
            "S3 Express One Zone",
            UnusableEndpoint::Express,
        ),
    ] {
        let failure = outcome(url).unwrap_err();
        assert!(failure.to_string().contains(message), "{failure}");
        let AccessError::UnusableEndpoint { kind: found, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(found, kind, "{url}");
    }
}
