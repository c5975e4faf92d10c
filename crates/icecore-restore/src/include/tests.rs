use super::{IncludeError, IncludePatterns};

fn included(patterns: &[&str], path: &str, is_directory: bool) -> bool {
    let patterns = IncludePatterns::new(patterns.iter().copied()).unwrap();
    patterns.is_included(path.as_bytes(), is_directory)
}

#[test]
fn no_pattern_includes_everything() {
    assert!(included(&[], "", true));
    assert!(included(&[], "a/b", false));
}

#[test]
fn patterns_select_and_exclude_again() {
    assert!(included(&["*.txt"], "a/b.txt", false));
    assert!(!included(&["*.txt"], "a/b.rs", false));
    assert!(included(&["/a"], "a", true));
    assert!(!included(&["/a"], "b/a", true));
    assert!(!included(&["a/"], "a", false));
    assert!(included(&["/a"], "a/b", false), "below an included directory");
    assert!(!included(&["/a", "!*.o"], "a/b.o", false));
    assert!(!included(&["*"], "", true), "the root itself");
}

#[test]
fn the_last_pattern_that_matches_an_object_or_a_directory_around_it_decides() {
    let all_but = ["*", "!/d/"];
    assert!(included(&all_but, "a", false) && included(&all_but, "e/d/x", false));
    for path in ["d", "d/x", "d/x/y"] {
        assert!(!included(&all_but, path, path == "d"), "{path}");
    }
    assert!(!included(&["*.txt", "!/d/"], "d/a.txt", false));
    assert!(included(&["!/d/", "*.txt"], "d/a.txt", false));
    let again = ["/a", "!/a/b/", "/a/b/keep"];
    assert!(included(&again, "a/x", false) && included(&again, "a/b/keep/x", false));
    assert!(!included(&again, "a/b/x", false));
    // An earlier pattern does not bring back what a later one excludes.
    assert!(!included(&["/a/b", "!/a"], "a/b/x", false));
}

#[test]
fn a_decision_follows_from_that_on_the_parent() {
    let patterns = IncludePatterns::new(["*", "!/d/", "*.txt"]).unwrap();
    let parent = patterns.decide(b"d", true, patterns.root());
    assert!(!parent.is_included());
    assert_eq!(patterns.decide(b"d/x", false, parent), parent);
    assert!(patterns.decide(b"d/x.txt", false, parent).is_included());
    assert_eq!(patterns.decide(b"", true, parent), patterns.root());
}

#[test]
fn patterns_that_do_nothing_or_do_not_parse_are_refused() {
    for pattern in ["", "  ", "# note", "[a"] {
        let error = IncludePatterns::new([pattern]).unwrap_err();
        assert!(matches!(error, IncludeError::Pattern { .. }), "{pattern:?}: {error}");
    }
}
