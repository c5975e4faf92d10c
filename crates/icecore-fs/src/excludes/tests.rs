use super::*;

fn excludes(patterns: &str) -> Excludes {
    let mut builder = Excludes::builder();
    builder.add_lines(patterns.as_bytes(), Path::new("list")).unwrap();
    builder.build().unwrap()
}

#[test]
fn patterns_mean_what_gitignore_says() {
    // Patterns (one a line), path (a slash at the end marks a directory), excluded.
    let cases: &[(&str, &[u8], bool)] = &[
        ("*.log", b"a.log", true),
        ("*.log", b"deep/down/a.log", true),
        ("*.log", b"a.log.gz", false),
        ("*.log", b".log", true),
        ("/*.log", b"a.log", true),
        ("/*.log", b"b/a.log", false),
        ("var/cache", b"var/cache/", true),
        ("var/cache", b"x/var/cache/", false),
        ("/var/cache", b"var/cache", true),
        ("cache/", b"cache/", true),
        ("cache/", b"cache", false),
        ("cache/", b"a/b/cache/", true),
        ("a/*/c", b"a/b/c", true),
        ("a/*/c", b"a/b/b/c", false),
        ("a/**/c", b"a/b/b/c", true),
        ("a/**/c", b"a/c", true),
        ("**/x", b"x", true),
        ("a/**", b"a/", false),
        ("a/**", b"a/b", true),
        ("*", b"anything", true),
        ("[a-c]?", b"b1", true),
        ("[!a-c]?", b"b1", false),
        ("{a,b}.txt", b"a.txt", true),
        ("*.log\n!keep.log", b"keep.log", false),
        ("!keep.log\n*.log", b"keep.log", true),
        ("*.log\n!keep.log\n/keep.log", b"keep.log", true),
        ("# comment\n\n   \n*.log\r\n", b"a.log", true),
        ("\\#name", b"#name", true),
        ("\\!name", b"!name", true),
        ("a\\*", b"a*", true),
        ("a\\*", b"ab", false),
        ("trailing   ", b"trailing", true),
        ("UPPER", b"upper", false),
        ("*.log", b"\xff\xfe.log", true),
        ("?.log", b"\xff.log", true),
        ("*.log", b"new\nline.log", true),
        ("a?b", b"a\nb", true),
        ("\u{feff}*.log", b"a.log", true),
        ("grün", "grün".as_bytes(), true),
    ];
    for (patterns, path, excluded) in cases {
        let (path, is_directory) = match path.strip_suffix(b"/") {
            Some(path) => (path, true),
            None => (*path, false),
        };
        let decided = excludes(patterns).is_excluded(path, is_directory);
        assert_eq!(decided, *excluded, "{patterns:?} {:?}", String::from_utf8_lossy(path));
    }
}

#[test]
fn no_patterns_exclude_nothing() {
    for none in [Excludes::none(), Excludes::default(), excludes("# only a comment\n")] {
        assert!(none.is_empty());
        assert!(!none.is_excluded(b"a", false));
    }
    assert!(!excludes("x").is_empty());
}

#[test]
fn errors_name_pattern_and_line() {
    let mut builder = Excludes::builder();
    let error = builder.add_lines(b"fine\n\nbad[pattern\n", Path::new("/etc/excludes")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("\"bad[pattern\" on line 3 of \"/etc/excludes\""), "{text}");

    let error = builder.add_pattern("{a,b").unwrap_err();
    assert!(error.to_string().starts_with("understand the exclude pattern \"{a,b\": "), "{error}");

    let error = builder.add_lines(b"fine\n\xff\n", Path::new("list")).unwrap_err();
    assert!(matches!(error, ExcludeError::NotUtf8 { line: 2, .. }));

    let error = builder.add_file(Path::new("/nonexistent/excludes")).unwrap_err();
    assert!(matches!(error, ExcludeError::File { .. }));
}

#[test]
fn a_pattern_that_would_do_nothing_is_an_error() {
    for pattern in ["", "  ", "#name"] {
        let error = Excludes::builder().add_pattern(pattern).map(|_| ()).unwrap_err();
        assert!(matches!(error, ExcludeError::Pattern { origin: None, .. }), "{pattern:?}");
    }
}

#[test]
fn files_and_patterns_apply_in_the_order_given() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list");
    std::fs::write(&list, "!a.log\n").unwrap();
    let mut builder = Excludes::builder();
    builder.add_pattern("*.log").unwrap().add_file(&list).unwrap();
    assert!(!builder.build().unwrap().is_excluded(b"a.log", false));
    builder.add_pattern("a.*").unwrap();
    assert!(builder.build().unwrap().is_excluded(b"a.log", false));
}

#[test]
fn a_list_is_made_again_from_its_patterns() {
    let mut builder = Excludes::builder();
    builder.add_lines(b"# comment\n*.log\n\n!kept.log\r\n  \n", Path::new("list")).unwrap();
    builder.add_pattern("/only/here/").unwrap();
    let excludes = builder.build().unwrap();
    assert_eq!(excludes.patterns(), ["*.log", "!kept.log", "/only/here/"]);
    let again = Excludes::from_patterns(excludes.patterns().iter().map(String::as_str)).unwrap();
    assert_eq!(again.patterns(), excludes.patterns());
    for (path, is_directory) in
        [("a.log", false), ("kept.log", false), ("only/here", true), ("only/here", false)]
    {
        let path = path.as_bytes();
        assert_eq!(again.is_excluded(path, is_directory), excludes.is_excluded(path, is_directory));
    }
    assert!(Excludes::from_patterns([]).unwrap().is_empty());
}
