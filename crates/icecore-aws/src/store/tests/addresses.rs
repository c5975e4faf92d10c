//! Addresses of Amazon's S3: the region that signs, the prices that apply, and the host that is contacted. No
//! request is made.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use super::*;

/// Opens a store whose options name another region than the address.
async fn open(bucket: &str, url: Option<&str>) -> S3Store {
    let environment = Environment {
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SystemEntropy),
        sleep: Arc::new(InstantSleep::default()),
    };
    let credentials =
        Credentials::Static { access_key_id: "AKTEST".to_owned(), secret_access_key: "SKTEST".to_owned() };
    let options = S3Options {
        endpoint_url: url.map(str::to_owned),
        region: Some("us-east-1".to_owned()),
        credentials,
        ..S3Options::new(bucket, "prefix")
    };
    S3Store::open(options, environment).await
}

/// Returns the URL of an object, without its signature.
async fn address(store: &S3Store) -> String {
    let request = store
        .requester
        .client()
        .get_object()
        .bucket(&store.location.bucket)
        .key(store.location.full_key("icecore"));
    let validity = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    let signed = request.presigned(validity).await.unwrap();
    signed.uri().split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_address_says_the_region_and_counts_as_amazons() {
    for (host, region) in [
        ("bucket.vpce-1a2b-5e6f.s3.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("s3.amazonaws.com", "us-east-1"),
    ] {
        let url = format!("https://{host}");
        let store = open("backups", Some(&url)).await;
        assert_eq!((store.region(), store.aws_region()), (region, Some(region)), "{host}");
        assert_eq!(address(&store).await, format!("{url}/backups/prefix/icecore"));
    }
    let ordinary = open("backups", None).await;
    assert_eq!(ordinary.aws_region(), Some("us-east-1"));
    assert_eq!(address(&ordinary).await, "https://backups.s3.us-east-1.amazonaws.com/prefix/icecore");
    let other = open("backups", Some("https://s3.example.org")).await;
    assert_eq!((other.region(), other.aws_region()), ("us-east-1", None), "nobody knows what it costs");
    let fast = open("backups", Some("https://s3-accelerate.amazonaws.com")).await;
    assert_eq!(address(&fast).await, "https://backups.s3-accelerate.amazonaws.com/prefix/icecore");
}

#[tokio::test]
async fn access_points_are_asked_by_their_host_name() {
    let arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/prod";
    let alias = "prod-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias";
    let store = open(arn, None).await;
    assert_eq!((store.region(), store.aws_region()), ("eu-west-1", Some("eu-west-1")));
    let host = "prod-123456789012.s3-accesspoint.eu-west-1.amazonaws.com";
    assert_eq!(address(&store).await, format!("https://{host}/prefix/icecore"));
    let private = "accesspoint.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com";
    let store = open(arn, Some(&format!("https://{private}"))).await;
    assert_eq!(address(&store).await, format!("https://prod-123456789012.{private}/prefix/icecore"));
    assert_eq!(store.aws_region(), Some("eu-west-1"));
    for url in [None, Some("https://s3.us-east-1.amazonaws.com")] {
        let store = open(alias, url).await;
        let expected = format!("https://{alias}.s3.us-east-1.amazonaws.com/prefix/icecore");
        assert_eq!(address(&store).await, expected, "{url:?}");
    }
    // Requests that an access point does not answer are not made.
    assert!(store.lifecycle().await.unwrap().is_unknown);
    assert_eq!(store.versioning().await.unwrap(), crate::bucket::Versioning::Unknown);
    assert_eq!(store.meter().usage().total().requests, 0);
}
