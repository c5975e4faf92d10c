use super::*;

fn found(host: &str) -> (AwsEndpointKind, Option<String>, Option<String>) {
    let endpoint = aws_endpoint(&format!("https://{host}")).unwrap_or_else(|| panic!("{host}"));
    (endpoint.kind, endpoint.region, endpoint.bucket)
}

#[test]
fn every_form_of_address_is_known() {
    use AwsEndpointKind::{
        Accelerated, AccessPoints, Buckets, Express, MultiRegion, NotForObjects, VpcEndpoint,
    };
    for (host, kind, region, bucket) in [
        ("s3.amazonaws.com", Buckets, "", ""),
        ("s3.eu-west-1.amazonaws.com", Buckets, "eu-west-1", ""),
        ("s3.eu-west-1.amazonaws.com:443/", Buckets, "eu-west-1", ""),
        ("S3.EU-West-1.AmazonAWS.com.", Buckets, "eu-west-1", ""),
        ("s3-eu-west-1.amazonaws.com", Buckets, "eu-west-1", ""),
        ("s3-external-1.amazonaws.com", Buckets, "us-east-1", ""),
        ("s3.dualstack.ap-southeast-2.amazonaws.com", Buckets, "ap-southeast-2", ""),
        ("s3-fips.us-east-2.amazonaws.com", Buckets, "us-east-2", ""),
        ("s3-fips.dualstack.us-gov-west-1.amazonaws.com", Buckets, "us-gov-west-1", ""),
        ("s3-fips-us-gov-west-1.amazonaws.com", Buckets, "us-gov-west-1", ""),
        ("s3.us-gov-east-1.amazonaws.com", Buckets, "us-gov-east-1", ""),
        ("s3.cn-north-1.amazonaws.com.cn", Buckets, "cn-north-1", ""),
        ("s3.dualstack.cn-northwest-1.amazonaws.com.cn", Buckets, "cn-northwest-1", ""),
        ("s3.eusc-de-east-1.amazonaws.eu", Buckets, "eusc-de-east-1", ""),
        ("s3.us-iso-east-1.c2s.ic.gov", Buckets, "us-iso-east-1", ""),
        ("my.bucket.s3.eu-west-1.amazonaws.com", Buckets, "eu-west-1", "my.bucket"),
        ("bucket.vpce-1a2b-5e6f.s3.us-east-1.vpce.amazonaws.com", VpcEndpoint, "us-east-1", ""),
        ("bucket.vpce-1a2b-5e6f-us-east-1a.s3.us-east-1.vpce.amazonaws.com", VpcEndpoint, "us-east-1", ""),
        ("bucket.vpce-1.s3.cn-north-1.vpce.amazonaws.com.cn", VpcEndpoint, "cn-north-1", ""),
        ("b1.bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com", VpcEndpoint, "us-east-1", "b1"),
        ("accesspoint.vpce-1.s3.us-east-1.vpce.amazonaws.com", AccessPoints, "us-east-1", ""),
        ("control.vpce-1.s3.us-east-1.vpce.amazonaws.com", NotForObjects, "us-east-1", ""),
        ("vpce-1.s3.us-east-1.vpce.amazonaws.com", NotForObjects, "us-east-1", ""),
        ("ap-1.s3-accesspoint.us-west-2.amazonaws.com", AccessPoints, "us-west-2", "ap-1"),
        ("s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com", AccessPoints, "us-west-2", ""),
        ("s3-accelerate.amazonaws.com", Accelerated, "", ""),
        ("s3-accelerate.dualstack.amazonaws.com", Accelerated, "", ""),
        (
            "b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com",
            Express,
            "us-west-2",
            "b--usw2-az1--x-s3",
        ),
        ("x.mrap.accesspoint.s3-global.amazonaws.com", MultiRegion, "", "x.mrap.accesspoint"),
        ("b1.s3-website-us-east-1.amazonaws.com", NotForObjects, "us-east-1", "b1"),
        ("s3-control.eu-west-1.amazonaws.com", NotForObjects, "eu-west-1", ""),
    ] {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        assert_eq!(found(host), (kind, text(region), text(bucket)), "{host}");
    }
}

#[test]
fn other_servers_are_not_amazons_wherever_they_run() {
    for url in [
        "https://s3.example.org",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "https://s3.amazonaws.com.example.org",
        "https://nots3amazonaws.com",
        "https://amazonaws.com",
        "https://ec2-3-1-1-1.eu-west-1.compute.amazonaws.com:9000",
        "https://s3-gateway-123.elb.eu-west-1.amazonaws.com",
        "https://s3.123.execute-api.eu-west-1.amazonaws.com",
        "https://s3.eu-west-1.wasabisys.com",
        "https://kms.eu-west-1.amazonaws.com",
        "",
    ] {
        assert_eq!(aws_endpoint(url), None, "{url}");
    }
}

#[test]
fn access_points_are_known_by_their_arn_or_alias() {
    for (bucket, region) in [
        ("arn:aws:s3:us-west-2:123456789012:accesspoint/prod", Some("us-west-2")),
        ("arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/prod", Some("cn-north-1")),
        ("prod-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias", None),
    ] {
        assert!(is_access_point(bucket), "{bucket}");
        assert_eq!(region_of_access_point(bucket), region);
    }
    for bucket in ["bucket", "arn", "my-s3alias-bucket", "arn:aws:sns:us-west-2:1:topic"] {
        assert!(!is_access_point(bucket), "{bucket}");
    }
}
