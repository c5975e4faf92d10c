use super::*;

fn excludes(patterns: &str) -> Excludes {
    let mut builder = Excludes::builder();
    builder.add_lines(patterns.as_bytes(), Path::new("list")).unwrap();
    builder.build().unwrap()
}

#[test]
fn patterns_mean_what_gitignore_says() {
    // Patterns (one per line), path (a slash at the end marks a directory), excluded.
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
    assert!(error.to_string().starts_with("parse the exclude pattern \"{a,b\": "), "{error}");

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

/// Returns what is reported about patterns (one per line) for the source `root`/src, which contains
/// user/cache and var.
fn ineffective(patterns: &str) -> Vec<(String, Option<String>)> {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    let real = base.join("src");
    for path in ["user/cache/keep", "var", "tmp"] {
        std::fs::create_dir_all(real.join(path)).unwrap();
    }
    std::os::unix::fs::symlink(&real, base.join("link")).unwrap();
    let base_text = base.to_str().unwrap();
    let mut builder = Excludes::builder();
    builder.add_lines(patterns.replace("BASE", base_text).as_bytes(), Path::new("list")).unwrap();
    let root = PatternRoot { given: Path::new("./src/"), real: &real, working_directory: Some(&base) };
    let found = builder.ineffective(&builder.build().unwrap(), root);
    let shown = |text: String| text.replace(base_text, "BASE");
    found.into_iter().map(|found| (shown(found.to_string()), found.instead.map(shown))).collect()
}

#[test]
fn patterns_without_effect_are_found_with_what_was_meant() {
    let not_relative = "patterns are relative to the source's root";
    let no_name = "paths in a source have no part that is `.`, `..` or empty";
    let cases = [
        ("BASE/src/user/cache", not_relative, Some("/user/cache")),
        ("BASE/src/user/cache/", not_relative, Some("/user/cache/")),
        ("BASE/src/*.tmp", not_relative, Some("/*.tmp")),
        ("BASE/link/user", not_relative, Some("/user")),
        ("BASE/src", not_relative, None),
        ("!BASE/src/user/cache", not_relative, Some("!/user/cache")),
        ("src/user/cache", not_relative, Some("/user/cache")),
        ("./src/user/cache", not_relative, Some("/user/cache")),
        ("./user/cache", no_name, Some("/user/cache")),
        ("./*.tmp", no_name, Some("/*.tmp")),
        ("user/./cache", no_name, Some("/user/cache")),
        ("user//cache", no_name, Some("/user/cache")),
        ("cache//", no_name, Some("/cache/")),
        ("../src/user", no_name, None),
        ("user/../cache", no_name, None),
        (".", no_name, None),
        ("./", no_name, None),
        ("/", no_name, None),
        ("~/cache", "`~` and variables", None),
        ("$HOME/cache", "`~` and variables", None),
        ("/user/cache/\n!/user/cache/keep/", "below \"user/cache\"", None),
        ("*\n!/user/cache/keep", "below \"user\"", None),
        ("**/.", no_name, Some("/**")),
        ("cache/\n!cache/keep", "below \"cache\"", None),
        ("cache\n!user/cache/*.txt", "below \"user/cache\"", None),
    ];
    for (patterns, reason, instead) in cases {
        let found = ineffective(patterns);
        let [(text, meant)] = found.as_slice() else { panic!("{patterns:?}: {found:?}") };
        assert!(text.contains(reason) && text.contains("of \"list\""), "{patterns:?}: {text}");
        assert_eq!(meant.as_deref(), instead, "{patterns:?}");
        // They really match nothing that they might match.
        if reason != not_relative && !patterns.contains('\n') {
            let excludes = excludes(patterns);
            for path in ["user", "user/cache", "cache", "x/cache", "a.tmp", "x/a.tmp"] {
                assert!(!excludes.is_excluded(path.as_bytes(), true), "{patterns:?} {path}");
            }
        }
    }
}

#[test]
fn patterns_that_may_have_an_effect_are_left_alone() {
    let cases = [
        "*.log",
        "/user/cache/",
        "user/cache",
        "src",
        "src/",
        "/src/x",
        "cache/",
        "/somewhere/else",
        "/tmp/x",
        "BASE",
        "a/**/b",
        "!keep",
        "/user/cache/*\n!/user/cache/keep/",
        "# ./x",
        "",
        "~backup",
        "*~",
        "\\~/x",
        "...",
        ".git/",
        "/.*",
    ];
    for patterns in cases {
        assert_eq!(ineffective(patterns), [], "{patterns:?}");
    }
}

#[test]
fn a_path_that_the_source_has_inside_is_not_taken_for_one_of_the_host() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().canonicalize().unwrap();
    let pattern = real.join("x");
    let mut builder = Excludes::builder();
    builder.add_pattern(pattern.to_str().unwrap()).unwrap();
    let excludes = builder.build().unwrap();
    let root = PatternRoot { given: &real, real: &real, working_directory: None };
    assert_eq!(builder.ineffective(&excludes, root).len(), 1);
    std::fs::create_dir_all(real.join(real.strip_prefix("/").unwrap())).unwrap();
    assert_eq!(builder.ineffective(&excludes, root), []);
    let host = PatternRoot { given: Path::new("/"), real: Path::new("/"), working_directory: None };
    assert_eq!(builder.ineffective(&excludes, host), []);
}
