use super::{IncludeError, IncludePatterns};

fn included(patterns: &[&str], path: &str, is_directory: bool, parent_included: bool) -> bool {
    let patterns = IncludePatterns::new(patterns.iter().copied()).unwrap();
    patterns.is_included(path.as_bytes(), is_directory, parent_included)
}

#[test]
fn no_pattern_includes_everything() {
    assert!(included(&[], "", true, false));
    assert!(included(&[], "a/b", false, false));
}

#[test]
fn patterns_select_and_take_out_again() {
    assert!(included(&["*.txt"], "a/b.txt", false, false));
    assert!(!included(&["*.txt"], "a/b.rs", false, false));
    assert!(included(&["/a"], "a", true, false));
    assert!(!included(&["/a"], "b/a", true, false));
    assert!(!included(&["a/"], "a", false, false));
    assert!(included(&["/a"], "a/b", false, true), "below an included directory");
    assert!(!included(&["/a", "!*.o"], "a/b.o", false, true));
}

#[test]
fn patterns_that_do_nothing_or_do_not_parse_are_refused() {
    for pattern in ["", "  ", "# note", "[a"] {
        let error = IncludePatterns::new([pattern]).unwrap_err();
        assert!(matches!(error, IncludeError::Pattern { .. }), "{pattern:?}: {error}");
    }
}
