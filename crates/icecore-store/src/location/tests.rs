use proptest::prelude::*;

use super::*;

fn local(path: &str) -> RepositoryLocation {
    RepositoryLocation::Local(PathBuf::from(path))
}

#[test]
fn paths_and_file_urls() {
    for (text, path) in [
        ("/srv/backup", "/srv/backup"),
        ("/", "/"),
        ("repository", "repository"),
        ("../r", "../r"),
        ("./host:r", "./host:r"),
        ("./~", "./~"),
        ("/srv/a:b", "/srv/a:b"),
        ("/100%", "/100%"),
        ("file:///srv/backup", "/srv/backup"),
        ("FILE:///srv", "/srv"),
        ("file:/srv", "/srv"),
        ("file://localhost/srv", "/srv"),
        ("file:///my%20disk/%c3%A4", "/my disk/ä"),
        ("file:///a?b#c", "/a?b#c"),
        ("file", "file"),
    ] {
        assert_eq!(text.parse(), Ok(local(path)), "{text}");
    }
}

#[test]
fn not_utf_8() {
    let text = OsStr::from_bytes(b"/srv/\xff");
    assert_eq!(RepositoryLocation::parse(text), Ok(RepositoryLocation::Local(PathBuf::from(text))));
    let decoded = RepositoryLocation::parse(OsStr::new("file:///srv/%ff"));
    assert_eq!(decoded, Ok(RepositoryLocation::Local(PathBuf::from(text))));
}

#[test]
fn refused() {
    let error = |text: &str| text.parse::<RepositoryLocation>().unwrap_err();
    assert_eq!(error(""), LocationError::Empty);
    assert_eq!(error("SFTP://host/path"), LocationError::UnknownScheme { scheme: "sftp".into() });
    assert_eq!(
        error("gs://bucket/prefix").to_string(),
        "repositories at gs:// are not supported by this build, only /path, file:///path and s3://bucket/prefix"
    );
    for text in
        ["s3:https://host/bucket", "sftp:user@host:/srv", "host:/srv", "~/backup", "~root/x", "file:x"]
    {
        assert!(matches!(error(text), LocationError::Ambiguous { .. }), "{text}");
    }
    assert_eq!(error("file://nas/srv"), LocationError::ForeignHost { host: "nas".into() });
    for text in ["file://", "file://localhost"] {
        assert!(matches!(error(text), LocationError::NotAbsolute { .. }), "{text}");
    }
    for text in ["file:///a%", "file:///a%2", "file:///a%zz", "file:///a%+1"] {
        assert!(matches!(error(text), LocationError::BadEscape { .. }), "{text}");
    }
    for text in ["/a\0b", "file:///a%00b"] {
        assert!(matches!(error(text), LocationError::ZeroByte { .. }), "{text}");
    }
}

#[test]
fn buckets_and_prefixes() {
    for (text, bucket, prefix, shown) in [
        ("s3://bucket/prefix", "bucket", "prefix", "s3://bucket/prefix"),
        ("S3://a.b-c/d/e f/", "a.b-c", "d/e f", "s3://a.b-c/d/e f"),
        ("s3://bucket", "bucket", "", "s3://bucket"),
        ("s3://bucket/", "bucket", "", "s3://bucket"),
        ("s3://bucket/100%", "bucket", "100%", "s3://bucket/100%"),
    ] {
        let location: RepositoryLocation = text.parse().unwrap();
        assert_eq!(location, RepositoryLocation::S3 { bucket: bucket.into(), prefix: prefix.into() });
        assert_eq!(location.to_string(), shown);
    }
    for text in ["s3://", "s3:///prefix", "s3://ab", "s3://Bucket/x", "s3://a_b", "s3://-ab", "s3://a..b"] {
        let error = text.parse::<RepositoryLocation>().unwrap_err();
        assert_eq!(error, LocationError::NoBucket { text: text.into() });
    }
    for text in ["s3://bucket/a//b", "s3://bucket/../b", "s3://bucket/a\nb"] {
        let error = text.parse::<RepositoryLocation>().unwrap_err();
        assert!(matches!(error, LocationError::BadPrefix { .. }), "{text}: {error}");
    }
    let long = format!("s3://bucket/{}", "p".repeat(513));
    assert!(matches!(long.parse::<RepositoryLocation>(), Err(LocationError::BadPrefix { .. })));
}

#[test]
fn access_points() {
    let arn = "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/prod";
    for (end, prefix) in [("", ""), ("/", ""), ("/some/prefix", "some/prefix")] {
        let location: RepositoryLocation = format!("s3://{arn}{end}").parse().unwrap();
        assert_eq!(location, RepositoryLocation::S3 { bucket: arn.into(), prefix: prefix.into() });
        assert_eq!(location.to_string(), format!("s3://{arn}{}", end.trim_end_matches('/')));
    }
    for text in [
        "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint",
        "s3://arn:aws:s3:eu-west-1:1234:accesspoint/prod",
        "s3://arn:aws:s3-outposts:eu-west-1:123456789012:accesspoint/prod",
        "s3://arn:aws:s3:::bucket",
    ] {
        assert!(text.parse::<RepositoryLocation>().is_err(), "{text}");
    }
}

#[test]
fn kinds_of_buckets_that_are_not_supported_are_named() {
    for (text, kind) in [
        ("s3://logs--usw2-az1--x-s3/prefix", "S3 Express"),
        ("s3://point--usw2-az1--xa-s3", "S3 Express"),
        ("s3://mfzwi23gnjvgw.mrap/prefix", "multi-region"),
        ("s3://arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap/prefix", "multi-region"),
    ] {
        let error = text.parse::<RepositoryLocation>().unwrap_err();
        assert!(matches!(error, LocationError::UnsupportedBucket { .. }), "{text}: {error}");
        assert!(error.to_string().contains(kind), "{error}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_absolute_paths_stay(text in "\\PC{0,30}") {
        prop_assert!(text.is_empty() || text.parse::<RepositoryLocation>() != Err(LocationError::Empty));
        let path = format!("/{text}");
        prop_assert_eq!(path.parse(), Ok(local(&path)));
    }
}
