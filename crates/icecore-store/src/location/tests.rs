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
    assert_eq!(error("S3://bucket/prefix"), LocationError::UnknownScheme { scheme: "s3".into() });
    assert_eq!(
        error("s3://bucket/prefix").to_string(),
        "repositories at s3:// are not supported by this build, only /path and file:///path"
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

proptest! {
    #[test]
    fn never_panics_and_absolute_paths_stay(text in "\\PC{0,30}") {
        prop_assert!(text.is_empty() || text.parse::<RepositoryLocation>() != Err(LocationError::Empty));
        let path = format!("/{text}");
        prop_assert_eq!(path.parse(), Ok(local(&path)));
    }
}
