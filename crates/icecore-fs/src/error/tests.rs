use super::*;

#[test]
fn text_names_operation_and_escaped_path() {
    let error = FsError::new("open the directory", b"a/b\n\xff".as_slice(), Errno::ACCESS);
    assert_eq!(error.to_string(), r#"open the directory "a/b\n\xFF""#);
    assert!(error.is_permission_denied());
    assert!(!error.is_not_found());
}

#[test]
fn the_root_is_a_dot() {
    let error = FsError::new("read the directory", Vec::new(), Errno::NOENT);
    assert_eq!(error.to_string(), r#"read the directory ".""#);
    assert!(error.is_not_found());
}

#[test]
fn interrupted_calls_are_repeated() {
    let mut calls = 0;
    let result = retry_interrupted(|| {
        calls += 1;
        if calls < 3 { Err(Errno::INTR) } else { Ok(calls) }
    });
    assert_eq!(result, Ok(3));
}
